package rst

import (
	"strings"
	"unicode/utf8"
)

// formula writes simple TeX formulas as docutils' HTML does: letters, numbers,
// signs, sub- and superscripts, fractions, roots, fonts, accents and sums. A
// formula with anything else is shown as it was written. A display stands in a
// paragraph of its own, where limits go above and below.
func formula(tex string, display bool) string {
	f := &formulaReader{s: strings.TrimSpace(tex), display: display}
	out := f.sequence("")
	if f.failed || f.i < len(f.s) {
		return encode(tex)
	}
	return out
}

type formulaReader struct {
	s       string
	i       int
	depth   int
	failed  bool
	display bool
	upright bool // letters are not in italics
}

// sequence reads up to a closing sign.
func (f *formulaReader) sequence(end string) string {
	f.depth++
	defer func() { f.depth-- }()
	var b strings.Builder
	for f.i < len(f.s) && !f.failed && f.depth < maxNested {
		if end != "" && strings.HasPrefix(f.s[f.i:], end) {
			return b.String()
		}
		b.WriteString(f.piece())
	}
	f.failed = f.failed || end != "" || f.depth >= maxNested
	return b.String()
}

// piece reads one symbol or construct.
func (f *formulaReader) piece() string {
	r, n := utf8.DecodeRuneInString(f.s[f.i:])
	switch {
	case isSpace(r):
		f.i += n
		return ""
	case r == '\\':
		return f.command()
	case r == '{':
		return f.group()
	case r == '^' || r == '_':
		return f.scripts()
	case r < utf8.RuneSelf && isLetter(byte(r)):
		start := f.i
		for f.i < len(f.s) && isLetter(f.s[f.i]) {
			f.i++
		}
		return f.letters(f.s[start:f.i])
	case strings.ContainsRune("}&%$#~`\"@", r):
		f.failed = true
		return ""
	}
	f.i += n
	if shown, ok := mathSigns[string(r)]; ok {
		return encode(shown)
	}
	return encode(string(r))
}

// mathSigns are the signs that are shown in another way than they are typed.
var mathSigns = map[string]string{
	"+": "\u2009+\u2009", "-": "\u2009−\u2009", "=": "\u2009=\u2009", "<": "\u2009<\u2009", ">": "\u2009>\u2009",
	",": ",\u2009", ":": " : ", "/": "\u2009⁄\u2009", "'": "’",
}

// group reads { ... }.
func (f *formulaReader) group() string {
	f.i++
	out := f.sequence("}")
	f.i++
	return out
}

// argument reads what a command or a script applies to.
func (f *formulaReader) argument() string {
	for f.i < len(f.s) && f.s[f.i] == ' ' {
		f.i++
	}
	if f.i >= len(f.s) {
		f.failed = true
		return ""
	}
	if f.s[f.i] == '{' {
		return f.group()
	}
	if f.s[f.i] == '\\' {
		return f.command()
	}
	r, n := utf8.DecodeRuneInString(f.s[f.i:])
	for kind := runKind(f.s[f.i]); kind != 0 && f.i+n < len(f.s) && runKind(f.s[f.i+n]) == kind; {
		n++ // docutils takes all letters or digits, where TeX takes one
	}
	inner := formulaReader{s: f.s[f.i : f.i+n], depth: f.depth, upright: f.upright}
	out := inner.sequence("")
	f.i += n
	f.failed = f.failed || inner.failed || r == '^' || r == '_'
	return out
}

// runKind tells letters and digits, of which an argument takes as many as come.
func runKind(b byte) int {
	switch {
	case isLetter(b):
		return 1
	case isDigit(b):
		return 2
	}
	return 0
}

func (f *formulaReader) letters(s string) string {
	if f.upright {
		return s
	}
	return "<i>" + s + "</i>"
}

// script reads ^ or _ with its argument; its sign is 0 when there is none.
func (f *formulaReader) script() (sign byte, inner string) {
	f.skipBlanks()
	if f.i >= len(f.s) || f.s[f.i] != '^' && f.s[f.i] != '_' {
		return 0, ""
	}
	sign = f.s[f.i]
	f.i++
	return sign, f.argument()
}

// bothScripts reads what stands above and below, in any order.
func (f *formulaReader) bothScripts() (up, down string, hasUp, hasDown bool) {
	for range 2 {
		sign, inner := f.script()
		switch {
		case sign == '^' && !hasUp:
			up, hasUp = inner, true
		case sign == '_' && !hasDown:
			down, hasDown = inner, true
		case sign != 0:
			f.failed = true
		}
	}
	return up, down, hasUp, hasDown
}

func (f *formulaReader) scripts() string {
	up, down, hasUp, hasDown := f.bothScripts()
	switch {
	case hasUp && hasDown:
		return `<span class="scripts"><sup class="script">` + up + `</sup><sub class="script">` + down + `</sub></span>`
	case hasUp:
		return "<sup>" + up + "</sup>"
	}
	return "<sub>" + down + "</sub>"
}

