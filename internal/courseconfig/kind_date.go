package courseconfig

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"coursewright/internal/courseconfig/pyvalue"
)

// moment is a date as the course gives it: a time with or without a zone, a
// day, or any other text.
type moment struct {
	form  momentForm
	time  time.Time // a day stands at its midnight
	naive bool      // a time without zone; time is then in UTC
	text  string
}

type momentForm int

const (
	momentText momentForm = iota
	momentDay
	momentTime
)

// dateKind is a date, a time or, as the last resort, a text.
type dateKind struct{}

func (dateKind) allowed() string {
	return "a time such as 2026-09-01 12:00, or a day such as 2026-09-01"
}

func (dateKind) schema() object { return object{"type": []string{"string", "number", "boolean"}} }

func (k dateKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	m, ok := asMoment(v)
	if !ok {
		c.fail(v, at, "found "+found(v)+"; allowed is "+k.allowed(), "")
		return nil, false
	}
	c.warnMoment(m, v, at)
	return m, true
}

// warnMoment warns of dates that A+ does not understand.
func (c *checker) warnMoment(m moment, v *pyvalue.Value, at *place) {
	const hint = "write it as 2026-09-01 12:00"
	switch {
	case m.form == momentText && !readByAPlus(m.text):
		c.warn(v, at, "A+ does not understand the date "+quote(m.text), hint)
	case m.form == momentTime && !m.naive && m.offset() != 0:
		c.warn(v, at, "A+ does not understand a date with an offset from UTC", "leave the offset out: A+ reads every date in its own time zone")
	case m.form == momentTime && m.time.Nanosecond() >= 1000:
		c.warn(v, at, "A+ does not understand fractions of a second", hint)
	}
}

// readByAPlus says whether A+ reads a text that is no date here; of its formats
// this is the only one that could come so far.
func readByAPlus(s string) bool {
	_, err := time.Parse("2006-01-02 15", s)
	return err == nil
}

func (m moment) offset() int {
	_, seconds := m.time.Zone()
	return seconds
}

// compared gives the time that stands for m in comparisons: a day counts as its
// last moment, a text has none.
func (m moment) compared() (t time.Time, naive, ok bool) {
	switch m.form {
	case momentTime:
		return m.time, m.naive, true
	case momentDay:
		y, month, d := m.time.Date()
		return time.Date(y, month, d, 23, 59, 59, 999_999_000, time.UTC), true, true
	default:
		return time.Time{}, false, false
	}
}

// String gives the date as A+ gets it.
func (m moment) String() string {
	switch m.form {
	case momentDay:
		return m.time.Format("2006-01-02")
	case momentTime:
		s := m.time.Format("2006-01-02T15:04:05")
		if micro := m.time.Nanosecond() / 1000; micro != 0 {
			s += "." + pad(micro/1000, 3)
		}
		return s + m.zone()
	default:
		return m.text
	}
}

func (m moment) zone() string {
	if m.naive {
		return ""
	}
	offset := m.offset()
	if offset == 0 {
		return "Z"
	}
	sign := "+"
	if offset < 0 {
		sign, offset = "-", -offset
	}
	s := sign + pad(offset/3600, 2) + ":" + pad(offset/60%60, 2)
	if offset%60 != 0 {
		s += ":" + pad(offset%60, 2)
	}
	return s
}

func pad(n, width int) string {
	s := strconv.Itoa(n)
	return strings.Repeat("0", max(0, width-len(s))) + s
}

// asMoment reads a value as a date; any text passes.
func asMoment(v *pyvalue.Value) (moment, bool) {
	switch v.Kind {
	case pyvalue.DateTime:
		return moment{form: momentTime, time: v.Time, naive: v.Naive}, true
	case pyvalue.Date:
		return moment{form: momentDay, time: v.Time}, true
	case pyvalue.Int, pyvalue.Float, pyvalue.Bool:
		f, _ := asFloat(v)
		if m, ok := unixMoment(f); ok {
			return m, true
		}
		return moment{text: pyvalue.PyStr(v)}, true
	case pyvalue.Bytes:
		if !utf8.ValidString(v.Str) {
			return moment{}, false
		}
		return textMoment(v.Str), true
	case pyvalue.String:
		return textMoment(v.Str), true
	default:
		return moment{}, false
	}
}

