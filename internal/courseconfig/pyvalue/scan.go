package pyvalue

import "fmt"

// tokenKind is what a token of the YAML text is.
type tokenKind uint8

const (
	tokenPending tokenKind = iota // may become a key later, see keyCandidate
	tokenNone                     // a pending token that did not become anything
	tokenEnd
	tokenDirective
	tokenDocumentStart
	tokenDocumentEnd
	tokenBlockList
	tokenBlockMap
	tokenBlockEnd
	tokenFlowList
	tokenFlowListEnd
	tokenFlowMap
	tokenFlowMapEnd
	tokenDash
	tokenComma
	tokenKey
	tokenColon
	tokenAlias
	tokenAnchor
	tokenTag
	tokenScalar
)

// token is one token. What text and handle hold depends on the kind.
type token struct {
	kind   tokenKind
	plain  bool // scalar without quotes and not a block text
	start  mark
	end    mark
	text   string // name of an alias or anchor; suffix of a tag; text of a scalar; see scanDirective
	handle string // handle of a tag, empty for verbatim ones; see scanDirective
}

// scanner turns text into tokens, on demand, with the rules of PyYAML where
// they differ from the standard. It knows indentation and brackets; grammar is
// the parser's.
type scanner struct {
	*source
	queue      []token
	head       int   // tokens of the queue that were taken
	dropped    int   // tokens that left the queue for good
	level      int   // open brackets
	indent     int   // column of the innermost block collection, -1 outside
	indents    []int // the columns of the outer ones
	keyAllowed bool  // a key, or in block context a collection, may start here
	candidates []keyCandidate
	opened     mark // where the present text in quotes started
}

// newScanner uses queue as memory.
func newScanner(src *source, queue []token) *scanner {
	return &scanner{source: src, queue: queue[:0], indent: -1, keyAllowed: true}
}

// peekToken gives the next token without taking it. After the last one it
// stays at tokenEnd.
func (s *scanner) peekToken() (token, *SyntaxError) {
	for {
		for s.head < len(s.queue) && s.queue[s.head].kind == tokenNone {
			s.head++
		}
		if s.head < len(s.queue) && s.queue[s.head].kind != tokenPending {
			return s.queue[s.head], nil
		}
		if s.head == len(s.queue) {
			s.dropped += s.head
			s.head, s.queue = 0, s.queue[:0]
		}
		if err := s.fetch(); err != nil {
			return token{}, err
		}
	}
}

// nextToken takes the next token.
func (s *scanner) nextToken() (token, *SyntaxError) {
	t, err := s.peekToken()
	if err == nil && t.kind != tokenEnd {
		s.head++
	}
	return t, err
}

func (s *scanner) emit(kind tokenKind, start mark) {
	s.queue = append(s.queue, token{kind: kind, start: start, end: s.mark})
}

// fetch reads one more token of the text; more may enter the queue with it.
func (s *scanner) fetch() *SyntaxError {
	s.skipToToken()
	if err := s.dropStale(); err != nil {
		return err
	}
	s.unwind(s.col)
	r := s.peek(0)
	if r == endOfText {
		return s.fetchEnd()
	}
	if s.col == 0 {
		switch {
		case r == '%':
			return s.fetchDirective()
		case r == '-' && s.atSeparator():
			return s.fetchSeparator(tokenDocumentStart)
		case r == '.' && s.atSeparator():
			return s.fetchSeparator(tokenDocumentEnd)
		}
	}
	switch r {
	case '[':
		return s.fetchOpen(tokenFlowList)
	case '{':
		return s.fetchOpen(tokenFlowMap)
	case ']':
		return s.fetchClose(tokenFlowListEnd)
	case '}':
		return s.fetchClose(tokenFlowMapEnd)
	case ',':
		return s.fetchComma()
	case '-', '?', ':':
		if s.isIndicator(r) {
			return s.fetchIndicator(r)
		}
	case '|', '>':
		if s.level == 0 {
			return s.fetchBlockScalar(r == '>')
		}
	}
	return s.fetchNode(r)
}

// skipToToken moves over spaces, comments and line breaks. Tabs are no white
// space here.
func (s *scanner) skipToToken() {
	if s.index == 0 && s.peek(0) == byteOrderMark {
		s.forward(1)
	}
	for {
		s.skipSpaces()
		s.skipComment()
		if s.lineBreak() == 0 {
			return
		}
		if s.level == 0 {
			s.keyAllowed = true
		}
	}
}

// isIndicator tells whether '-', '?' or ':' acts here, and is not the start of
// a text.
func (s *scanner) isIndicator(r rune) bool {
	return isBlankOrEnd(s.peek(1)) || s.level > 0 && r != '-'
}

func (s *scanner) fetchIndicator(r rune) *SyntaxError {
	switch r {
	case '-':
		return s.fetchDash()
	case '?':
		return s.fetchKeyMark()
	default:
		return s.fetchColon()
	}
}

