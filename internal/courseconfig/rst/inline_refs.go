package rst

import (
	"strings"
	"unicode/utf8"
)

// nameLen returns the length of the simple name at the start of s: words that
// single -, ., _, + or : join. Lengths where a joint stands are in joints.
func nameLen(s string) (n int, joints []int) {
	for {
		w := 0
		for i, r := range s[n:] {
			if !isWord(r) {
				break
			}
			w = i + utf8.RuneLen(r)
		}
		if w == 0 {
			return max(n-1, 0), joints
		}
		n += w
		joints = append(joints, n)
		if n >= len(s) || strings.IndexByte("-._+:", s[n]) < 0 {
			return n, joints
		}
		n++
	}
}

// nameReference handles name_ and name__.
func (in *inliner) nameReference(pos int) int {
	if pos < in.noName {
		return pos
	}
	n, joints := nameLen(in.text[pos:])
	for i := len(joints) - 1; i >= 0; i-- {
		name := in.text[pos : pos+joints[i]]
		for _, mark := range []string{"__", "_"} {
			end := pos + joints[i] + len(mark)
			if strings.HasPrefix(in.text[pos+joints[i]:], mark) && in.suffixOK(end) {
				ref := newNode("reference", textNode(name))
				ref.raw = name + mark
				if mark == "__" {
					in.p.doc.anonRefs = append(in.p.doc.anonRefs, ref)
				} else {
					in.p.refer(ref, refName(name))
				}
				return in.put(pos, end, ref)
			}
		}
	}
	in.noName = pos + n
	return pos
}

// footnoteReference handles [1]_, [#]_, [#name]_, [*]_ and [citation]_.
func (in *inliner) footnoteReference(pos int) int {
	label, ok := footnoteLabel(in.text[pos+1:])
	end := pos + 1 + len(label) + len("]_")
	if !ok || !strings.HasPrefix(in.text[pos+1+len(label):], "]_") || !in.suffixOK(end) {
		return pos
	}
	d := in.p.doc
	name := refName(label)
	ref := newNode("footnote_reference")
	ref.raw = "[" + label + "]_"
	d.giveID(ref)
	switch {
	case label[0] == '#':
		ref.set("auto", "1")
		name = name[1:]
		d.autoRefs = append(d.autoRefs, ref)
	case label == "*":
		ref.set("auto", "*")
		name = ""
		d.symRefs = append(d.symRefs, ref)
	case strings.Trim(label, "0123456789") == "":
		ref.add(textNode(label))
	default:
		ref.tag = "citation_reference"
		ref.add(textNode(label))
		ref.set("refname", name)
		d.citeRefs[name] = append(d.citeRefs[name], ref)
		return in.put(pos, end, ref)
	}
	if name != "" {
		ref.set("refname", name)
		d.footRefs[name] = append(d.footRefs[name], ref)
	}
	return in.put(pos, end, ref)
}

// footnoteLabel reads the label of a footnote or citation, up to its bracket.
func footnoteLabel(s string) (string, bool) {
	i := strings.IndexByte(s, ']')
	if i <= 0 {
		return "", false
	}
	label := s[:i]
	name := strings.TrimPrefix(label, "#")
	if label == "#" || label == "*" {
		return label, true
	}
	n, _ := nameLen(name)
	return label, n == len(name) && n > 0
}

// interpreted handles `text`, :role:`text`, `text`:role:, `phrase`_ and `phrase`__.
func (in *inliner) interpreted(pos int) int {
	role, tick := "", pos
	if in.text[pos] == ':' {
		n, joints := nameLen(in.text[pos+1 : min(len(in.text), pos+200)])
		if len(joints) == 0 || !strings.HasPrefix(in.text[pos+1+n:], ":`") {
			return pos
		}
		role, tick = in.text[pos+1:pos+1+n], pos+n+2
	}
	after := tick + 1
	if strings.HasPrefix(in.text[after:], "`") || in.spaceAt(after) {
		return pos
	}
	if role == "" && in.quoted(pos, after) {
		return in.skip(after)
	}
	end, stop, endRole, refEnd := in.interpretedEnd(after)
	if end <= after {
		return in.unclosed(tick, after, "Inline interpreted text or phrase reference start-string without end-string.")
	}
	inner, source := in.text[after:end], original(in.text[pos:stop])
	position := "prefix"
	switch {
	case endRole != "" && role != "":
		return in.refuse(pos, stop, "Multiple roles in interpreted text (both prefix and suffix present; only one allowed).")
	case endRole != "":
		role, position = endRole, "suffix"
	}
	if refEnd != "" {
		if role != "" {
			return in.refuse(pos, stop, "Mismatch: both interpreted text role "+position+" and reference suffix.")
		}
		return in.put(pos, stop, in.phrase(inner, source, refEnd == "__")...)
	}
	nodes, messages := in.p.applyRole(role, source, inner, in.line)
	in.messages = append(in.messages, messages...)
	return in.put(pos, stop, nodes...)
}

