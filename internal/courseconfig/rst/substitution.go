package rst

import (
	"strings"
	"unicode/utf8"
)

// substitutionDef reads ".. |name| directive:: ...".
func (s *body) substitutionDef(n int) (bool, string) {
	number := s.line()
	b, setOff := s.b.cut(s.i, indentRule{first: n + 1, known: -1, keep: true})
	escaped := ""
	for i, l := range b.lines {
		if i > 0 {
			escaped += " "
		}
		escaped += markEscapes(strings.TrimSpace(l))
		name, used, ok := substitutionName(escaped)
		if !ok {
			continue
		}
		source := strings.Join(s.b.lines[s.i:s.i+len(b.lines)], "\n")
		s.i += len(b.lines)
		rest := b.from(i)
		rest.lines[0] = strings.TrimSpace(original(escaped[used:]))
		s.define(unescape(name), rest, number, source)
		return setOff, ""
	}
	s.i += len(b.lines) - 1
	return false, "malformed substitution definition."
}

func substitutionName(s string) (string, int, bool) {
	for i := 1; i < len(s); i++ {
		if s[i] != '|' || i+1 < len(s) && s[i+1] != ' ' {
			continue
		}
		last, _ := utf8.DecodeLastRuneInString(s[:i])
		if !isSpace(last) && last != 0 {
			return s[:i], i + 1, true
		}
	}
	return "", 0, false
}

// define runs the directive in a definition and keeps its inline result.
func (s *body) define(name string, b block, number int, source string) {
	if b.lines[0] == "" {
		b = b.from(1)
	}
	b = b.trimBlank()
	fail := func(problem string) {
		s.node.addMessages(s.p.message(levelWarning, number, "Substitution definition \""+name+"\" "+problem, literal(source)))
	}
	if len(b.lines) == 0 {
		fail("missing contents.")
		return
	}
	b.lines[0] = strings.TrimSpace(b.lines[0])
	def := newNode("substitution_definition")
	def.raw, def.line = source, number
	directive, used := directiveName(b.lines[0])
	if directive == "" {
		fail("empty or invalid.")
		return
	}
	inner := &body{p: s.p, b: b, node: newNode("paragraph")}
	inner.node.set("substitution", name)
	inner.directive(directive, used)
	for _, k := range inner.node.kids {
		if k.isInline() || k.is("#text") {
			def.add(k)
		} else {
			s.node.add(k)
		}
	}
	if inner.i < len(b.lines) && !isBlank(inner.at(inner.i)) || len(def.kids) == 0 {
		fail("empty or invalid.")
		return
	}
	d := s.p.doc
	name = normalSpace(name)
	if d.subst[name] != nil {
		s.node.addMessages(s.p.message(levelError, number, "Duplicate substitution definition name: \""+name+"\"."))
	}
	d.subst[name] = def
	d.substFold[strings.ToLower(name)] = name
	s.node.add(def)
}
