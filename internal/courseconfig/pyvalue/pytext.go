package pyvalue

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// PyStr gives the text that Python's str() makes of a value.
func PyStr(v *Value) string {
	switch v.Kind {
	case String:
		return v.Str
	case Date:
		return v.Time.Format("2006-01-02")
	case DateTime:
		return clockText(v, "2006-01-02 15:04:05", ".000000", "-07:00")
	default:
		return PyRepr(v)
	}
}

// clockText formats a point in time, with the fraction unless it is zero and
// the zone unless there is none.
func clockText(v *Value, layout, fraction, zone string) string {
	if v.Time.Nanosecond() >= int(time.Microsecond) {
		layout += fraction
	}
	if !v.Naive {
		layout += zone
	}
	return v.Time.Format(layout)
}

// PyRepr gives the text that Python's repr() makes of a value. Sets are
// written in order of appearance.
func PyRepr(v *Value) string {
	var b strings.Builder
	writeRepr(&b, v)
	return b.String()
}

func writeRepr(b *strings.Builder, v *Value) {
	switch v.Kind {
	case Null:
		b.WriteString("None")
	case Bool:
		if v.Bool {
			b.WriteString("True")
		} else {
			b.WriteString("False")
		}
	case Int:
		b.WriteString(v.Int.String())
	case Float:
		b.WriteString(pyFloatText(v.Float))
	case String:
		writeStringRepr(b, v.Str)
	case Bytes:
		writeBytesRepr(b, v.Str)
	case Date:
		fmt.Fprintf(b, "datetime.date(%d, %d, %d)", v.Time.Year(), v.Time.Month(), v.Time.Day())
	case DateTime:
		writeTimeRepr(b, v)
	case List:
		if v.Tuple {
			writeItems(b, "(", v.Items, ")")
		} else {
			writeItems(b, "[", v.Items, "]")
		}
	case Set:
		if len(v.Items) == 0 {
			b.WriteString("set()")
		} else {
			writeItems(b, "{", v.Items, "}")
		}
	case Map:
		b.WriteByte('{')
		for i, e := range v.Entries {
			if i > 0 {
				b.WriteString(", ")
			}
			writeRepr(b, e.Key)
			b.WriteString(": ")
			writeRepr(b, e.Value)
		}
		b.WriteByte('}')
	}
}

func writeItems(b *strings.Builder, open string, items []*Value, end string) {
	b.WriteString(open)
	for i, item := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		writeRepr(b, item)
	}
	b.WriteString(end)
}

// pyFloatText gives a float as Python's repr does: the shortest digits that
// read back the same, with an exponent from 1e16 up and below 1e-4.
func pyFloatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	if a := math.Abs(f); a >= 1e16 || a != 0 && a < 1e-4 {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// quoteFor gives the quote Python's repr takes for a text.
func quoteFor(s string) byte {
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		return '"'
	}
	return '\''
}

func writeStringRepr(b *strings.Builder, s string) {
	quote := quoteFor(s)
	b.WriteByte(quote)
	for len(s) > 0 {
		r, n := decodeRune(s)
		switch {
		case writeCommonEscape(b, r, quote):
		case r != ' ' && !unicode.IsPrint(r) || r >= 0xD800 && r <= 0xDFFF:
			writeCodeEscape(b, r)
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	b.WriteByte(quote)
}

// writeCommonEscape writes the escapes that texts and bytes share, and tells
// whether r has one.
func writeCommonEscape(b *strings.Builder, r rune, quote byte) bool {
	switch r {
	case '\n':
		b.WriteString(`\n`)
	case '\r':
		b.WriteString(`\r`)
	case '\t':
		b.WriteString(`\t`)
	case '\\', rune(quote):
		b.WriteByte('\\')
		b.WriteRune(r)
	default:
		return false
	}
	return true
}

func writeCodeEscape(b *strings.Builder, r rune) {
	switch {
	case r < 0x100:
		fmt.Fprintf(b, `\x%02x`, r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

func writeBytesRepr(b *strings.Builder, s string) {
	quote := quoteFor(s)
	b.WriteByte('b')
	b.WriteByte(quote)
	for i := 0; i < len(s); i++ {
		c := rune(s[i])
		switch {
		case writeCommonEscape(b, c, quote):
		case c < ' ' || c > '~':
			writeCodeEscape(b, c)
		default:
			b.WriteByte(s[i])
		}
	}
	b.WriteByte(quote)
}

func writeTimeRepr(b *strings.Builder, v *Value) {
	t := v.Time
	fmt.Fprintf(b, "datetime.datetime(%d, %d, %d, %d, %d", t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute())
	micros := t.Nanosecond() / int(time.Microsecond)
	if t.Second() != 0 || micros != 0 {
		fmt.Fprintf(b, ", %d", t.Second())
	}
	if micros != 0 {
		fmt.Fprintf(b, ", %d", micros)
	}
	if !v.Naive {
		b.WriteString(", tzinfo=" + zoneRepr(t))
	}
	b.WriteByte(')')
}

// zoneRepr gives the repr of a zone; Python writes negative spans as a day
// less and the seconds that remain.
func zoneRepr(t time.Time) string {
	_, offset := t.Zone()
	switch {
	case offset == 0:
		return "datetime.timezone.utc"
	case offset < 0:
		return fmt.Sprintf("datetime.timezone(datetime.timedelta(days=-1, seconds=%d))", 24*60*60+offset)
	default:
		return fmt.Sprintf("datetime.timezone(datetime.timedelta(seconds=%d))", offset)
	}
}
