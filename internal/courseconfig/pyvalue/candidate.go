package pyvalue

// keyCandidate is a place where a mapping key may have started. Only a ':'
// further on the same line decides, so two tokens are reserved before the
// candidate: the start of a mapping and the key itself.
type keyCandidate struct {
	start    mark
	level    int  // flow level
	required bool // the indentation allows nothing but a key
	slot     int  // number of the first reserved token
}

// maxKeyLength is how far, in characters, the ':' of a key may be from its
// start.
const maxKeyLength = 1024

// The candidates form a stack: deeper levels started later. So the ones that
// are out of reach of a ':' are at its bottom.

// dropStale gives up candidates on earlier lines or too far back.
func (s *scanner) dropStale() *SyntaxError {
	n := 0
	for ; n < len(s.candidates); n++ {
		c := s.candidates[n]
		if c.start.line == s.line && s.index-c.start.index <= maxKeyLength {
			break
		}
		if c.required {
			return s.noColon(c)
		}
		s.setSlots(c, tokenNone, tokenNone)
	}
	if n > 0 {
		s.candidates = append(s.candidates[:0], s.candidates[n:]...)
	}
	return nil
}

// saveCandidate notes that a key may start here, and reserves its tokens.
func (s *scanner) saveCandidate() *SyntaxError {
	if !s.keyAllowed {
		return nil
	}
	if err := s.removeCandidate(); err != nil {
		return err
	}
	s.candidates = append(s.candidates, keyCandidate{
		start:    s.mark,
		level:    s.level,
		required: s.level == 0 && s.indent == s.col,
		slot:     s.dropped + len(s.queue),
	})
	s.emit(tokenPending, s.mark)
	s.emit(tokenPending, s.mark)
	return nil
}

// takeCandidate removes and gives the candidate of the present level.
func (s *scanner) takeCandidate() (keyCandidate, bool) {
	last := len(s.candidates) - 1
	if last < 0 || s.candidates[last].level != s.level {
		return keyCandidate{}, false
	}
	c := s.candidates[last]
	s.candidates = s.candidates[:last]
	return c, true
}

// removeCandidate gives up the candidate of the present level.
func (s *scanner) removeCandidate() *SyntaxError {
	c, ok := s.takeCandidate()
	if !ok {
		return nil
	}
	if c.required {
		return s.noColon(c)
	}
	s.setSlots(c, tokenNone, tokenNone)
	return nil
}

// setSlots decides the two tokens that were reserved for a candidate.
func (s *scanner) setSlots(c keyCandidate, first, second tokenKind) {
	at := c.slot - s.dropped
	for i, kind := range []tokenKind{first, second} {
		s.queue[at+i] = token{kind: kind, start: c.start, end: c.start}
	}
}