func (in *inliner) refuse(pos, stop int, problem string) int {
	m := in.p.message(levelWarning, in.line, problem)
	prb := in.p.problematic(original(in.text[pos:stop]), m)
	if m != nil {
		in.messages = append(in.messages, m)
	}
	return in.put(pos, stop, prb)
}

// interpretedEnd finds the end of interpreted text or of a phrase reference.
func (in *inliner) interpretedEnd(from int) (end, stop int, role, ref string) {
	if c, ok := in.ends["`"]; ok && from >= c.from && c.at < 0 {
		return -1, -1, "", ""
	}
	for i := from; i < len(in.text); i++ {
		n := strings.IndexByte(in.text[i:], '`')
		if n < 0 {
			break
		}
		i += n
		if i > from {
			r, size := utf8.DecodeLastRuneInString(in.text[:i])
			marked := i-size > from && in.text[i-size-1] == 0
			if (isSpace(r) || r == 0) && !marked {
				continue
			}
		}
		if stop, role, ref, ok := in.endMarks(i + 1); ok {
			return i, stop, role, ref
		}
	}
	in.ends["`"] = endCache{from, -1, -1}
	return -1, -1, "", ""
}

// endMarks reads the optional role and reference mark after a closing backquote.
func (in *inliner) endMarks(pos int) (stop int, role, ref string, ok bool) {
	starts := []int{pos}
	if strings.HasPrefix(in.text[pos:], ":") {
		n, joints := nameLen(in.text[pos+1 : min(len(in.text), pos+200)])
		if len(joints) > 0 && strings.HasPrefix(in.text[pos+1+n:], ":") {
			role = in.text[pos+1 : pos+1+n]
			starts = []int{pos + n + 2, pos}
		}
	}
	for _, s := range starts {
		for _, mark := range []string{"__", "_", ""} {
			if strings.HasPrefix(in.text[s:], mark) && in.suffixOK(s+len(mark)) {
				if s == pos {
					role = ""
				}
				return s + len(mark), role, mark, true
			}
		}
	}
	return 0, "", "", false
}

// phrase handles `text`_ and its forms with <address> or <name_> inside.
func (in *inliner) phrase(inner, source string, anonymous bool) []*node {
	d := in.p.doc
	shown, link := splitEmbedded(inner)
	ref := newNode("reference")
	ref.raw = source
	if link == "" {
		ref.add(textNode(inner))
		if anonymous {
			d.anonRefs = append(d.anonRefs, ref)
		} else {
			in.p.refer(ref, refName(unescape(inner)))
		}
		return []*node{ref}
	}
	target := newNode("target")
	byName := strings.HasSuffix(link, "_") && !strings.HasSuffix(original(link), `\_`) && !startsURI(link)
	address := ""
	if byName {
		address = refName(unescape(strings.TrimSuffix(link, "_")))
		target.set("refname", address)
	} else {
		address = embeddedURI(link)
		target.set("refuri", address)
	}
	if shown == "" {
		shown = address
	}
	ref.add(textNode(shown))
	if byName {
		in.p.refer(ref, address)
	} else {
		ref.set("refuri", address)
	}
	if anonymous {
		return []*node{ref}
	}
	target.names = append(target.names, refName(unescape(shown)))
	if byName {
		d.indirect = append(d.indirect, target)
	} else {
		target.line = in.line
		in.p.note(target, in.parent, true)
	}
	return []*node{ref, target}
}

// splitEmbedded splits "text <link>" into its parts; link is empty without one.
func splitEmbedded(inner string) (string, string) {
	if !strings.HasSuffix(inner, ">") || strings.HasSuffix(inner, "\x00>") {
		return "", ""
	}
	end := len(inner) - 1
	open := -1
	for i := end - 1; i >= 0; i-- {
		if (inner[i] == '<' || inner[i] == '>') && (i == 0 || inner[i-1] != 0) {
			open = i
			break
		}
	}
	if open < 0 || inner[open] != '<' || open+1 >= end {
		return "", ""
	}
	link := inner[open+1 : end]
	first, _ := utf8.DecodeRuneInString(link)
	last, _ := utf8.DecodeLastRuneInString(link)
	before := strings.TrimRight(inner[:open], " \n")
	if isSpace(first) || isSpace(last) || last == 0 || open > 0 && before == inner[:open] {
		return "", ""
	}
	return before, link
}

// embeddedURI is the address without white space, unless that is escaped.
func embeddedURI(link string) string {
	uri := strings.Join(strings.FieldsFunc(strings.NewReplacer("\x00 ", "\x01", "\x00\n", "\x01").Replace(link), isSpace), "")
	uri = unescape(strings.ReplaceAll(uri, "\x01", " "))
	return adjustURI(uri)
}

// adjustURI makes a mail address a mailto: address.
func adjustURI(uri string) string {
	if n, ok := mailLen(uri, 0); ok && n == len(uri) {
		return "mailto:" + uri
	}
	return uri
}
