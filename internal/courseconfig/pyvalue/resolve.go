package pyvalue

import (
	"regexp"
	"strings"
)

// The forms of YAML 1.1 that PyYAML takes for something else than a text. Some
// differ from the standard: an exponent needs its sign, a float its dot.
// Python's $ also matches before a final line break, hence the \n?.
var (
	floatForm = regexp.MustCompile(`^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?` +
		`|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?` +
		`|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*` +
		`|[-+]?\.(?:inf|Inf|INF)` +
		`|\.(?:nan|NaN|NAN))\n?$`)
	intForm = regexp.MustCompile(`^(?:[-+]?0b[0-1_]+` +
		`|[-+]?0[0-7_]+` +
		`|[-+]?(?:0|[1-9][0-9_]*)` +
		`|[-+]?0x[0-9a-fA-F_]+` +
		`|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)\n?$`)
	timestampForm = regexp.MustCompile(`^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}` +
		`|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?` +
		`(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)\n?$`)
)

// implicitTag gives the tag of a scalar that has none, by its text.
func implicitTag(text string) string {
	if text == "" {
		return tagNull
	}
	first := text[0]
	switch {
	case first >= '0' && first <= '9' || first == '+' || first == '-' || first == '.':
		return numberTag(text)
	case strings.IndexByte("yYnNtTfFoO~<=", first) < 0:
		return tagStr
	}
	switch strings.TrimSuffix(text, "\n") {
	case "yes", "Yes", "YES", "no", "No", "NO", "true", "True", "TRUE", "false", "False", "FALSE",
		"on", "On", "ON", "off", "Off", "OFF":
		return tagBool
	case "~", "null", "Null", "NULL":
		return tagNull
	case "<<":
		return tagMerge
	case "=":
		return tagValue
	}
	return tagStr
}

// numberTag is implicitTag for texts that start like a number.
func numberTag(text string) string {
	switch {
	case isPlainInt(text): // most numbers; the forms are slow
		return tagInt
	case floatForm.MatchString(text):
		return tagFloat
	case intForm.MatchString(text):
		return tagInt
	case timestampForm.MatchString(text):
		return tagTimestamp
	}
	return tagStr
}

// isPlainInt says whether a text is a decimal number that fits an int64, without
// sign, leading zeros and underscores.
func isPlainInt(text string) bool {
	const most = 18 // digits
	if text == "" || len(text) > most || (text[0] == '0' && len(text) > 1) {
		return false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}
