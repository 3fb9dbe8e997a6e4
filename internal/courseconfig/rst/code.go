package rst

import (
	"strings"
	"time"
	"unicode"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"
)

// Bounds of highlighting; code beyond them is shown without colours.
const (
	maxCode     = 16 << 10 // bytes
	maxCodeTime = time.Second
)

// knownLanguage tells the languages that do not give a warning: ours, and some
// that only Pygments can colour.
func knownLanguage(name string) bool {
	return contains([]string{"text", "pycon", "doctest", "pytb", "py3tb", "ipython"}, strings.ToLower(name)) ||
		lexers.Get(name) != nil
}

// highlight splits code into text and spans, with the long class names of
// Pygments.
func (p *parser) highlight(code, language string) []*node {
	plain := []*node{textNode(code)}
	lexer := lexers.Get(language)
	if language == "" || language == "text" || lexer == nil || len(code) > maxCode {
		return plain
	}
	if p.code != nil {
		if *p.code -= len(code); *p.code < 0 {
			return plain
		}
	}
	code = strings.Trim(code, "\n")
	tokens, err := chroma.Coalesce(lexer).Tokenise(nil, code+"\n")
	if err != nil {
		return plain
	}
	deadline := time.Now().Add(maxCodeTime)
	var all []codeToken
	for t := tokens(); t != chroma.EOF; t = tokens() {
		if time.Now().After(deadline) {
			if p.code != nil {
				*p.code = 0
			}
			return plain
		}
		all = append(all, codeToken{strings.Join(tokenClasses(t.Type), " "), t.Value})
	}
	return withoutLastNewline(codeNodes(likePygments(lexer.Config().Name, all)))
}

// codeNodes makes text of tokens without a class and spans of the others.
// Neighbours of one class become one span.
func codeNodes(tokens []codeToken) []*node {
	var out []*node
	last := "-"
	for _, t := range tokens {
		switch {
		case t.text == "":
		case t.class == last && t.class == "":
			out[len(out)-1].text += t.text
		case t.class == last:
			out[len(out)-1].kids[0].text += t.text
		default:
			k := textNode(t.text)
			if t.class != "" {
				k = newNode("inline", k)
				k.classes = strings.Fields(t.class)
			}
			out = append(out, k)
			last = t.class
		}
	}
	return out
}

func withoutLastNewline(nodes []*node) []*node {
	if len(nodes) == 0 {
		return nodes
	}
	last := nodes[len(nodes)-1]
	text := last
	if last.tag != "#text" {
		text = last.kids[0]
	}
	text.text = strings.TrimSuffix(text.text, "\n")
	if text.text == "" {
		return nodes[:len(nodes)-1]
	}
	return nodes
}

// tokenClasses are the words of a token type's name: "name builtin".
func tokenClasses(t chroma.TokenType) []string {
	var words []string
	for _, r := range t.String() {
		if unicode.IsUpper(r) {
			words = append(words, "")
		}
		if len(words) > 0 {
			words[len(words)-1] += strings.ToLower(string(r))
		}
	}
	if t == chroma.CommentPreprocFile {
		return []string{"comment", "preprocfile"}
	}
	if len(words) > 0 && words[0] == "text" {
		words = words[1:]
	}
	return words
}
