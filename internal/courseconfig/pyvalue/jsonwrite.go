package pyvalue

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends a value as Python's json.dumps writes it with Django's
// encoder: ASCII only, dates as ISO texts with milliseconds, ", " and ": "
// between parts. What JSON cannot hold is a *ValueError: bytes, sets, NaN,
// infinities, and dates and bytes as keys.
func AppendJSON(dst []byte, v *Value) ([]byte, error) {
	dst, err := appendValue(dst, v)
	if err != nil {
		return nil, err
	}
	return dst, nil
}

func appendValue(dst []byte, v *Value) ([]byte, error) {
	switch v.Kind {
	case Null:
		return append(dst, "null"...), nil
	case Bool:
		return strconv.AppendBool(dst, v.Bool), nil
	case Int:
		if tooLong(v.Int) {
			return nil, notJSON(v, fmt.Sprintf("a number of more than %d digits", maxDigits), "Put it in quotes.")
		}
		return v.Int.Append(dst, 10), nil
	case Float:
		if math.IsNaN(v.Float) || math.IsInf(v.Float, 0) {
			return nil, notJSON(v, "the number "+pyFloatText(v.Float), "Write an ordinary number, or put it in quotes.")
		}
		return append(dst, pyFloatText(v.Float)...), nil
	case String:
		return appendString(dst, v.Str), nil
	case Date, DateTime:
		return appendString(dst, jsonTime(v)), nil
	case List:
		return appendList(dst, v)
	case Map:
		return appendMap(dst, v)
	case Bytes:
		return nil, notJSON(v, "binary data", "Remove the tag !!binary.")
	default:
		return nil, notJSON(v, "a set", "Remove the tag !!set, or write a list.")
	}
}

func notJSON(v *Value, what, hint string) error {
	return &ValueError{File: v.File, Pos: v.Pos, Message: what + " cannot be sent to the learning management system", Hint: hint}
}

// inside puts the step to a part before the path of the part's error.
func inside(err error, step string) error {
	var e *ValueError
	if errors.As(err, &e) {
		if e.Path != "" && e.Path[0] != '[' {
			step += "."
		}
		e.Path = step + e.Path
	}
	return err
}

func appendList(dst []byte, v *Value) ([]byte, error) {
	dst = append(dst, '[')
	for i, item := range v.Items {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		var err error
		if dst, err = appendValue(dst, item); err != nil {
			return nil, inside(err, fmt.Sprintf("[%d]", i))
		}
	}
	return append(dst, ']'), nil
}

func appendMap(dst []byte, v *Value) ([]byte, error) {
	dst = append(dst, '{')
	for i, e := range v.Entries {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		key, err := keyText(e.Key)
		if err != nil {
			return nil, err
		}
		dst = append(appendString(dst, key), ": "...)
		if dst, err = appendValue(dst, e.Value); err != nil {
			return nil, inside(err, key)
		}
	}
	return append(dst, '}'), nil
}

// keyText gives the text that Python's writer makes of a key.
func keyText(key *Value) (string, error) {
	switch key.Kind {
	case String:
		return key.Str, nil
	case Null:
		return "null", nil
	case Bool:
		return strconv.FormatBool(key.Bool), nil
	case Int:
		if !tooLong(key.Int) {
			return key.Int.String(), nil
		}
	case Float:
		return floatKey(key.Float), nil
	default:
	}
	return "", &ValueError{
		File: key.File, Pos: key.Pos,
		Message: "a key that is a date, binary data or a number of thousands of digits cannot be sent to the learning management system",
		Hint:    "Put the key in quotes.",
	}
}

// floatKey gives the text of a key that is a float; here NaN and the infinities
// do no harm.
func floatKey(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	default:
		return pyFloatText(f)
	}
}

// tooLong tells whether a number has more digits than Python writes.
func tooLong(i *big.Int) bool {
	const sureBits = 3 * maxDigits // far fewer digits than that
	if i.BitLen() <= sureBits {
		return false
	}
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(maxDigits), nil)
	return i.CmpAbs(limit) >= 0
}

// jsonTime gives a date or a point in time as Django writes it.
func jsonTime(v *Value) string {
	if v.Kind == Date {
		return v.Time.Format("2006-01-02")
	}
	return clockText(v, "2006-01-02T15:04:05", ".000", "Z07:00")
}

const hexDigits = "0123456789abcdef"

func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for len(s) > 0 {
		r, n := decodeRune(s)
		s = s[n:]
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == '\b':
			dst = append(dst, `\b`...)
		case r == '\f':
			dst = append(dst, `\f`...)
		case r >= ' ' && r <= '~':
			dst = append(dst, byte(r))
		case r >= 0x10000:
			dst = appendEscape(dst, 0xD800+(r-0x10000)>>10)
			dst = appendEscape(dst, 0xDC00+(r-0x10000)&0x3FF)
		default:
			dst = appendEscape(dst, r)
		}
	}
	return append(dst, '"')
}

func appendEscape(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// decodeRune gives the first character of s and its length; single surrogates
// are characters, too, see Value.Str.
func decodeRune(s string) (rune, int) {
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 && len(s) >= 3 && s[0] == 0xED && s[1] >= 0xA0 && s[1] <= 0xBF && s[2] >= 0x80 && s[2] <= 0xBF {
		return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F), 3
	}
	return r, n
}
