package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// raw is a value as it was given: its text, and what that text is as JSON (the
// text itself when it is no JSON). Numbers are json.Number.
type raw struct {
	text  string
	value any
}

// readRaw reads a text as gitmanager's environment is read: JSON, else text.
func readRaw(text string) raw {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return raw{text: text, value: text}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return raw{text: text, value: text}
	}
	return raw{text: text, value: value}
}

// null says whether nothing was given on purpose.
func (r raw) null() bool { return r.value == nil }

// words is the value as text: a JSON text without its quotes, all else as it
// was written.
func (r raw) words() string {
	if s, ok := r.value.(string); ok {
		return s
	}
	return r.text
}

// kind is a type of settings.
type kind[T any] struct {
	name    string // for the documentation
	allowed string // what to give, for messages
	parse   func(raw) (T, error)
	show    func(T) string // nil: as given
}

// errRefused stands for "what was given is not allowed" where the kind's own
// description says it all.
var errRefused = errors.New("refused")

func texts() kind[string] {
	return kind[string]{name: "text", allowed: "a text", parse: func(r raw) (string, error) {
		switch r.value.(type) {
		case []any, map[string]any:
			return "", errRefused
		}
		if strings.ContainsRune(r.words(), 0) {
			return "", errRefused
		}
		return r.words(), nil
	}}
}

// names are texts that must not be empty.
func names() kind[string] {
	k := texts()
	k.allowed = "a text that is not empty"
	return k.with(func(s string) error {
		if strings.TrimSpace(s) == "" {
			return errRefused
		}
		return nil
	})
}

// with adds a check to a kind.
func (k kind[T]) with(check func(T) error) kind[T] {
	parse := k.parse
	k.parse = func(r raw) (T, error) {
		v, err := parse(r)
		if err == nil {
			err = check(v)
		}
		return v, err
	}
	return k
}

func secrets() kind[Secret] {
	return kind[Secret]{name: "text", allowed: "a text", parse: func(r raw) (Secret, error) {
		s, err := texts().parse(r)
		return Secret(s), err
	}, show: Secret.String}
}

func bools() kind[bool] {
	return kind[bool]{name: "true or false", allowed: "true or false", parse: func(r raw) (bool, error) {
		switch strings.ToLower(r.words()) {
		case "true", "yes", "on", "1":
			return true, nil
		case "false", "no", "off", "0":
			return false, nil
		}
		return false, errRefused
	}, show: strconv.FormatBool}
}

func ints(least, most int) kind[int] {
	allowed := fmt.Sprintf("a whole number from %d to %d", least, most)
	return kind[int]{name: "number", allowed: allowed, parse: func(r raw) (int, error) {
		n, err := strconv.Atoi(r.words())
		if err != nil || n < least || n > most {
			return 0, errRefused
		}
		return n, nil
	}}
}

func durations(least, most time.Duration) kind[time.Duration] {
	allowed := fmt.Sprintf("a time from %s to %s, such as 90s, 20m or 1h30m; a number means seconds", least, most)
	return kind[time.Duration]{name: "time", allowed: allowed, parse: func(r raw) (time.Duration, error) {
		text := r.words()
		if seconds, err := strconv.ParseFloat(text, 64); err == nil {
			// Also refuses what does not fit, and NaN.
			if !(seconds >= least.Seconds() && seconds <= most.Seconds()) {
				return 0, errRefused
			}
			return time.Duration(seconds * float64(time.Second)), nil
		}
		d, err := time.ParseDuration(text)
		if err != nil || d < least || d > most {
			return 0, errRefused
		}
		return d, nil
	}, show: time.Duration.String}
}

func paths() kind[string] {
	k := texts()
	parse := k.parse
	k.name, k.allowed = "path", "a path; a relative one starts at the working directory"
	k.parse = func(r raw) (string, error) {
		s, err := parse(r)
		if err != nil || s == "" {
			return "", err
		}
		return filepath.Abs(s)
	}
	k.show = func(s string) string { return s }
	return k
}

func addresses(allowed string, check func(*url.URL) bool) kind[string] {
	k := texts()
	parse := k.parse
	k.name, k.allowed, k.show = "address", allowed, redactURL
	k.parse = func(r raw) (string, error) {
		s, err := parse(r)
		if err != nil || s == "" {
			return "", err
		}
		u, err := url.Parse(s)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.Fragment != "" || !check(u) {
			return "", errRefused
		}
		return s, nil
	}
	return k
}

// anyURL is an http address.
func anyURL() kind[string] {
	return addresses("an http or https address", func(*url.URL) bool { return true })
}

// baseURL is an address that paths are added to.
func baseURL() kind[string] {
	return withoutSlash(addresses("an http or https address without query", func(u *url.URL) bool { return u.RawQuery == "" }))
}

func withoutSlash(k kind[string]) kind[string] {
	parse := k.parse
	k.parse = func(r raw) (string, error) {
		s, err := parse(r)
		return strings.TrimRight(s, "/"), err
	}
	return k
}

// shownURL is an address that others are told, and that holds no credentials
// therefore.
func shownURL() kind[string] {
	return withoutSlash(addresses("an http or https address without query and without user and password: it is shown to everybody",
		func(u *url.URL) bool { return u.RawQuery == "" && u.User == nil }))
}

func redactURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return mask
	}
	return u.Redacted()
}

func hostPorts() kind[string] {
	k := texts()
	k.name, k.allowed = "host:port", "host:port, such as localhost:7233"
	return k.with(func(s string) error {
		if s == "" {
			return nil
		}
		_, port, err := net.SplitHostPort(s)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			return errRefused
		}
		return nil
	})
}

func oneOf(words ...string) kind[string] {
	allowed := "one of " + strings.Join(words, ", ")
	return kind[string]{name: strings.Join(words, " / "), allowed: allowed, parse: func(r raw) (string, error) {
		if s := strings.ToLower(r.words()); slices.Contains(words, s) {
			return s, nil
		}
		return "", errRefused
	}}
}

func levels() kind[slog.Level] {
	names := oneOf("debug", "info", "warn", "error")
	return kind[slog.Level]{name: names.name, allowed: names.allowed, parse: func(r raw) (slog.Level, error) {
		s, err := names.parse(r)
		if err != nil {
			return 0, err
		}
		var level slog.Level
		return level, level.UnmarshalText([]byte(s))
	}}
}

func zones() kind[*time.Location] {
	return kind[*time.Location]{name: "time zone", allowed: "a name of the time zone database, such as Europe/Helsinki", parse: func(r raw) (*time.Location, error) {
		if r.words() == "Local" {
			return nil, errRefused // differs between hosts
		}
		zone, err := time.LoadLocation(r.words())
		if err != nil {
			return nil, errRefused
		}
		return zone, nil
	}}
}

// compact writes a value on one line for the log.
func compact(r raw) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(r.text)) == nil {
		return b.String()
	}
	return r.text
}