func textMoment(s string) moment {
	if f, ok := pyvalue.ParseFloat(s); ok {
		if m, ok := unixMoment(f); ok {
			return m
		}
		return moment{text: s}
	}
	if m, ok := parseTime(s); ok {
		return m
	}
	if t, ok := parseDay(dayPattern.FindStringSubmatch(s)); ok {
		return moment{form: momentDay, time: t}
	}
	return moment{text: s}
}

// Bounds of numbers that are read as a time: up to secondsLimit they are
// seconds, above it they are divided by 1000 until below, and what is above
// numberLimit is the last moment that Python knows.
const (
	secondsLimit = 2e10
	numberLimit  = 3e20
)

// unixMoment reads seconds since 1970 in UTC. Not a number gives false.
func unixMoment(seconds float64) (moment, bool) {
	switch {
	case math.IsNaN(seconds):
		return moment{}, false
	case seconds > numberLimit:
		return moment{form: momentTime, naive: true, time: time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)}, true
	case seconds < -numberLimit:
		return moment{form: momentTime, naive: true, time: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)}, true
	}
	for math.Abs(seconds) > secondsLimit {
		seconds /= 1000
	}
	whole, fraction := math.Modf(seconds)
	micro := math.RoundToEven(fraction * 1e6)
	return moment{form: momentTime, time: time.Unix(int64(whole), int64(micro)*1000).UTC()}, true
}

// The texts that are read as a day or a time. The digits of every script pass,
// and so does a line break at the end, as with Python's patterns.
var (
	dayPattern  = regexp.MustCompile(`^(\p{Nd}{4})-(\p{Nd}{1,2})-(\p{Nd}{1,2})\n?$`)
	timePattern = regexp.MustCompile(`^(\p{Nd}{4})-(\p{Nd}{1,2})-(\p{Nd}{1,2})[T ]` +
		`(\p{Nd}{1,2}):(\p{Nd}{1,2})(?::(\p{Nd}{1,2})(?:\.(\p{Nd}{1,6})\p{Nd}{0,6})?)?(Z|[+-]\p{Nd}{2}(?::?\p{Nd}{2})?)?\n?$`)
)

// parseDay takes year, month and day from the groups of a pattern.
func parseDay(groups []string) (time.Time, bool) {
	if groups == nil {
		return time.Time{}, false
	}
	y, m, d := number(groups[1]), number(groups[2]), number(groups[3])
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	return t, y >= 1 && t.Year() == y && int(t.Month()) == m && t.Day() == d
}

func parseTime(s string) (moment, bool) {
	g := timePattern.FindStringSubmatch(s)
	day, ok := parseDay(g)
	if !ok {
		return moment{}, false
	}
	hour, minute, second := number(g[4]), number(g[5]), number(g[6])
	micro := number((pyvalue.ASCIIDigits(g[7]) + "000000")[:6])
	zone, ok := parseZone(g[8])
	if !ok || hour > 23 || minute > 59 || second > 59 {
		return moment{}, false
	}
	y, m, d := day.Date()
	t := time.Date(y, m, d, hour, minute, second, micro*1000, zone)
	return moment{form: momentTime, time: t, naive: g[8] == ""}, true
}

// parseZone reads Z, ±HH, ±HHMM or ±HH:MM; nothing is UTC.
func parseZone(s string) (*time.Location, bool) {
	if s == "" || s == "Z" {
		return time.UTC, true
	}
	digits := pyvalue.ASCIIDigits(strings.ReplaceAll(s[1:], ":", ""))
	minutes := number(digits[:2]) * 60
	if len(digits) > 2 {
		minutes += number(digits[2:])
	}
	if s[0] == '-' {
		minutes = -minutes
	}
	return time.FixedZone("", minutes*60), minutes > -24*60 && minutes < 24*60
}

// number reads a few digits that a pattern has let through; none are zero.
func number(s string) int {
	n, err := strconv.Atoi(pyvalue.ASCIIDigits(s))
	if err != nil {
		return 0
	}
	return n
}
