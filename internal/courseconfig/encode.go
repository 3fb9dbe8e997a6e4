package courseconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"unicode/utf8"

	"coursewright/internal/courseconfig/pyvalue"
)

// appendJSON writes an exported value. It fails only where a value of the
// course cannot be JSON, with the reader's error that tells the place.
func appendJSON(dst []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case null, nil:
		return append(dst, "null"...), nil
	case string:
		return appendText(dst, v)
	case address:
		return appendText(dst, string(v))
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case *big.Int:
		return v.Append(dst, 10), nil
	case float64:
		return pyvalue.AppendJSON(dst, pyvalue.NewFloat(v))
	case moment:
		return appendText(dst, v.String())
	case span:
		return appendText(dst, v.String())
	case *pyvalue.Value:
		return pyvalue.AppendJSON(dst, v)
	case json.RawMessage:
		return append(dst, v...), nil
	case []any:
		return appendList(dst, v)
	case pairs:
		return appendPairs(dst, v)
	case *record:
		return appendPairs(dst, v.pairs())
	}
	return nil, fmt.Errorf("write %T as JSON: unknown type", value)
}

// inside puts a step before the path that an error of the reader tells.
func inside(err error, step string) error {
	var e *pyvalue.ValueError
	if errors.As(err, &e) {
		if e.Path != "" && e.Path[0] != '[' {
			step += "."
		}
		e.Path = step + e.Path
	}
	return err
}

func appendText(dst []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return pyvalue.AppendJSON(dst, &pyvalue.Value{Kind: pyvalue.String, Str: s})
		}
	}
	return append(append(append(dst, '"'), s...), '"'), nil
}

func appendList(dst []byte, list []any) ([]byte, error) {
	dst = append(dst, '[')
	for i, item := range list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		var err error
		if dst, err = appendJSON(dst, item); err != nil {
			return nil, inside(err, "["+strconv.Itoa(i)+"]")
		}
	}
	return append(dst, ']'), nil
}

func appendPairs(dst []byte, list pairs) ([]byte, error) {
	dst = append(dst, '{')
	for i, p := range list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		var err error
		if dst, err = appendText(dst, p.key); err != nil {
			return nil, err
		}
		if dst, err = appendJSON(append(dst, ": "...), p.value); err != nil {
			return nil, inside(err, p.key)
		}
	}
	return append(dst, '}'), nil
}

// pairs gives the set fields of a record, in the order of its model, without
// those that are named.
func (r *record) pairs(without ...string) pairs {
	out := make(pairs, 0, len(r.values))
next:
	for i, value := range r.values {
		if value == nil {
			continue
		}
		name := r.model.fields[i].name
		for _, w := range without {
			if w == name {
				continue next
			}
		}
		out = append(out, pair{name, value})
	}
	return out
}

// set gives a key a value, at its present place when it has one.
func (p *pairs) set(key string, value any) {
	for i := range *p {
		if (*p)[i].key == key {
			(*p)[i].value = value
			return
		}
	}
	*p = append(*p, pair{key, value})
}

func (p pairs) has(key string) bool {
	_, ok := p.get(key)
	return ok
}

// weigh gives about how many bytes a value takes as JSON, and whether JSON can
// hold it, without writing it.
func weigh(value any) (bytes int, ok bool) {
	switch v := value.(type) {
	case *pyvalue.Value:
		return weighValue(v)
	case string:
		return weighText(v), true
	case address:
		return weighText(string(v)), true
	case []any:
		return weighAll(len(v), func(i int) (int, bool) { return weigh(v[i]) })
	case pairs:
		return weighAll(len(v), func(i int) (int, bool) { return weighPair(v[i]) })
	case *record:
		return weighAll(len(v.values), func(i int) (int, bool) {
			if v.values[i] == nil {
				return 0, true
			}
			return weighPair(pair{v.model.fields[i].name, v.values[i]})
		})
	}
	return 0, true
}

func weighPair(p pair) (bytes int, ok bool) {
	bytes, ok = weigh(p.value)
	return bytes + weighText(p.key), ok
}

// weighText gives how many bytes a text takes in ASCII JSON.
func weighText(s string) int {
	const escape = 6 // as in \u00e4
	n := len(s) + len(`""`)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			n++
		case c < ' ' || c == 0x7f:
			n += escape - 1
		case c >= 0xf0: // two escapes
			n += 2*escape - utf8.UTFMax
		case c >= 0xc0:
			n += escape - 2
		}
	}
	return n
}

// perPart is about what JSON adds to each part of a list or an object.
const perPart = 4

func weighAll(n int, part func(i int) (int, bool)) (bytes int, ok bool) {
	ok = true
	for i := range n {
		more, good := part(i)
		bytes += more + perPart
		ok = ok && good
	}
	return bytes, ok
}

func weighValue(v *pyvalue.Value) (bytes int, ok bool) {
	switch v.Kind {
	case pyvalue.List:
		return weighAll(len(v.Items), func(i int) (int, bool) { return weighValue(v.Items[i]) })
	case pyvalue.Map:
		return weighAll(len(v.Entries), func(i int) (int, bool) {
			bytes, ok := weighValue(v.Entries[i].Value)
			key := v.Entries[i].Key
			return bytes + weighText(key.Str), ok && (key.Kind == pyvalue.String || writableKey(key))
		})
	case pyvalue.Null, pyvalue.Bool, pyvalue.Date, pyvalue.DateTime:
		return 0, true
	case pyvalue.String:
		return weighText(v.Str), true
	default:
		text, err := pyvalue.AppendJSON(nil, v)
		return len(text), err == nil
	}
}

func writableKey(key *pyvalue.Value) bool {
	_, err := pyvalue.AppendJSON(nil, &pyvalue.Value{Kind: pyvalue.Map, Entries: []pyvalue.Entry{{Key: key, Value: key}}})
	return err == nil
}
