package rst

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// optionValue checks and cleans the value of an option.
func (c *call) optionValue(name, text string) (string, string) {
	if name == "align" && !strings.EqualFold(c.name, "image") {
		return choice(text, "left", "center", "right")
	}
	return optionValue(name, text)
}

// optionValue checks and cleans the value of an option that means the same in
// every directive that has it.
func optionValue(name, text string) (string, string) {
	switch name {
	case "class", "figclass":
		return classNames(text)
	case "width", "height", "figwidth":
		if name == "figwidth" && strings.EqualFold(text, "image") {
			return "", ""
		}
		return measure(text, name != "height")
	case "scale":
		return wholeNumber(strings.TrimSuffix(strings.TrimSpace(text), "%"))
	case "header-rows", "stub-columns":
		return wholeNumber(text)
	case "align":
		return choice(text, "top", "middle", "bottom", "left", "center", "right")
	case "nowrap", "keepspace", "trim", "ltrim", "rtrim", "local":
		if text != "" {
			return "", fmt.Sprintf("no argument is allowed; \"%s\" supplied", text)
		}
		return text, ""
	case "name", "target", "alt", "start-line", "number-lines", "header":
		return text, ""
	case "delim", "quote", "escape":
		return oneCharacter(name, text)
	case "widths":
		return columnWidths(text)
	case "depth", "start":
		return wholeNumber(text)
	case "backlinks":
		return choice(text, "top", "entry", "none")
	case "format", "language", "prefix", "suffix":
		if text == "" {
			return "", "argument required but none supplied"
		}
	}
	return text, ""
}

func classNames(text string) (string, string) {
	if text == "" {
		return "", "argument required but none supplied"
	}
	var out []string
	for _, w := range strings.FieldsFunc(text, isSpace) {
		id := makeID(w)
		if id == "" {
			return "", fmt.Sprintf("cannot make \"%s\" into a class name", w)
		}
		out = append(out, id)
	}
	return strings.Join(out, " "), ""
}

// measure reads a size: a number and a unit.
func measure(text string, percent bool) (string, string) {
	n := 0
	for n < len(text) && (isDigit(text[n]) || text[n] == '.') {
		n++
	}
	unit := strings.TrimLeft(text[n:], " ")
	units := []string{"em", "ex", "px", "in", "cm", "mm", "pt", "pc"}
	_, err := strconv.ParseFloat(text[:n], 64)
	if err == nil && (unit == "" || contains(units, unit) || percent && unit == "%") {
		return text[:n] + unit, ""
	}
	last := `""`
	if percent {
		last = `"%"`
	}
	return "", "not a positive measure of one of the following units:\n\"" + strings.Join(units, `" "`) + `" ` + last
}

func wholeNumber(text string) (string, string) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	switch {
	case err != nil:
		return "", fmt.Sprintf("invalid literal for int() with base 10: '%s'", strings.ReplaceAll(text, "\n", `\n`))
	case n < 0:
		return "", "negative value; must be positive or zero"
	}
	return strconv.Itoa(n), ""
}

func choice(text string, allowed ...string) (string, string) {
	value := strings.ToLower(strings.TrimSpace(text))
	if contains(allowed, value) {
		return value, ""
	}
	quoted := `"` + strings.Join(allowed[:len(allowed)-1], `", "`) + `", or "` + allowed[len(allowed)-1] + `"`
	if text == "" {
		return "", "must supply an argument; choose from " + quoted
	}
	return "", fmt.Sprintf("\"%s\" unknown; choose from %s", text, quoted)
}

func columnWidths(text string) (string, string) {
	if text == "auto" || text == "grid" {
		return text, ""
	}
	var out []string
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || isSpace(r) }) {
		n, err := strconv.Atoi(w)
		if err != nil {
			return "", fmt.Sprintf("invalid literal for int() with base 10: '%s'", w)
		}
		if n < 1 {
			return "", "negative or zero value; must be positive"
		}
		out = append(out, w)
	}
	return strings.Join(out, " "), ""
}

// oneCharacter reads a character, or the number of one; delimiters may be
// "tab" and "space", too.
func oneCharacter(name, text string) (string, string) {
	switch {
	case name == "delim" && text == "tab":
		return "\t", ""
	case name == "delim" && text == "space":
		return " ", ""
	}
	value := text
	if r, ok := characterCode(text); ok {
		value = string(r)
	}
	if utf8.RuneCountInString(value) > 1 {
		return "", fmt.Sprintf("'%s' invalid; must be a single character or a Unicode code", value)
	}
	return value, ""
}
