package lms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"coursewright/internal/remote"
)

// hint tells what a refusal usually means.
func hint(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "A+ takes calls only for course instances whose configuration address leads to this service; import the course in A+ once, and ask the administrator of A+ whether it trusts this service"
	case http.StatusNotFound:
		return "A+ has no course instance with this number; check the course's remote id"
	}
	if status >= 300 && status < 400 {
		return "check the address of A+ in FRONTEND_URL: A+ redirects"
	}
	return ""
}

// final makes a failure that came after A+ may have acted one that is not to be
// tried again, for calls that are made once.
func (in call) final(err error) error {
	var f *remote.Failure
	if in.once && errors.As(err, &f) && f.Kind != remote.KindConnect && f.Status != http.StatusServiceUnavailable && f.Status != http.StatusTooManyRequests {
		f.Kind = remote.KindAnswer
	}
	return err
}

// truthy judges a JSON value as Python would.
func truthy(value json.RawMessage) bool {
	var decoded any
	if json.Unmarshal(value, &decoded) != nil {
		return true // a number that is too large
	}
	switch v := decoded.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case float64:
		return v != 0
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// texts gives A+'s errors, one line each. What is no list counts as one.
func texts(value json.RawMessage) []string {
	value = bytes.TrimSpace(value)
	var list []json.RawMessage
	switch {
	case len(value) == 0:
		return nil
	case value[0] == '[':
		if json.Unmarshal(value, &list) != nil {
			return nil // cannot happen: the whole was valid
		}
	case truthy(value):
		list = []json.RawMessage{value}
	}
	rest := max(0, len(list)-maxErrors)
	var out []string
	for _, item := range list[:len(list)-rest] {
		said := string(item)
		var text string
		if item[0] == '"' && json.Unmarshal(item, &text) == nil {
			said = text
		}
		out = append(out, remote.OneLine(said, maxError))
	}
	if rest > 0 {
		out = append(out, fmt.Sprintf("and %d more errors", rest))
	}
	return out
}

// cutMiddle keeps the beginning and the end of a text that is longer than limit
// bytes.
func cutMiddle(text string, limit int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "")
	if len(text) <= limit {
		return text
	}
	head, tail := limit/4, len(text)-limit*3/4
	for !utf8.RuneStart(text[head]) {
		head--
	}
	for !utf8.RuneStart(text[tail]) {
		tail++
	}
	return fmt.Sprintf("%s\n[%d bytes are left out here]\n%s", text[:head], tail-head, text[tail:])
}

func orDefault(value, standard time.Duration) time.Duration {
	if value == 0 {
		return standard
	}
	return value
}
