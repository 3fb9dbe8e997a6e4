package rst

import (
	"strings"
	"unicode/utf8"
)

// inliner turns running text into nodes. Its text has NUL bytes where the
// source has backslashes.
type inliner struct {
	p        *parser
	text     string
	line     int
	parent   *node // the element around the text
	base     int   // where the text that is not yet understood begins
	pending  int   // start of text that is in no node yet
	out      []*node
	messages []*node
	ends     map[string]endCache
	noName   int // before this offset no name becomes a reference
}

// endCache remembers a search for an end-string: from is where it began, at is
// the result.
type endCache struct{ from, at, after int }

// inline turns the text of an element into nodes, and gives the messages about it.
func (p *parser) inline(s string, line int, parent *node) ([]*node, []*node) {
	in := &inliner{p: p, text: markEscapes(s), line: line, parent: parent, ends: map[string]endCache{}}
	in.run()
	return in.out, in.messages
}

func (in *inliner) run() {
	for pos := 0; pos < len(in.text); {
		next := in.step(pos)
		if next > pos {
			pos = next
			continue
		}
		_, n := utf8.DecodeRuneInString(in.text[pos:])
		pos += n
	}
	in.flush(len(in.text))
}

// step tries each construct at pos and returns where to go on, or pos.
func (in *inliner) step(pos int) int {
	c := in.text[pos]
	special := strings.IndexByte("*`_|[:", c) >= 0
	if !special && !in.startsWord(pos) || !in.prefixOK(pos) {
		return pos
	}
	rest := in.text[pos:]
	switch {
	case strings.HasPrefix(rest, "**"):
		return in.simple(pos, "**", "strong")
	case c == '*':
		return in.simple(pos, "*", "emphasis")
	case strings.HasPrefix(rest, "``"):
		return in.simple(pos, "``", "literal")
	case strings.HasPrefix(rest, "_`"):
		return in.simple(pos, "_`", "target")
	case c == '|' && !strings.HasPrefix(rest, "||"):
		return in.simple(pos, "|", "substitution_reference")
	case c == '[':
		return in.footnoteReference(pos)
	case c == '`' || c == ':':
		return in.interpreted(pos)
	}
	return in.nameReference(pos)
}

func (in *inliner) startsWord(pos int) bool {
	r, _ := utf8.DecodeRuneInString(in.text[pos:])
	return isWord(r)
}

// prefixOK tells that markup may begin at pos: at the start, after white space
// or after punctuation that opens.
func (in *inliner) prefixOK(pos int) bool {
	if pos == in.base {
		return true
	}
	r, _ := utf8.DecodeLastRuneInString(in.text[:pos])
	return isSpace(r) || isOpener(r) || isDelimiter(r)
}

// suffixOK tells that markup may end at pos.
func (in *inliner) suffixOK(pos int) bool { return suffixOK(in.text, pos) }

func suffixOK(s string, pos int) bool {
	if pos >= len(s) {
		return true
	}
	r, _ := utf8.DecodeRuneInString(s[pos:])
	return r == 0 || isSpace(r) || isDelimiter(r) || isCloser(r) || strings.ContainsRune(`\.,;!?`, r)
}

// spaceAt tells that white space follows, which no start-string allows.
func (in *inliner) spaceAt(pos int) bool {
	if pos >= len(in.text) {
		return false
	}
	r, _ := utf8.DecodeRuneInString(in.text[pos:])
	return isSpace(r)
}

// quoted tells that the start-string from pos to end stands between matching
// quotes or brackets, and so is only mentioned.
func (in *inliner) quoted(pos, end int) bool {
	if pos == in.base {
		return false
	}
	if end >= len(in.text) {
		return true
	}
	before, _ := utf8.DecodeLastRuneInString(in.text[:pos])
	after, _ := utf8.DecodeRuneInString(in.text[end:])
	return matchingPair(before, after)
}

// skip leaves a start-string as text: what follows is looked at afresh.
func (in *inliner) skip(end int) int {
	in.base = end
	return end
}

// put ends the text before start and adds nodes for what reaches to end.
func (in *inliner) put(start, end int, nodes ...*node) int {
	in.flush(start)
	in.out = append(in.out, nodes...)
	in.base, in.pending = end, end
	return end
}

func (in *inliner) flush(end int) {
	if in.pending < end {
		in.out = append(in.out, in.p.implicit(in.text[in.pending:end])...)
	}
	in.pending = end
}

// simple handles the constructs that begin and end with a string of their own.
func (in *inliner) simple(pos int, start, tag string) int {
	after := pos + len(start)
	if in.spaceAt(after) {
		return pos
	}
	if in.quoted(pos, after) {
		return in.skip(after)
	}
	end, stop := in.findEnd(start, after)
	if end <= after {
		return in.unclosed(pos, after, "Inline "+tag+" start-string without end-string.")
	}
	inner := in.text[after:end]
	n := newNode(tag)
	n.raw = original(in.text[pos:stop])
	if tag == "literal" {
		inner = original(inner)
	}
	n.add(textNode(inner))
	switch tag {
	case "target":
		n.names = append(n.names, refName(unescape(inner)))
		in.p.note(n, in.parent, true)
	case "substitution_reference":
		n = in.substitution(n, inner, in.text[end:stop])
	}
	return in.put(pos, stop, n)
}

func (in *inliner) unclosed(pos, after int, problem string) int {
	m := in.p.message(levelWarning, in.line, problem)
	if m == nil {
		return in.skip(after)
	}
	prb := in.p.problematic(original(in.text[pos:after]), m)
	in.messages = append(in.messages, m)
	return in.put(pos, after, prb)
}

// findEnd finds the end-string for a start-string: its place and the end of it,
// or -1.
func (in *inliner) findEnd(start string, from int) (int, int) {
	if c, ok := in.ends[start]; ok && from >= c.from && (c.at < 0 || from < c.at) {
		return c.at, c.after
	}
	mark := map[string]string{"_`": "`"}[start]
	if mark == "" {
		mark = start
	}
	for i := from; i < len(in.text); i++ {
		n := strings.Index(in.text[i:], mark)
		if n < 0 {
			break
		}
		i += n
		if after := in.endAt(start, mark, i, from); after > 0 {
			in.ends[start] = endCache{from, i, after}
			return i, after
		}
	}
	in.ends[start] = endCache{from, -1, -1}
	return -1, -1
}

// endAt returns the end of a valid end-string at i, or 0.
func (in *inliner) endAt(start, mark string, i, from int) int {
	if i > from {
		r, _ := utf8.DecodeLastRuneInString(in.text[:i])
		if isSpace(r) || r == 0 && start != "``" {
			return 0
		}
	}
	after := i + len(mark)
	if start == "|" {
		for n := 2; n > 0; n-- {
			if strings.HasPrefix(in.text[after:], "__"[:n]) && in.suffixOK(after+n) {
				return after + n
			}
		}
	}
	if !in.suffixOK(after) {
		return 0
	}
	return after
}

// substitution wraps a substitution that is also a reference: |name|_.
func (in *inliner) substitution(n *node, name, end string) *node {
	n.set("name", unescape(name))
	if end == "|" {
		return n
	}
	ref := newNode("reference", n)
	ref.raw = original("|" + name + end)
	if end == "|__" {
		in.p.doc.anonRefs = append(in.p.doc.anonRefs, ref)
		return ref
	}
	in.p.refer(ref, refName(unescape(name)))
	return ref
}

// refer makes ref a reference to a name.
func (p *parser) refer(ref *node, name string) {
	ref.set("refname", name)
	p.doc.refs[name] = append(p.doc.refs[name], ref)
}
