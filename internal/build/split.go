package build

import (
	"errors"
	"strings"
)

// Errors of Split, in the words of the message to the author.
var (
	errOpenQuote  = errors.New("a quotation mark is not closed")
	errLoneEscape = errors.New("nothing follows the backslash at the end")
)

// Split takes a command apart into words by the quoting rules of a POSIX
// shell. Nothing is expanded, # begins no comment, and a backslash before a line
// break keeps the line break. These are exactly the rules by which courses were
// split so far (Python's shlex.split); the Go packages for this drop comments
// or join lines.
func Split(command string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord := false
	rest := command
	for rest != "" {
		c := rest[0]
		rest = rest[1:]
		switch c {
		case ' ', '\t', '\r', '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
			continue
		case '\\':
			if rest == "" {
				return nil, errLoneEscape
			}
			// The bytes of a longer character that follow its first one are
			// ordinary, so taking one byte is enough.
			word.WriteByte(rest[0])
			rest = rest[1:]
		case '\'', '"':
			var err error
			if rest, err = quoted(&word, rest, c); err != nil {
				return nil, err
			}
		default:
			word.WriteByte(c)
		}
		inWord = true
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// quoted adds the text up to the closing quotation mark to word and returns
// what follows the mark. Only in double quotes does a backslash mean anything,
// and only before a double quote or another backslash.
func quoted(word *strings.Builder, rest string, mark byte) (string, error) {
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		if c == mark {
			return rest[i+1:], nil
		}
		if c == '\\' && mark == '"' {
			if i+1 == len(rest) {
				return "", errLoneEscape
			}
			if rest[i+1] == '"' || rest[i+1] == '\\' {
				i++
				c = rest[i]
			}
		}
		word.WriteByte(c)
	}
	return "", errOpenQuote
}
