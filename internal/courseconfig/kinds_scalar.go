package courseconfig

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"coursewright/internal/courseconfig/pyvalue"
)

// textKind is a text; numbers and truth values are written as Python writes them.
type textKind struct{}

func (textKind) allowed() string { return "a text" }

func (textKind) schema() object {
	return object{"type": []string{"string", "number", "boolean"}}
}

func (k textKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	if s, ok := asText(v); ok {
		return s, true
	}
	c.fail(v, at, "found "+found(v)+"; allowed is a text", textHint(v))
	return nil, false
}

func textHint(v *pyvalue.Value) string {
	if v.Kind == pyvalue.Date || v.Kind == pyvalue.DateTime {
		return "put it in quotes"
	}
	return ""
}

// quoteHint helps where something was written that YAML does not read as a text.
func quoteHint(v *pyvalue.Value) string {
	switch v.Kind {
	case pyvalue.Bool, pyvalue.Int, pyvalue.Float, pyvalue.Date, pyvalue.DateTime:
		return "put it in quotes"
	default:
		return ""
	}
}

// numberHint helps where a text was written that YAML does not read as a number.
func numberHint(v *pyvalue.Value) string {
	if v.Kind != pyvalue.String {
		return ""
	}
	f, ok := pyvalue.ParseFloat(v.Str)
	if !ok || f != math.Trunc(f) || math.Abs(f) > 1e15 {
		return ""
	}
	return "write " + strconv.FormatFloat(f, 'f', -1, 64)
}

// asText reads a value as a text.
func asText(v *pyvalue.Value) (string, bool) {
	switch v.Kind {
	case pyvalue.String:
		return v.Str, true
	case pyvalue.Bytes:
		return v.Str, utf8.ValidString(v.Str)
	case pyvalue.Bool, pyvalue.Int, pyvalue.Float:
		return pyvalue.PyStr(v), true
	default:
		return "", false
	}
}

// intKind is a whole number, at least min where min is not nil.
type intKind struct{ min *big.Int }

func (k intKind) allowed() string {
	if k.min == nil {
		return "a whole number"
	}
	return "a whole number of at least " + k.min.String()
}

func (k intKind) schema() object {
	number, truth, pattern := object{"type": "number"}, object{"type": "boolean"}, wholePattern
	switch {
	case k.min == nil:
	case k.min.Sign() == 0:
		// Fractions are cut off towards zero, so a little less than the bound is fine for zero.
		number["exclusiveMinimum"] = -1
		pattern = naturalPattern
	default:
		number["minimum"] = k.min.Int64()
		truth = object{"const": true}
		pattern = positivePattern
	}
	return object{"anyOf": []object{number, truth, {"type": "string", "pattern": pattern}}}
}

func (k intKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	i, ok := asInt(v)
	if !ok {
		c.fail(v, at, "found "+found(v)+"; allowed is "+k.allowed(), numberHint(v))
		return nil, false
	}
	if k.min != nil && i.Cmp(k.min) < 0 {
		c.fail(v, at, "found the number "+clip(i.String())+"; allowed is "+k.allowed(), "")
		return nil, false
	}
	return i, true
}

// asInt reads a value as a whole number; fractions are cut off.
func asInt(v *pyvalue.Value) (*big.Int, bool) {
	switch v.Kind {
	case pyvalue.Int:
		return v.Int, true
	case pyvalue.Bool:
		if v.Bool {
			return big.NewInt(1), true
		}
		return new(big.Int), true
	case pyvalue.Float:
		if math.IsNaN(v.Float) || math.IsInf(v.Float, 0) {
			return nil, false
		}
		i, _ := big.NewFloat(v.Float).Int(nil)
		return i, true
	case pyvalue.String, pyvalue.Bytes:
		return pyvalue.ParseInt(v.Str)
	default:
		return nil, false
	}
}

// boolKind is a truth value.
type boolKind struct{}

func (boolKind) allowed() string { return "true or false" }

func (boolKind) schema() object {
	return object{"anyOf": []object{
		{"type": "boolean"},
		{"enum": []int{0, 1}},
		{"type": "string", "pattern": "^([01]|[oO][fF][fF]|[fF]|[fF][aA][lL][sS][eE]|[nN]|[nN][oO]|[oO][nN]|[tT]|[tT][rR][uU][eE]|[yY]|[yY][eE][sS])$"},
	}}
}

func (k boolKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	yes, ok := asBool(v)
	if !ok {
		c.fail(v, at, "found "+found(v)+"; allowed is true or false", "")
		return nil, false
	}
	return yes, true
}

