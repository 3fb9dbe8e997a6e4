package rst

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

func image(c *call) []*node {
	if align, ok := c.option("align"); ok {
		inLine := contains([]string{"top", "middle", "bottom"}, align)
		switch subst := c.s.node.has("substitution"); {
		case subst && !inLine:
			return c.fail(levelError, fmt.Sprintf("Error in \"%s\" directive: \"%s\" is not a valid value for the \"align\" option within a "+
				"substitution definition.  Valid values for \"align\" are: \"top\", \"middle\", \"bottom\".", c.name, align))
		case !subst && inLine:
			return c.fail(levelError, fmt.Sprintf("Error in \"%s\" directive: \"%s\" is not a valid value for the \"align\" option.  "+
				"Valid values for \"align\" are: \"left\", \"center\", \"right\".", c.name, align))
		}
	}
	n := newNode("image").set("uri", targetURI(strings.Split(markEscapes(c.args[0]), "\n")))
	if c.s.node.has("substitution") {
		n.set("alt", c.s.node.get("substitution"))
	}
	for _, o := range []string{"alt", "width", "height", "scale", "align"} {
		if v, ok := c.option(o); ok {
			n.set(o, v)
		}
	}
	c.named(c.dress(n))
	target, ok := c.option("target")
	if !ok {
		return []*node{n}
	}
	ref := newNode("reference", n)
	lines := strings.Split(markEscapes(target), "\n")
	if name, byName := indirectName(lines); byName {
		ref.raw = target
		c.s.p.refer(ref, refName(name))
	} else {
		ref.set("refuri", targetURI(lines))
	}
	return []*node{ref}
}

// figure is an image with a caption, the first paragraph, and a legend.
func figure(c *call) []*node {
	align, aligned := c.option("align")
	delete(c.options, "align")
	imageNodes := image(c)
	if imageNodes == nil || imageNodes[0].is("system_message") {
		return imageNodes
	}
	n := newNode("figure", imageNodes...)
	n.classes = strings.Fields(c.options["figclass"])
	if v := c.options["figwidth"]; v != "" {
		n.set("width", v)
	}
	if aligned {
		n.set("align", align)
	}
	if len(c.content.lines) == 0 {
		return []*node{n}
	}
	holder := c.inside(newNode("holder"))
	if len(holder.kids) == 0 {
		return []*node{n}
	}
	first := holder.kids[0]
	switch {
	case first.is("paragraph"):
		caption := newNode("caption", first.kids...)
		caption.line = first.line
		n.add(caption)
	case !first.is("comment"):
		return append([]*node{n}, c.fail(levelError, "Figure caption must be a paragraph or empty comment.")...)
	}
	if len(holder.kids) > 1 {
		n.add(newNode("legend", holder.kids[1:]...))
	}
	return []*node{n}
}

func mathBlock(c *call) []*node {
	content := c.content
	if len(c.args) > 0 {
		content = block{lines: append([]string{c.args[0], ""}, content.lines...), first: c.line}
	}
	if len(content.lines) == 0 {
		return c.needContent()
	}
	var out []*node
	for _, part := range strings.Split(content.text(), "\n\n") {
		if part == "" {
			continue
		}
		n := c.dress(newNode("math_block", textNode(part)))
		if out == nil {
			c.named(n)
		}
		out = append(out, n)
	}
	return out
}

func codeBlock(c *call) []*node {
	if empty := c.needContent(); empty != nil {
		return empty
	}
	lang := ""
	n := newNode("literal_block")
	n.classes = []string{"code"}
	if len(c.args) > 0 {
		lang = c.args[0]
		n.classes = append(n.classes, lang)
	}
	n.classes = append(n.classes, strings.Fields(c.options["class"])...)
	n.line = c.line
	if lang != "" && !knownLanguage(lang) {
		return c.fail(levelWarning, fmt.Sprintf("Cannot analyze code. No Pygments lexer found for \"%s\".", lang))
	}
	tokens := c.s.p.highlight(c.content.text(), lang)
	if start, ok := c.option("number-lines"); ok {
		from := 1
		if start != "" {
			var err error
			if from, err = strconv.Atoi(start); err != nil {
				return c.fail(levelError, ":number-lines: with non-integer start value")
			}
		}
		tokens = numberLines(tokens, from, from+len(c.content.lines))
	}
	n.add(tokens...)
	return []*node{c.named(n)}
}

