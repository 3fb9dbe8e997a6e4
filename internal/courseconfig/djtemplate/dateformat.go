package djtemplate

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"coursewright/internal/courseconfig/pyvalue"
)

// dateFilter formats dates by Django's letters. Nothing is shown for values
// that are no dates.
func dateFilter(in filterInput) (val, error) {
	blank := in.value.is(pyvalue.Null) || in.value.is(pyvalue.String) && in.value.p.Str == ""
	if in.hasArg && in.arg.truthy() && !in.arg.is(pyvalue.String) && !blank {
		return val{}, fmt.Errorf("the format must be a text, not %s", excerpt(in.arg))
	}
	return dateOrTime(in, "DATE_FORMAT", formatDate)
}

// timeFilter knows only the letters for the time of day.
func timeFilter(in filterInput) (val, error) { return dateOrTime(in, "TIME_FORMAT", formatTime) }

func dateOrTime(in filterInput, otherwise string, format func(val, string) (string, error)) (val, error) {
	wanted, raw := "", "None"
	if in.hasArg {
		raw = pystr(in.arg)
		if in.arg.truthy() {
			wanted = raw
		}
	}
	if in.value.is(pyvalue.Null) || in.value.is(pyvalue.String) && in.value.p.Str == "" {
		return text(""), nil
	}
	if !in.value.is(pyvalue.Date) && !in.value.is(pyvalue.DateTime) {
		if hasFormatLetter(raw) || raw == wanted && wanted != dateFormatNamed(wanted, otherwise) {
			return text(""), nil
		}
		return text(unescapeFormat(raw)), nil
	}
	s, err := format(in.value, dateFormatNamed(wanted, otherwise))
	return text(s), err
}

// dateFormatNamed resolves the names of Django's formats to their English
// meaning; other formats stand for themselves.
func dateFormatNamed(format, otherwise string) string {
	if format == "" {
		format = otherwise
	}
	switch format {
	case "DATE_FORMAT":
		return "N j, Y"
	case "TIME_FORMAT":
		return "P"
	case "DATETIME_FORMAT":
		return "N j, Y, P"
	case "YEAR_MONTH_FORMAT":
		return "F Y"
	case "MONTH_DAY_FORMAT":
		return "F j"
	case "SHORT_DATE_FORMAT":
		return "m/d/Y"
	case "SHORT_DATETIME_FORMAT":
		return "m/d/Y P"
	}
	return format
}

const (
	timeLetters = "aAefgGhHiOPsTuZ"
	dateLetters = "bcdDEFIjlLmMnNorStUwWyYz"
)

// eachLetter walks a format: letters go to letter, other text, freed of its
// backslashes, to plain.
func eachLetter(format string, letter func(c byte) error, plain func(s string)) error {
	rest := format
	escaped := false // the character before was a backslash
	begin := 0
	for i := range len(rest) {
		c := rest[i]
		if !escaped && strings.IndexByte(timeLetters+dateLetters, c) >= 0 {
			plain(unescapeFormat(rest[begin:i]))
			if err := letter(c); err != nil {
				return err
			}
			begin = i + 1
		}
		escaped = c == '\\'
	}
	plain(unescapeFormat(rest[begin:]))
	return nil
}

func hasFormatLetter(format string) bool {
	found := false
	// The callback never fails, so neither does the walk.
	_ = eachLetter(format, func(byte) error { found = true; return nil }, func(string) {})
	return found
}

