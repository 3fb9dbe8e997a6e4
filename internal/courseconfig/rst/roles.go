package rst

import (
	"fmt"
	"strconv"
	"strings"
)

// role is what :name:`text` means; custom roles add classes to a built-in one.
type role struct {
	base    string
	classes []string
	lang    string // of code
	format  string // of raw
}

// builtinRoles maps names to elements.
func builtinRole(name string) (string, bool) {
	switch strings.ToLower(name) {
	case "emphasis", "strong", "literal", "code", "math", "raw":
		return strings.ToLower(name), true
	case "abbreviation", "ab":
		return "abbreviation", true
	case "acronym", "ac":
		return "acronym", true
	case "subscript", "sub":
		return "subscript", true
	case "superscript", "sup":
		return "superscript", true
	case "title-reference", "title", "t":
		return "title_reference", true
	case "pep-reference", "pep":
		return "pep", true
	case "rfc-reference", "rfc":
		return "rfc", true
	}
	return "", false
}

func (p *parser) findRole(name string) (role, bool) {
	if name == "" {
		name = p.defaultRole
	}
	if r, ok := p.roles[strings.ToLower(name)]; ok {
		return r, true
	}
	base, ok := builtinRole(name)
	return role{base: base}, ok
}

// applyRole makes the nodes of interpreted text.
func (p *parser) applyRole(name, source, text string, line int) ([]*node, []*node) {
	r, ok := p.findRole(name)
	if !ok {
		problem := fmt.Sprintf("Unknown interpreted text role \"%s\".", name)
		if unfinishedRole(name) {
			problem = fmt.Sprintf("Interpreted text role \"%s\" not implemented.", name)
		}
		m := p.message(levelError, line, problem)
		return []*node{p.problematic(source, m)}, some(m)
	}
	n := newNode(r.base, textNode(text))
	n.raw = source
	n.classes = append(n.classes, r.classes...)
	switch r.base {
	case "literal":
		n.kids[0].text = original(text)
	case "math":
		n.kids[0].text = original(text)
	case "code":
		n.tag = "literal"
		n.classes = append([]string{"code"}, r.classes...)
		if r.lang != "" {
			n.classes = append(n.classes, r.lang)
		}
		n.kids = nil
		n.add(p.highlight(original(text), r.lang)...)
	case "raw":
		if r.format == "" {
			m := p.message(levelError, line, "No format (Writer name) is associated with this role: \""+name+"\".\n"+
				"The \"raw\" role cannot be used directly.\n"+
				"Instead, use the \"role\" directive to create a new role with an associated format.")
			return []*node{p.problematic(source, m)}, some(m)
		}
		n.kids[0].text = original(text)
		n.set("format", r.format)
	case "pep", "rfc":
		return p.numbered(n, source, text, line)
	}
	return []*node{n}, nil
}

// unfinishedRole tells the roles that docutils names but does not have.
func unfinishedRole(name string) bool {
	switch strings.ToLower(name) {
	case "index", "i", "named-reference", "anonymous-reference", "footnote-reference", "citation-reference",
		"substitution-reference", "target", "uri-reference", "uri", "url", "restructuredtext-unimplemented-role":
		return true
	}
	return false
}

func some(m *node) []*node {
	if m == nil {
		return nil
	}
	return []*node{m}
}

// numbered makes the link to a PEP or RFC.
func (p *parser) numbered(n *node, source, text string, line int) ([]*node, []*node) {
	digits, fragment, _ := strings.Cut(unescape(text), "#")
	number, err := strconv.Atoi(digits)
	kind, most := strings.ToUpper(n.tag), 9999
	if err != nil || number < 0 || kind == "PEP" && number > most || kind == "RFC" && number < 1 {
		problem := fmt.Sprintf("PEP number must be a number from 0 to 9999; \"%s\" is invalid.", unescape(text))
		if kind == "RFC" {
			problem = fmt.Sprintf("RFC number must be a number greater than or equal to 1; \"%s\" is invalid.", unescape(text))
		}
		m := p.message(levelError, line, problem)
		return []*node{p.problematic(source, m)}, some(m)
	}
	uri := fmt.Sprintf("https://www.python.org/dev/peps/pep-%04d", number)
	if kind == "RFC" {
		uri = fmt.Sprintf("https://tools.ietf.org/html/rfc%d.html", number)
	}
	if fragment != "" {
		uri += "#" + fragment
	}
	ref := newNode("reference", textNode(kind+" "+digits))
	ref.raw = source
	return []*node{ref.set("refuri", uri)}, nil
}
