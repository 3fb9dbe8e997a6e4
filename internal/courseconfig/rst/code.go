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
	maxCode     = 256 << 10 // bytes
	maxCodeTime = time.Second
)

func knownLanguage(name string) bool {
	return name == "text" || lexers.Get(name) != nil
}

// highlight splits code into text and spans, with the long class names of
// Pygments.
func highlight(code, language string) []*node {
	plain := []*node{textNode(code)}
	lexer := lexers.Get(language)
	if language == "" || language == "text" || lexer == nil || len(code) > maxCode {
		return plain
	}
	code = strings.Trim(code, "\n")
	tokens, err := chroma.Coalesce(lexer).Tokenise(nil, code+"\n")
	if err != nil {
		return plain
	}
	deadline := time.Now().Add(maxCodeTime)
	var out []*node
	for t := tokens(); t != chroma.EOF; t = tokens() {
		if time.Now().After(deadline) {
			return plain
		}
		classes := tokenClasses(t.Type)
		if isPython(language) && len(classes) == 0 {
			out = append(out, pythonSpace(t.Value, out)...)
			continue
		}
		out = append(out, codeNode(t.Value, classes))
	}
	return withoutLastNewline(out)
}

func codeNode(text string, classes []string) *node {
	k := textNode(text)
	if len(classes) > 0 {
		k = newNode("inline", k)
		k.classes = classes
	}
	return k
}

func isPython(language string) bool {
	return contains([]string{"python", "py", "python3", "py3", "sage"}, strings.ToLower(language))
}

// pythonSpace splits white space of Python code as Pygments does: newlines, and
// what stands behind words such as def, have a class of their own.
func pythonSpace(text string, before []*node) []*node {
	space := []string{"whitespace"}
	if len(before) > 0 && before[len(before)-1].is("inline") && !strings.Contains(text, "\n") {
		if contains([]string{"def", "class", "from", "import"}, before[len(before)-1].kids[0].text) {
			return []*node{codeNode(text, space)}
		}
	}
	var out []*node
	for text != "" {
		n := strings.IndexByte(text, '\n')
		switch {
		case n < 0:
			return append(out, textNode(text))
		case n > 0:
			out = append(out, textNode(text[:n]))
			text = text[n:]
			continue
		}
		end := len(text) - len(strings.TrimLeft(text, "\n"))
		out = append(out, codeNode(text[:end], space))
		text = text[end:]
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
	if len(words) > 0 && words[0] == "text" {
		words = words[1:]
	}
	return words
}