// limits writes an operator; in a display its scripts go above and below.
func (f *formulaReader) limits(sign string) string {
	switch {
	case strings.Contains("∫∮∬", sign):
		sign = `<span class="bigoperator integral">` + sign + `</span>`
	case !isLetter(sign[0]):
		sign = `<span class="bigoperator">` + sign + `</span>`
	}
	above, below := "", ""
	if f.display {
		up, down, hasUp, hasDown := f.bothScripts()
		switch {
		case hasDown && !hasUp:
			up = "\u2009"
		case hasUp && !hasDown:
			f.failed = true
		}
		if hasDown {
			above, below = `<sup class="limit">`+up+`</sup>`, `<sub class="limit">`+down+`</sub>`
		}
	}
	return `<span class="limits">` + above + `<span class="limit">` + sign + `</span>` + below + `</span>`
}

func (f *formulaReader) skipBlanks() {
	for f.i < len(f.s) && f.s[f.i] == ' ' {
		f.i++
	}
}

// braced reads an argument that must stand in braces.
func (f *formulaReader) braced() string {
	f.skipBlanks()
	if f.i >= len(f.s) || f.s[f.i] != '{' {
		f.failed = true
		return ""
	}
	return f.group()
}

// font reads an argument whose letters are not in italics.
func (f *formulaReader) font(before, after string) string {
	was := f.upright
	f.upright = true
	inner := f.braced()
	f.upright = was
	return before + inner + after
}

// words reads an argument that is plain text.
func (f *formulaReader) words(class string) string {
	f.skipBlanks()
	inner, ok := strings.CutPrefix(f.s[f.i:], "{")
	end := strings.IndexByte(inner, '}')
	if !ok || end < 0 || strings.ContainsAny(inner[:end], "\\${%&#^_~") {
		f.failed = true
		return ""
	}
	f.i += end + len("{}")
	return `<span class="` + class + `">` + encode(inner[:end]) + `</span>`
}

func (f *formulaReader) command() string {
	f.i++
	start := f.i
	for f.i < len(f.s) && isLetter(f.s[f.i]) {
		f.i++
	}
	name := f.s[start:f.i]
	if name == "" && f.i < len(f.s) {
		f.i++
		shown, ok := mathEscape(f.s[start])
		f.failed = f.failed || !ok
		return shown
	}
	if shown, ok := mathCommand(name); ok {
		f.skipBlanks()
		return shown
	}
	if sign, ok := lookupSign(mathLimits, name); ok {
		return f.limits(sign)
	}
	return f.withArguments(name)
}

// withArguments reads the commands that apply to something.
func (f *formulaReader) withArguments(name string) string {
	const over, end = `<span class="ignored">(</span><span class="numerator">`, `</span><span class="ignored">)</span></span>`
	switch name {
	case "frac", "dfrac", "tfrac":
		class := map[string]string{"frac": "fraction", "dfrac": "fullfraction", "tfrac": "textfraction"}[name]
		above, below := f.braced(), f.braced()
		return `<span class="` + class + `">` + over + above + `</span><span class="ignored">)/(</span><span class="denominator">` + below + end
	case "sqrt":
		if strings.HasPrefix(f.s[f.i:], "[") {
			f.failed = true
		}
		return `<span class="sqrt"><span class="radical">√</span><span class="ignored">(</span><span class="root">` + f.argument() + end
	case "overline":
		return `<span class="overline">` + f.braced() + `</span>`
	case "binom":
		above, below := f.braced(), f.braced()
		return `<span class="bigdelimiter size2">(</span><span class="binom"><span class="binomstack">` + above +
			`</span><span class="binomstack">` + below + `</span></span><span class="bigdelimiter size2">)</span>`
	case "mathbf":
		return f.font("<b>", "</b>")
	case "mathit":
		return f.font("<i>", "</i>")
	case "mathrm", "mathtt", "mathsf":
		return f.font(`<span class="`+name+`">`, "</span>")
	case "operatorname":
		return f.font(`<span class="mathrm">`, "</span>")
	case "mathcal":
		return f.font(`<span class="scriptfont">`, "</span>")
	case "mathbb":
		return f.board()
	case "text", "textbf", "textit", "texttt", "mbox":
		return f.words(name)
	}
	f.failed = true
	return ""
}

// board reads a letter that names a set of numbers.
func (f *formulaReader) board() string {
	f.skipBlanks()
	rest := f.s[f.i:]
	const form = "{R}"
	if len(rest) < len(form) || rest[0] != '{' || rest[2] != '}' {
		f.failed = true
		return ""
	}
	f.i += len(form)
	sign, ok := lookupSign(mathBoard, rest[1:2])
	f.failed = f.failed || !ok
	return sign
}