// fetchNode reads what may itself be a key: alias, anchor, tag, scalar.
func (s *scanner) fetchNode(r rune) *SyntaxError {
	var scan func() (token, *SyntaxError)
	switch r {
	case '*', '&':
		scan = s.scanAnchor
	case '!':
		scan = s.scanTag
	case '\'', '"':
		scan = s.scanQuoted
	default:
		if !s.isPlainStart(r) {
			return s.badStart(r)
		}
		scan = s.scanPlain
	}
	if err := s.saveCandidate(); err != nil {
		return err
	}
	s.keyAllowed = false
	t, err := scan()
	if err != nil {
		return err
	}
	s.queue = append(s.queue, t)
	return nil
}

func (s *scanner) isPlainStart(r rune) bool {
	switch r {
	case '-':
		return !isBlankOrEnd(s.peek(1))
	case '?', ':':
		return !isBlankOrEnd(s.peek(1)) && s.level == 0
	case ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`':
		return false
	default:
		return !isBlankOrEnd(r)
	}
}

// unwind closes the block collections that are indented more than column.
func (s *scanner) unwind(column int) {
	if s.level != 0 {
		return
	}
	for s.indent > column {
		s.indent = s.indents[len(s.indents)-1]
		s.indents = s.indents[:len(s.indents)-1]
		s.emit(tokenBlockEnd, s.mark)
	}
}

// addIndent opens a block collection at column unless one is open there.
func (s *scanner) addIndent(column int) bool {
	if s.indent >= column {
		return false
	}
	s.indents = append(s.indents, s.indent)
	s.indent = column
	return true
}

func (s *scanner) fetchEnd() *SyntaxError {
	s.unwind(-1)
	if err := s.removeCandidate(); err != nil {
		return err
	}
	for _, c := range s.candidates { // of open brackets, which the parser will miss
		s.setSlots(c, tokenNone, tokenNone)
	}
	s.candidates = nil
	s.emit(tokenEnd, s.mark)
	return nil
}

func (s *scanner) fetchDirective() *SyntaxError {
	s.unwind(-1)
	if err := s.removeCandidate(); err != nil {
		return err
	}
	s.keyAllowed = false
	t, err := s.scanDirective()
	if err != nil {
		return err
	}
	s.queue = append(s.queue, t)
	return nil
}

func (s *scanner) fetchSeparator(kind tokenKind) *SyntaxError {
	s.unwind(-1)
	if err := s.removeCandidate(); err != nil {
		return err
	}
	s.keyAllowed = false
	s.emitForward(kind, 3)
	return nil
}

func (s *scanner) emitForward(kind tokenKind, n int) {
	start := s.mark
	s.forward(n)
	s.emit(kind, start)
}

func (s *scanner) fetchOpen(kind tokenKind) *SyntaxError {
	if err := s.saveCandidate(); err != nil {
		return err
	}
	s.level++
	s.keyAllowed = true
	s.emitForward(kind, 1)
	return nil
}

func (s *scanner) fetchClose(kind tokenKind) *SyntaxError {
	if s.level == 0 {
		return s.fail(s.mark, fmt.Sprintf("%s closes nothing", charName(s.peek(0))),
			"Remove it, add the opening bracket, or put the text in quotes.")
	}
	if err := s.removeCandidate(); err != nil {
		return err
	}
	s.level--
	s.keyAllowed = false
	s.emitForward(kind, 1)
	return nil
}

func (s *scanner) fetchComma() *SyntaxError {
	s.keyAllowed = true
	if err := s.removeCandidate(); err != nil {
		return err
	}
	s.emitForward(tokenComma, 1)
	return nil
}

// openBlock opens the block collection that '-' or '?' stands for, unless it is
// open. Inside brackets there are none.
func (s *scanner) openBlock(kind tokenKind, problem, hint string) *SyntaxError {
	if s.level > 0 {
		return nil
	}
	if !s.keyAllowed {
		return s.fail(s.mark, problem, hint)
	}
	if s.addIndent(s.col) {
		s.emit(kind, s.mark)
	}
	return nil
}

func (s *scanner) fetchDash() *SyntaxError {
	if err := s.openBlock(tokenBlockList, "a list item cannot start here",
		"Start the list on a line of its own, or put the text in quotes."); err != nil {
		return err
	}
	s.keyAllowed = true
	if err := s.removeCandidate(); err != nil {
		return err
	}
	s.emitForward(tokenDash, 1)
	return nil
}

func (s *scanner) fetchKeyMark() *SyntaxError {
	if err := s.openBlock(tokenBlockMap, "a key written with '?' cannot start here",
		"Put the text in quotes if the question mark belongs to it."); err != nil {
		return err
	}
	s.keyAllowed = s.level == 0
	if err := s.removeCandidate(); err != nil {
		return err
	}
	s.emitForward(tokenKey, 1)
	return nil
}

func (s *scanner) fetchColon() *SyntaxError {
	if c, ok := s.takeCandidate(); ok {
		opens := tokenNone
		if s.level == 0 && s.addIndent(c.start.col) {
			opens = tokenBlockMap
		}
		s.setSlots(c, opens, tokenKey)
		s.keyAllowed = false
		s.emitForward(tokenColon, 1)
		return nil
	}
	if s.level == 0 {
		if !s.keyAllowed {
			return s.badColon()
		}
		if s.addIndent(s.col) {
			s.emit(tokenBlockMap, s.mark)
		}
	}
	s.keyAllowed = s.level == 0
	s.emitForward(tokenColon, 1)
	return nil
}
