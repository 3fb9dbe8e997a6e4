package rst

import "strings"

// The tables of commands give what docutils shows for them: signs, operators
// with thin spaces around, letters in italics and words.
const (
	mathPlain = `cdot=⋅ times=× pm=± mp=∓ infty=∞ ldots=… cdots=⋯ vdots=⋮ ddots=⋱ dots=… emptyset=∅ varnothing=⌀ forall=∀ exists=∃ nexists=∄ ` +
		`nabla=∇ partial=∂ land=∧ lor=∨ neg=¬ lnot=¬ wedge=∧ vee=∨ cup=∪ cap=∩ setminus=⧵ lfloor=⌊ rfloor=⌋ lceil=⌈ rceil=⌉ langle=⟨ rangle=⟩ ` +
		`lvert=| rvert=| circ=∘ bullet=• star=⋆ ast=∗ oplus=⊕ otimes=⊗ odot=⊙ div=÷ top=⊤ bot=⊥ angle=∠ triangle=△ square=◻ prime=′ backslash=\ ` +
		`dagger=† ddagger=‡ S=§ P=¶ copyright=© surd=√ lbrace={ rbrace=} Vert=‖ vert=| checkmark=✓ complement=∁ ` +
		`gcd=gcd det=det Pr=Pr arg=arg dim=dim hom=hom ker=ker deg=deg log=log ln=ln lg=lg exp=exp sin=sin cos=cos tan=tan cot=cot sec=sec csc=csc ` +
		`sinh=sinh cosh=cosh tanh=tanh coth=coth arcsin=arcsin arccos=arccos arctan=arctan ` +
		`Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Xi=Ξ Pi=Π Sigma=Σ Upsilon=Υ Phi=Φ Psi=Ψ Omega=Ω`
	mathSpaced = `leq=≤ le=≤ geq=≥ ge=≥ neq=≠ ne=≠ approx=≈ in=∈ notin=∉ ni=∋ rightarrow=→ to=→ leftarrow=← gets=← Rightarrow=⇒ Leftarrow=⇐ ` +
		`Leftrightarrow=⇔ leftrightarrow=↔ longrightarrow=⟶ Longrightarrow=⟹ subset=⊂ subseteq=⊆ supset=⊃ supseteq=⊇ subsetneq=⊊ equiv=≡ sim=∼ ` +
		`simeq=≃ cong=≅ propto=∝ mid=∣ nmid=∤ parallel=∥ perp=⟂ ll=≪ gg=≫ mapsto=↦ implies=⟹ vdash=⊢ models=⊧ therefore=∴ because=∵ uparrow=↑ ` +
		`downarrow=↓ Uparrow=⇑ Downarrow=⇓ updownarrow=↕ hookrightarrow=↪ rightharpoonup=⇀ prec=≺ succ=≻ preceq=⪯ succeq=⪰ sqsubseteq=⊑ asymp=≍ doteq=≐`
	mathItalic = `ell=ℓ hbar=ħ Re=ℜ Im=ℑ aleph=ℵ alpha=α beta=β gamma=γ delta=δ epsilon=ϵ varepsilon=ε zeta=ζ eta=η theta=θ vartheta=ϑ iota=ι ` +
		`kappa=κ lambda=λ mu=μ nu=ν xi=ξ pi=π varpi=ϖ rho=ρ varrho=ϱ sigma=σ varsigma=ς tau=τ upsilon=υ phi=ϕ varphi=φ chi=χ psi=ψ omega=ω`
	mathLimits = `bigcup=⋃ bigcap=⋂ bigvee=⋁ bigwedge=⋀ bigoplus=⨁ sum=∑ prod=∏ coprod=∐ int=∫ oint=∮ iint=∬ lim=lim max=max min=min sup=sup inf=inf`
	mathBoard  = `A=𝔸 B=𝔹 C=ℂ D=𝔻 E=𝔼 F=𝔽 G=𝔾 H=ℍ J=𝕁 K=𝕂 L=𝕃 N=ℕ O=𝕆 P=ℙ Q=ℚ R=ℝ S=𝕊 T=𝕋 W=𝕎 Z=ℤ`
)

// lookupSign finds a name in one of the tables.
func lookupSign(table, name string) (string, bool) {
	at := strings.Index(" "+table, " "+name+"=")
	if at < 0 {
		return "", false
	}
	sign, _, _ := strings.Cut(table[at+len(name)+1:], " ")
	return sign, true
}

// mathCommand finds the HTML of a command without arguments.
func mathCommand(name string) (string, bool) {
	switch name {
	case "quad":
		return "\u2001", true
	case "qquad":
		return "\u2001\u2001", true
	case "colon":
		return ": ", true
	}
	if sign, ok := lookupSign(mathPlain, name); ok {
		return encode(sign), true
	}
	if sign, ok := lookupSign(mathSpaced, name); ok {
		return "\u2009" + encode(sign) + "\u2009", true
	}
	if letter, ok := lookupSign(mathItalic, name); ok {
		return "<i>" + letter + "</i>", true
	}
	return "", false
}

// mathEscape finds the HTML of a backslash with a sign.
func mathEscape(sign byte) (string, bool) {
	switch sign {
	case '{', '}', '%', '$', '&', '#', '_':
		return encode(string(sign)), true
	case ',':
		return "\u2006", true
	case ':':
		return "\u205f", true
	case ' ':
		return " ", true
	case ';':
		return `<span class="thickspace"> </span>`, true
	case '|':
		return "‖", true
	}
	return "", false
}