// numberLines puts a number before each line of code.
func numberLines(tokens []*node, from, end int) []*node {
	width := len(strconv.Itoa(end))
	number := func() *node {
		n := newNode("inline", textNode(fmt.Sprintf("%*d ", width, from)))
		n.classes = []string{"ln"}
		from++
		return n
	}
	out := []*node{number()}
	for _, t := range tokens {
		text := t
		if t.tag != "#text" {
			text = t.kids[0]
		}
		lines := strings.Split(text.text, "\n")
		for i, line := range lines {
			if i < len(lines)-1 {
				line += "\n"
			}
			if line != "" || t.tag != "#text" {
				k := textNode(line)
				if t.tag != "#text" {
					k = newNode("inline", k)
					k.classes = t.classes
				}
				out = append(out, k)
			}
			if i < len(lines)-1 {
				out = append(out, number())
			}
		}
	}
	return out
}

// replacement is the text of a substitution.
func replacement(c *call) []*node {
	if !c.s.node.has("substitution") {
		return c.fail(levelError, fmt.Sprintf("Invalid context: the \"%s\" directive can only be used within a substitution definition.", c.name))
	}
	if empty := c.needContent(); empty != nil {
		return empty
	}
	holder := c.inside(newNode("holder"))
	var text *node
	var messages []*node
	for _, k := range holder.kids {
		switch {
		case k.is("system_message"):
			messages = append(messages, k)
		case k.is("paragraph") && text == nil:
			text = k
		default:
			return some(c.s.p.message(levelError, c.line, fmt.Sprintf("Error in \"%s\" directive: may contain a single paragraph only.", c.name)))
		}
	}
	if text == nil {
		return messages
	}
	return append(messages, text.kids...)
}

// unicodeText makes characters from their codes: 0x2014, U+2014, &#x2014;.
func unicodeText(c *call) []*node {
	if !c.s.node.has("substitution") {
		return c.fail(levelError, fmt.Sprintf("Invalid context: the \"%s\" directive can only be used within a substitution definition.", c.name))
	}
	text, _, _ := strings.Cut(c.args[0], " .. ")
	out := ""
	for _, w := range strings.Fields(text) {
		r, ok := characterCode(w)
		switch {
		case !ok:
			out += w
		case r > utf8.MaxRune || !utf8.ValidRune(r):
			return c.fail(levelError, fmt.Sprintf("Invalid character code: %s", w))
		default:
			out += string(r)
		}
	}
	n := textNode(markEscapes(strings.ReplaceAll(out, `\`, `\\`)))
	_, trim := c.option("trim")
	if _, left := c.option("ltrim"); left || trim {
		c.s.node.set("ltrim", "1")
	}
	if _, right := c.option("rtrim"); right || trim {
		c.s.node.set("rtrim", "1")
	}
	return []*node{n}
}

// characterCode reads the code of a character in one of its spellings.
func characterCode(w string) (rune, bool) {
	if n, err := strconv.ParseInt(w, 10, 32); err == nil {
		return rune(n), n >= 0
	}
	for _, p := range []string{"0x", "x", `\x`, "U+", "u", "U", `\u`, `\U`, "&#x"} {
		hex, ok := strings.CutPrefix(w, p)
		if ok {
			if n, err := strconv.ParseInt(strings.TrimSuffix(hex, ";"), 16, 32); err == nil && n >= 0 {
				return rune(n), true
			}
		}
	}
	return 0, false
}