// unescapeFormat removes the backslash before each escaped character.
func unescapeFormat(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && s[i+1] != '\n' {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func formatDate(v val, format string) (string, error) {
	t := v.p.Time
	if !v.p.Naive {
		t = t.UTC()
	}
	var b strings.Builder
	err := eachLetter(format, func(c byte) error {
		if v.is(pyvalue.Date) && (strings.IndexByte(timeLetters, c) >= 0 || c == 'r') {
			return fmt.Errorf("the format letter %q needs a time, but the value is a date; escape letters as \\%c", c, c)
		}
		if strings.IndexByte(timeLetters, c) >= 0 {
			b.WriteString(timeLetter(t, c, v.p.Naive))
		} else {
			b.WriteString(dateLetter(v.p, t, c))
		}
		return nil
	}, func(s string) { b.WriteString(s) })
	return b.String(), err
}

func formatTime(v val, format string) (string, error) {
	if v.is(pyvalue.Date) {
		if hasFormatLetter(format) {
			return "", nil
		}
		return unescapeFormat(format), nil
	}
	t := v.p.Time
	if !v.p.Naive {
		t = t.UTC()
	}
	var b strings.Builder
	err := eachLetter(format, func(c byte) error {
		if strings.IndexByte(timeLetters, c) < 0 {
			return fmt.Errorf("the format letter %q is not one of the time of day", c)
		}
		b.WriteString(timeLetter(t, c, v.p.Naive))
		return nil
	}, func(s string) { b.WriteString(s) })
	return b.String(), err
}

func timeLetter(t time.Time, c byte, naive bool) string {
	hour := (t.Hour()+11)%12 + 1
	switch c {
	case 'a':
		return map[bool]string{true: "p.m.", false: "a.m."}[t.Hour() > 11]
	case 'A':
		return map[bool]string{true: "PM", false: "AM"}[t.Hour() > 11]
	case 'e':
		return map[bool]string{true: "", false: "UTC"}[naive]
	case 'f':
		if t.Minute() == 0 {
			return strconv.Itoa(hour)
		}
		return fmt.Sprintf("%d:%02d", hour, t.Minute())
	case 'g':
		return strconv.Itoa(hour)
	case 'G':
		return strconv.Itoa(t.Hour())
	case 'h':
		return fmt.Sprintf("%02d", hour)
	case 'H':
		return fmt.Sprintf("%02d", t.Hour())
	case 'i':
		return fmt.Sprintf("%02d", t.Minute())
	case 'O':
		return "+0000"
	case 'P':
		switch {
		case t.Minute() == 0 && t.Hour() == 0:
			return "midnight"
		case t.Minute() == 0 && t.Hour() == 12:
			return "noon"
		}
		return timeLetter(t, 'f', naive) + " " + timeLetter(t, 'a', naive)
	case 's':
		return fmt.Sprintf("%02d", t.Second())
	case 'T':
		return "UTC"
	case 'u':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000)
	default: // Z
		return "0"
	}
}

func dateLetter(p *pyvalue.Value, t time.Time, c byte) string {
	year, week := t.ISOWeek()
	switch c {
	case 'b':
		return strings.ToLower(t.Format("Jan"))
	case 'c':
		return isoFormat(p)
	case 'd':
		return t.Format("02")
	case 'D':
		return t.Format("Mon")
	case 'E', 'F':
		return t.Format("January")
	case 'I':
		return map[bool]string{true: "", false: "0"}[p.Kind == pyvalue.Date]
	case 'j':
		return t.Format("2")
	case 'l':
		return t.Format("Monday")
	case 'L':
		y := t.Year()
		return map[bool]string{true: "True", false: "False"}[y%4 == 0 && (y%100 != 0 || y%400 == 0)]
	case 'm':
		return t.Format("01")
	case 'M':
		return t.Format("Jan")
	case 'n':
		return t.Format("1")
	case 'N':
		months := "Jan. Feb. March April May June July Aug. Sept. Oct. Nov. Dec."
		return strings.Fields(months)[t.Month()-1]
	case 'o':
		return strconv.Itoa(year)
	case 'r':
		return t.Format("Mon, 02 Jan 2006 15:04:05 -0700")
	case 'S':
		return ordinal(t.Day())
	case 't':
		return strconv.Itoa(time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day())
	case 'U':
		return strconv.FormatInt(t.Unix(), 10)
	case 'w':
		return strconv.Itoa(int(t.Weekday()))
	case 'W':
		return strconv.Itoa(week)
	case 'y':
		return t.Format("06")
	case 'Y':
		return strconv.Itoa(t.Year())
	default: // z
		return strconv.Itoa(t.YearDay())
	}
}

func ordinal(day int) string {
	if day >= 11 && day <= 13 {
		return "th"
	}
	switch day % 10 {
	case 1:
		return "st"
	case 2:
		return "nd"
	case 3:
		return "rd"
	}
	return "th"
}

// isoFormat is Python's isoformat, after Django moved the time to UTC.
func isoFormat(p *pyvalue.Value) string {
	if p.Kind == pyvalue.Date {
		return p.Time.Format(time.DateOnly)
	}
	t, zone := p.Time, ""
	if !p.Naive {
		t, zone = t.UTC(), "+00:00"
	}
	layout := "2006-01-02T15:04:05"
	if t.Nanosecond()/1000 != 0 {
		layout += ".000000"
	}
	return t.Format(layout) + zone
}
