package courseconfig

import (
	"strconv"
	"strings"
	"unicode"

	"coursewright/internal/courseconfig/pyvalue"
)

// place is where a value stands in the configuration, such as
// modules[2].children[0].max_points. The nil place is the root. Places are
// linked and written out only for messages: most are never shown.
type place struct {
	parent *place
	key    string
	index  int // used where key is empty
}

func (p *place) at(key string) *place { return &place{parent: p, key: key} }

func (p *place) item(i int) *place { return &place{parent: p, index: i} }

// String gives the place as teachers see it.
func (p *place) String() string {
	if p == nil {
		return ""
	}
	before := p.parent.String()
	switch {
	case p.key == "":
		return before + "[" + strconv.Itoa(p.index) + "]"
	case !plainKey(p.key):
		return before + "[" + quote(p.key) + "]"
	case before == "":
		return p.key
	}
	return before + "." + p.key
}

func plainKey(key string) bool {
	return len(key) <= 60 && !strings.ContainsFunc(key, func(r rune) bool {
		return r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// quote makes a text safe and short enough for a message.
func quote(s string) string {
	const most = 60
	n := 0
	for i := range s {
		if n == most {
			return strconv.Quote(s[:i] + "…")
		}
		n++
	}
	return strconv.Quote(s)
}

// found describes a value for a message: what kind it is and, where that is
// short, what it says.
func found(v *pyvalue.Value) string {
	switch v.Kind {
	case pyvalue.Null:
		return "nothing"
	case pyvalue.Bool:
		if v.Bool {
			return "the truth value true"
		}
		return "the truth value false"
	case pyvalue.Int:
		return "the number " + clip(v.Int.String())
	case pyvalue.Float:
		return "the number " + pyvalue.PyStr(v)
	case pyvalue.String:
		return "the text " + quote(v.Str)
	case pyvalue.Bytes:
		return "binary data"
	case pyvalue.Date:
		return "the date " + pyvalue.PyStr(v)
	case pyvalue.DateTime:
		return "the time " + pyvalue.PyStr(v)
	case pyvalue.Map:
		return "a mapping"
	default:
		return "a list"
	}
}

func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
