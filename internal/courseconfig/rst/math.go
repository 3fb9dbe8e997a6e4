package rst

import (
	"strings"
	"unicode/utf8"
)

// formula writes simple TeX formulas as docutils' HTML does: letters, numbers,
// operators, Greek, sub- and superscripts, fractions and roots. A formula with
// anything else is shown as it was written.
func formula(tex string) string {
	f := &formulaReader{s: strings.TrimSpace(tex)}
	out := f.sequence("")
	if f.failed || f.i < len(f.s) {
		return encode(tex)
	}
	return out
}

type formulaReader struct {
	s      string
	i      int
	depth  int
	failed bool
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
		f.i++
		name := map[rune]string{'^': "sup", '_': "sub"}[r]
		return "<" + name + ">" + f.argument() + "</" + name + ">"
	case r < utf8.RuneSelf && isLetter(byte(r)):
		start := f.i
		for f.i < len(f.s) && isLetter(f.s[f.i]) {
			f.i++
		}
		return "<i>" + f.s[start:f.i] + "</i>"
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
	",": ",\u2009", ";": ";\u2009", ":": "\u2009:\u2009", "/": "\u2009⁄\u2009", "'": "’",
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
	inner := formulaReader{s: f.s[f.i : f.i+n], depth: f.depth}
	out := inner.sequence("")
	f.i += n
	f.failed = f.failed || inner.failed || r == '^' || r == '_'
	return out
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
		switch sign := f.s[start:f.i]; sign {
		case "{", "}", "%", "$", "&", "#", "_":
			return encode(sign)
		}
		f.failed = true
		return ""
	}
	switch name {
	case "frac":
		above, below := f.argument(), f.argument()
		return `<span class="fraction"><span class="ignored">(</span><span class="numerator">` + above +
			`</span><span class="ignored">)/(</span><span class="denominator">` + below + `</span><span class="ignored">)</span></span>`
	case "sqrt":
		if strings.HasPrefix(f.s[f.i:], "[") {
			f.failed = true
		}
		return `<span class="sqrt"><span class="radical">√</span><span class="ignored">(</span><span class="root">` + f.argument() +
			`</span><span class="ignored">)</span></span>`
	}
	if shown, ok := mathCommand(name); ok {
		f.i += len(f.s[f.i:]) - len(strings.TrimLeft(f.s[f.i:], " "))
		return encode(shown)
	}
	if letter, ok := greek(name); ok {
		return "<i>" + letter + "</i>"
	}
	f.failed = true
	return ""
}

// mathCommand finds the sign of a command.
func mathCommand(name string) (string, bool) {
	for _, pair := range strings.Fields("cdot=⋅ times=× pm=± infty=∞ ldots=… cdots=⋯ emptyset=∅ forall=∀ exists=∃ nabla=∇ partial=∂") {
		if key, sign, _ := strings.Cut(pair, "="); key == name {
			return sign, true
		}
	}
	for _, pair := range strings.Fields("leq=≤ le=≤ geq=≥ ge=≥ neq=≠ ne=≠ approx=≈ in=∈ rightarrow=→ to=→ leftarrow=← Rightarrow=⇒ subset=⊂ equiv=≡") {
		if key, sign, _ := strings.Cut(pair, "="); key == name {
			return "\u2009" + sign + "\u2009", true
		}
	}
	for _, word := range strings.Fields("log ln sin cos tan exp max min lim mod gcd det") {
		if word == name {
			return name, true
		}
	}
	return "", false
}

// greek finds the letter of a name.
func greek(name string) (string, bool) {
	const names = "alpha=α beta=β gamma=γ delta=δ epsilon=ϵ zeta=ζ eta=η theta=θ iota=ι kappa=κ lambda=λ mu=μ nu=ν xi=ξ pi=π " +
		"rho=ρ sigma=σ tau=τ upsilon=υ phi=ϕ chi=χ psi=ψ omega=ω Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Xi=Ξ Pi=Π Sigma=Σ Phi=Φ Psi=Ψ Omega=Ω"
	for _, pair := range strings.Fields(names) {
		if key, letter, _ := strings.Cut(pair, "="); key == name {
			return letter, true
		}
	}
	return "", false
}
