package rst

import (
	"strings"
)

// codeToken is a piece of code and the words of its class.
type codeToken struct{ class, text string }

const spaceClass = "whitespace"

// likePygments gives white space, and some other tokens, the classes that
// Pygments gives them and our lexers do not.
func likePygments(language string, tokens []codeToken) []codeToken {
	switch language {
	case "Python", "Python 2":
		return pythonTokens(tokens)
	case "C", "C++", "JavaScript", "TypeScript", "JSON", "CSS", "Scala", "Bash", "C#", "Haskell":
		return spaceTokens(tokens)
	}
	if language == "Java" {
		for i, t := range tokens {
			if t.class == "name" && strings.Trim(t.text, "0123456789") == "" {
				tokens[i].class = "literal number integer" // its lexer takes some for names
			}
		}
	}
	return tokens
}

// spaceTokens gives all white space between tokens its class.
func spaceTokens(tokens []codeToken) []codeToken {
	var out []codeToken
	for _, t := range tokens {
		if t.class == "comment single" && strings.HasSuffix(t.text, "\n") {
			out = append(out, codeToken{t.class, strings.TrimSuffix(t.text, "\n")}, codeToken{spaceClass, "\n"})
			continue
		}
		if t.class != "" {
			out = append(out, t)
			continue
		}
		out = append(out, splitRuns(t.text, " \n\t")...)
	}
	return out
}

// splitRuns splits plain text into runs of the characters of set, which are
// white space, and others.
func splitRuns(text, set string) []codeToken {
	var out []codeToken
	for text != "" {
		rest := strings.TrimLeft(text, set)
		if n := len(text) - len(rest); n > 0 {
			out = append(out, codeToken{spaceClass, text[:n]})
		}
		n := strings.IndexAny(rest, set)
		if n < 0 {
			n = len(rest)
		}
		if n > 0 {
			out = append(out, codeToken{"", rest[:n]})
		}
		text = rest[n:]
	}
	return out
}

// pythonTokens follows Pygments in Python: newlines and the blanks behind some
// words are white space, other blanks are plain, and a string in three quotes
// that begins a line is a doc string.
func pythonTokens(tokens []codeToken) []codeToken {
	var out []codeToken
	before := ""        // text of the token before
	fromImport := false // in the line of a "from"
	for i, t := range tokens {
		next := ""
		if i+1 < len(tokens) {
			next = tokens[i+1].text
		}
		switch {
		case t.class == "" && strings.Contains(t.text, "\n"):
			out = append(out, splitRuns(t.text, "\n")...)
			fromImport = false
		case t.class == "" && (contains([]string{"def", "class", "from"}, before) || before == "import" && !fromImport || next == "import" && fromImport):
			out = append(out, codeToken{spaceClass, t.text})
		case isDocString(t, out):
			if last := len(out) - 1; last >= 0 {
				out[last].class = spaceClass
			}
			out = append(out, codeToken{"literal string doc", t.text})
		default:
			out = append(out, t)
		}
		fromImport = fromImport || t.text == "from"
		before = t.text
	}
	return out
}

// isDocString tells a string in three quotes at the start of a line.
func isDocString(t codeToken, before []codeToken) bool {
	if !strings.HasPrefix(t.class, "literal string") || !strings.HasPrefix(t.text, `"""`) && !strings.HasPrefix(t.text, "'''") {
		return false
	}
	last := len(before) - 1
	switch {
	case last < 0 || strings.HasSuffix(before[last].text, "\n"):
		return true
	case last == 0 || strings.Trim(before[last].text, " ") != "" || before[last].class != "":
		return false
	}
	return strings.HasSuffix(before[last-1].text, "\n")
}
