package djtemplate

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// expression is a variable or constant with filters: a.b|default:"x".
type expression struct {
	source  string
	first   operand
	filters []filterCall
}

type filterCall struct {
	name string
	def  filterDef
	arg  *operand // nil without argument
}

// operand is a constant or a variable's path.
type operand struct {
	constant *val
	path     []string
}

// parseExpression reads a complete expression, as between {{ and }}.
func parseExpression(s string) (*expression, error) {
	first, n, err := parseOperand(s)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, fmt.Errorf("%q does not begin with a variable or a quoted text", s)
	}
	e := &expression{source: s, first: first}
	for n < len(s) {
		call, used, err := parseFilterCall(s[n:])
		if err != nil {
			return nil, err
		}
		if used == 0 {
			return nil, fmt.Errorf("cannot understand %q in %q; write variable|filter:\"argument\" without spaces around the colon", s[n:], s)
		}
		e.filters = append(e.filters, call)
		n += used
	}
	return e, nil
}

// parseFilterCall reads "|name" or "|name:argument"; it uses no bytes when s
// does not begin with a filter.
func parseFilterCall(s string) (filterCall, int, error) {
	rest := strings.TrimLeftFunc(s, isSpace)
	if !strings.HasPrefix(rest, "|") {
		return filterCall{}, 0, nil
	}
	rest = strings.TrimLeftFunc(rest[1:], isSpace)
	name := rest[:wordLen(rest, false)]
	if name == "" {
		return filterCall{}, 0, nil
	}
	rest = rest[len(name):]
	def, err := lookupFilter(name)
	if err != nil {
		return filterCall{}, 0, err
	}
	call := filterCall{name: name, def: def}
	if strings.HasPrefix(rest, ":") {
		arg, n, err := parseOperand(rest[1:])
		if err != nil {
			return filterCall{}, 0, err
		}
		if n > 0 {
			call.arg = &arg
			rest = rest[1+n:]
		}
	}
	switch {
	case call.arg == nil && def.args == argRequired:
		return filterCall{}, 0, fmt.Errorf("the filter %q needs an argument: |%s:\"...\"", name, name)
	case call.arg != nil && def.args == argNone:
		return filterCall{}, 0, fmt.Errorf("the filter %q takes no argument", name)
	}
	return call, len(s) - len(rest), nil
}

// wordLen returns the length of the word characters at the start of s.
func wordLen(s string, dots bool) int {
	for i, r := range s {
		if !isWordRune(r) && (!dots || r != '.') {
			return i
		}
	}
	return len(s)
}

// parseOperand reads a quoted text, a number or a variable at the start of s
// and returns how many bytes it used, 0 when there is none.
func parseOperand(s string) (operand, int, error) {
	inner, wrap := s, 0
	if strings.HasPrefix(s, "_(") {
		inner, wrap = s[2:], 3
	}
	if n := quotedLen(inner); n > 0 && (wrap == 0 || strings.HasPrefix(inner[n:], ")")) {
		v := safeText(unquote(inner[:n]))
		return operand{constant: &v}, n + wrap, nil
	}
	n := wordLen(s, true)
	if n == 0 {
		n = signedNumberLen(s)
	}
	if n == 0 {
		return operand{}, 0, nil
	}
	word := s[:n]
	if v, ok := numberLiteral(word); ok {
		return operand{constant: &v}, n, nil
	}
	if strings.HasPrefix(word, "_") || strings.Contains(word, "._") {
		return operand{}, 0, fmt.Errorf("%q: names that begin with an underscore cannot be used in templates", word)
	}
	return operand{path: strings.Split(word, ".")}, n, nil
}

// signedNumberLen returns the length of a number with a sign, or 0.
func signedNumberLen(s string) int {
	if len(s) < 2 || (s[0] != '-' && s[0] != '+') || s[1] < '0' || s[1] > '9' {
		return 0
	}
	n := 2
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.' || s[n] == 'e') {
		n++
	}
	return n
}

func numberLiteral(word string) (val, bool) {
	if strings.ContainsAny(word, ".eE") {
		f, ok := parseFloat(word)
		return floatVal(f), ok && !strings.HasSuffix(word, ".")
	}
	i, ok := parseInt(word)
	if !ok {
		return val{}, false
	}
	return intVal(i), true
}

