package djtemplate

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"coursewright/internal/courseconfig/pyvalue"
)

type tokenKind int

const (
	tokenText tokenKind = iota
	tokenVar
	tokenBlock
	tokenComment
)

// token is a piece of a template. The contents of tags come without their
// delimiters and without white space around.
type token struct {
	kind     tokenKind
	contents string
	at       pyvalue.Pos // where it begins
}

// tokenize splits a template into text and tags. A tag opens and closes on one
// line; anything else is text.
func tokenize(source string) []token {
	var tokens []token
	verbatim := ""
	at := pyvalue.Pos{Line: 1, Column: 1}
	add := func(kind tokenKind, contents, written string) {
		tokens = append(tokens, token{kind, contents, at})
		at = behind(at, written)
	}
	text := func(s string) {
		if s != "" {
			add(tokenText, s, s)
		}
	}
	finder := tagFinder{source: source}
	start, from := 0, 0 // start of pending text, where to look for the next tag
	for {
		open, end := finder.next(from)
		if open < 0 {
			break
		}
		contents := strings.TrimFunc(source[open+2:end-2], isSpace)
		kind := source[open+1]
		if verbatim != "" && (kind != '%' || contents != verbatim) {
			from = end
			continue
		}
		text(source[start:open])
		start, from = end, end
		switch kind {
		case '{':
			add(tokenVar, contents, source[open:end])
		case '#':
			add(tokenComment, "", source[open:end])
		default:
			add(tokenBlock, contents, source[open:end])
			if verbatim != "" {
				verbatim = ""
			} else if contents == "verbatim" || strings.HasPrefix(contents, "verbatim ") {
				verbatim = "end" + contents
			}
		}
	}
	text(source[start:])
	return tokens
}

// behind gives the place behind a piece of text.
func behind(at pyvalue.Pos, text string) pyvalue.Pos {
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		at.Line += strings.Count(text, "\n")
		at.Column, text = 1, text[i+1:]
	}
	at.Column += utf8.RuneCountInString(text)
	return at
}

// tagFinder finds the tags of a template, from its start to its end. It keeps
// what it has seen of a line, so that the work is linear.
type tagFinder struct {
	source  string
	noClose [3]int // per kind of tag: no closing delimiter before this offset
	lineEnd int    // of the line of the last tag looked at
}

// next finds the first tag at or after from: its start and end, or -1.
func (f *tagFinder) next(from int) (int, int) {
	source := f.source
	for {
		i := strings.IndexByte(source[from:], '{')
		if i < 0 || from+i+1 >= len(source) {
			return -1, -1
		}
		open := from + i
		from = open + 1
		k := strings.IndexByte("{%#", source[open+1])
		if k < 0 || open < f.noClose[k] {
			continue
		}
		if f.lineEnd < open+2 {
			f.lineEnd = len(source)
			if nl := strings.IndexByte(source[open+2:], '\n'); nl >= 0 {
				f.lineEnd = open + 2 + nl
			}
		}
		rest := source[open+2 : f.lineEnd]
		end := strings.Index(rest, [3]string{"}}", "%}", "#}"}[k])
		if end < 0 {
			f.noClose[k] = open + 2 + len(rest)
			continue
		}
		return open, open + 2 + end + 2
	}
}

// splitWords splits the contents of a tag at white space and keeps quoted
// strings, with what touches them, in one piece.
func splitWords(s string) []string {
	var words []string
	for {
		s = strings.TrimLeftFunc(s, isSpace)
		if s == "" {
			return words
		}
		end := quotedWordEnd(s)
		if end == 0 {
			end = strings.IndexFunc(s, isSpace)
			if end < 0 {
				end = len(s)
			}
		}
		words = append(words, s[:end])
		s = s[end:]
	}
}

// quotedWordEnd returns the end of a word that holds at least one complete
// quoted string, or 0 when s does not begin with such a word.
func quotedWordEnd(s string) int {
	end, i := 0, 0
	for {
		n := strings.IndexFunc(s[i:], func(r rune) bool { return r == '"' || r == '\'' || isSpace(r) })
		if n < 0 {
			n = len(s) - i
		}
		i += n
		if end > 0 {
			end = i
		}
		if i >= len(s) || (s[i] != '"' && s[i] != '\'') {
			return end
		}
		n = quotedLen(s[i:])
		if n == 0 {
			return end
		}
		i += n
		end = i
	}
}

// quotedLen returns the length of the quoted string at the start of s, or 0.
func quotedLen(s string) int {
	if s == "" || (s[0] != '"' && s[0] != '\'') {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i + 1
		}
	}
	return 0
}

// isSpace tells Python's white space.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || (r >= 0x1c && r <= 0x1f)
}

// isWordRune tells what Python's \w matches.
func isWordRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r)
}