func asBool(v *pyvalue.Value) (yes, ok bool) {
	switch v.Kind {
	case pyvalue.Bool:
		return v.Bool, true
	case pyvalue.Int:
		return v.Int.Sign() != 0, v.Int.Sign() == 0 || v.Int.Cmp(big.NewInt(1)) == 0
	case pyvalue.Float:
		return v.Float == 1, v.Float == 0 || v.Float == 1
	case pyvalue.String, pyvalue.Bytes:
		switch strings.ToLower(v.Str) {
		case "0", "off", "f", "false", "n", "no":
			return false, true
		case "1", "on", "t", "true", "y", "yes":
			return true, true
		}
	default:
	}
	return false, false
}

// fractionKind is a number from 0 to 1.
type fractionKind struct{}

func (fractionKind) allowed() string { return "a number from 0 to 1" }

func (fractionKind) schema() object {
	return object{"anyOf": []object{{"type": "number", "minimum": 0, "maximum": 1}, {"type": "boolean"}, {"type": "string", "pattern": fractionPattern}}}
}

func (k fractionKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	f, ok := asFloat(v)
	if !ok || !(f >= 0 && f <= 1) {
		hint := ""
		if share, percent := strings.CutSuffix(v.Str, "%"); percent {
			f, ok = pyvalue.ParseFloat(share)
		}
		if ok && f >= 2 && f <= 100 {
			hint = "for " + strconv.FormatFloat(f, 'f', -1, 64) + " % write " + strconv.FormatFloat(f/100, 'f', -1, 64)
		}
		c.fail(v, at, "found "+found(v)+"; allowed is "+k.allowed(), hint)
		return nil, false
	}
	return f, true
}

func asFloat(v *pyvalue.Value) (float64, bool) {
	switch v.Kind {
	case pyvalue.Float:
		return v.Float, true
	case pyvalue.Int, pyvalue.Bool:
		i, _ := asInt(v)
		f, _ := new(big.Float).SetInt(i).Float64()
		return f, true
	case pyvalue.String, pyvalue.Bytes:
		return pyvalue.ParseFloat(v.Str)
	default:
		return 0, false
	}
}

// literalKind is one of a few words.
type literalKind []string

func (k literalKind) allowed() string { return "one of " + strings.Join(k, ", ") }

func (k literalKind) schema() object { return object{"enum": []string(k)} }

func (k literalKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	if v.Kind == pyvalue.String && slices.Contains(k, v.Str) {
		return v.Str, true
	}
	hint := ""
	if v.Kind == pyvalue.String {
		if near := nearest(v.Str, k); near != "" {
			hint = "did you mean " + near + "?"
		}
	}
	c.fail(v, at, "found "+found(v)+"; allowed is "+k.allowed(), hint)
	return nil, false
}

// pathKind is the path of a file or folder, in normal form.
type pathKind struct{}

func (pathKind) allowed() string { return "a path (a text)" }

func (pathKind) schema() object { return object{"type": "string", "pattern": pathPattern} }

func (k pathKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	value, ok := anyPath(c, v, at)
	if ok && strings.ContainsRune(v.Str, 0) {
		c.fail(v, at, "found a path with a null character, which no file has", "remove the character")
		return nil, false
	}
	return value, ok
}

// anyPath reads a path that only becomes part of an address.
func anyPath(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	if v.Kind != pyvalue.String {
		c.fail(v, at, "found "+found(v)+"; allowed is a path (a text)", quoteHint(v))
		return nil, false
	}
	if !utf8.ValidString(v.Str) {
		c.fail(v, at, "found a text that is no Unicode text; allowed is a path", "remove the half of a surrogate pair (\\ud800 to \\udfff)")
		return nil, false
	}
	return normalPath(v.Str), true
}

// normalPath drops repeated slashes and single dots, as Python's PurePosixPath
// does: two dots stay, and so do exactly two slashes at the beginning.
func normalPath(s string) string {
	root := ""
	switch {
	case strings.HasPrefix(s, "//") && !strings.HasPrefix(s, "///"):
		root = "//"
	case strings.HasPrefix(s, "/"):
		root = "/"
	}
	parts := slices.DeleteFunc(strings.Split(s, "/"), func(p string) bool { return p == "" || p == "." })
	if root == "" && len(parts) == 0 {
		return "."
	}
	return root + strings.Join(parts, "/")
}

// relativePathKind is a path inside the course's static folder.
type relativePathKind struct{}

func (relativePathKind) allowed() string { return "a relative path" }

func (relativePathKind) schema() object {
	return object{"type": "string", "pattern": relativePathPattern}
}

func (k relativePathKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	value, ok := anyPath(c, v, at)
	if ok && strings.HasPrefix(value.(string), "/") {
		c.fail(v, at, "found the absolute path "+quote(v.Str)+"; allowed is a path relative to the static folder", "remove the leading slash")
		return nil, false
	}
	return value, ok
}

// anyKind is any value, exported as it is.
type anyKind struct{}

func (anyKind) allowed() string { return "any value" }

func (anyKind) schema() object { return object{} }

func (anyKind) coerce(_ *checker, v *pyvalue.Value, _ *place) (any, bool) { return v, true }