func unquote(s string) string {
	quote := s[:1]
	s = strings.ReplaceAll(s[1:len(s)-1], `\`+quote, quote)
	return strings.ReplaceAll(s, `\\`, `\`)
}

// eval computes the expression. A missing variable is an empty text, as it
// prints; evalOrNone gives null instead, as tags see it.
func (e *expression) eval(r *renderer) (val, error)       { return e.evalWith(r, text("")) }
func (e *expression) evalOrNone(r *renderer) (val, error) { return e.evalWith(r, none()) }

func (e *expression) evalWith(r *renderer, missing val) (val, error) {
	v, err := e.first.resolve(r)
	var gone *missingError
	if errors.As(err, &gone) {
		v, err = missing, nil
	}
	if err != nil {
		return val{}, err
	}
	for _, call := range e.filters {
		v, err = call.apply(r, v)
		if err != nil {
			return val{}, err
		}
	}
	return v, nil
}

// apply runs one filter as Django's machinery does: text filters get text,
// filters that keep safe text safe mark their result so.
func (c *filterCall) apply(r *renderer, v val) (val, error) {
	in := filterInput{r: r, value: v}
	if c.arg != nil {
		arg, err := c.arg.resolve(r)
		if err != nil {
			return val{}, err
		}
		in.arg, in.hasArg = arg, true
	}
	if c.def.onText || c.def.shows {
		if err := r.chargeShown(v); err != nil {
			return val{}, err
		}
	}
	if c.def.onText {
		s := pystr(v)
		in.value = val{p: text(s).p, form: v.form}
		if !v.isSafe() {
			in.value.form = plain
		}
	}
	in.text = in.value.str()
	if err := r.chargeFilter(in); err != nil {
		return val{}, err
	}
	out, err := c.def.run(in)
	if err != nil {
		return val{}, fmt.Errorf("filter %s: %w", c.name, err)
	}
	if c.def.keepsSafe && v.isSafe() && !out.isSafe() {
		out = safeText(pystr(out))
	}
	if len(out.p.Str) > maxOutput || len(out.p.Items) > maxItems {
		return val{}, fmt.Errorf("filter %s: the result is larger than the limit of %d bytes or %d items", c.name, maxOutput, maxItems)
	}
	return out, nil
}

func (o *operand) resolve(r *renderer) (val, error) {
	if o.constant != nil {
		return *o.constant, nil
	}
	v, ok := r.lookup(o.path[0])
	if loop := r.loop(); loop != nil && o.path[0] == "forloop" {
		if err := r.charge(costLoop * loop.depth()); err != nil {
			return val{}, err
		}
	}
	for _, part := range o.path[1:] {
		if !ok {
			break
		}
		if err := r.chargeMember(v, part); err != nil {
			return val{}, err
		}
		v, ok = v.member(part)
	}
	if !ok {
		return val{}, &missingError{name: strings.Join(o.path, ".")}
	}
	return v, nil
}

// parseInt reads what Python's int accepts of ASCII text.
func parseInt(s string) (*big.Int, bool) {
	s, ok := pythonDigits(s)
	if !ok || len(s) > maxDigits {
		return nil, false
	}
	return new(big.Int).SetString(s, 10)
}

// maxDigits is Python's limit for turning text into a whole number.
const maxDigits = 4300

// pythonDigits removes what Python allows around and between digits.
func pythonDigits(s string) (string, bool) {
	s = strings.TrimFunc(s, isSpace)
	if strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") || s == "" {
		return "", false
	}
	for i := range len(s) {
		if s[i] == '_' && (!isDigit(s[i-1]) || !isDigit(s[i+1])) {
			return "", false
		}
	}
	return strings.ReplaceAll(s, "_", ""), true
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// parseFloat reads what Python's float accepts of ASCII text.
func parseFloat(s string) (float64, bool) {
	s, ok := pythonDigits(s)
	if !ok || strings.ContainsAny(s, "xXpP") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return f, true
}

// firstRune splits off the first character.
func firstRune(s string) (string, string) {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n], s[n:]
}
