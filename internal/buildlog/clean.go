package buildlog

import "unicode/utf8"

const (
	// maxLine is the length in bytes at which a line is continued on the next.
	maxLine = 64 << 10
	// continued begins the next part of such a line.
	continued = "[...] "
	// maxColour is the longest colour sequence that is kept.
	maxColour = 64
)

// state is the place of a cleaner in a terminal control sequence.
type state int

const (
	inText       state = iota // outside of any
	inEscape                  // after ESC
	inCharset                 // after ESC and an intermediate: one more byte
	inControl                 // in a control sequence, after ESC [
	inCommand                 // in an operating system command or the like, up to BEL, ST or the line's end
	inCommandEnd              // there, after ESC
)

// emitter takes clean text. Text that does not end a line may end with a part
// that has to wait; that part is returned.
type emitter func(text []byte, endsLine bool) (held []byte)

// cleaner turns raw output into clean lines. The zero value is ready.
type cleaner struct {
	state   state
	seq     []byte // the control sequence so far
	rest    []byte // the beginning of a character
	line    []byte // the clean line so far, without what was flushed
	flushed bool   // a part of the line is out already
	back    bool   // a carriage return came, and no text since
	backAt  int    // length of line when it came

	taken    int64 // raw bytes that are dealt with; rest is not among them
	seqFrom  int64 // taken when the control sequence began
	backFrom int64 // taken when the carriage return came
	done     Place // to which all is emitted
}

// Place is a place in the raw output of a build to which the log is complete:
// what a Writer makes of the raw bytes from there on continues the log.
type Place struct {
	Written int64 // raw bytes before it, of those that the Writer was given
	MidLine bool  // the line before it has no end yet
}

// reached gives the first raw byte whose effect may be to come: a carriage
// return or a control sequence counts when what follows it does.
func (c *cleaner) reached() int64 {
	switch {
	case c.back:
		return c.backFrom
	case c.state != inText:
		return c.seqFrom
	}
	return c.taken
}

// write takes raw output, in pieces of any kind.
func (c *cleaner) write(emit emitter, p []byte) {
	if len(c.rest) > 0 {
		p = append(c.rest, p...)
		c.rest = nil
	}
	for len(p) > 0 {
		if c.state == inText {
			if n := min(plain(p), max(maxLine-len(c.line), 1)); n > 0 {
				c.show(emit, p[:n])
				p = p[n:]
				c.taken += int64(n)
				continue
			}
		}
		if !utf8.FullRune(p) {
			c.rest = append([]byte(nil), p...)
			return
		}
		r, n := utf8.DecodeRune(p)
		c.rune(emit, r)
		p = p[n:]
		c.taken += int64(n)
		if r == '\n' {
			c.done = Place{Written: c.taken}
		}
	}
}

// plain gives the length of the printable ASCII at the start of p.
func plain(p []byte) int {
	for i, b := range p {
		if b < 0x20 || b >= 0x7f {
			return i
		}
	}
	return len(p)
}

// rune takes one character; what is not UTF-8 comes as U+FFFD.
func (c *cleaner) rune(emit emitter, r rune) {
	if r == '\n' || r == '\r' {
		c.state, c.seq = inText, c.seq[:0] // no sequence goes beyond its line
	}
	switch c.state {
	case inText:
		c.plainRune(emit, r)
	case inEscape:
		c.escape(r)
	case inCharset:
		c.state = inText
	case inControl:
		c.control(emit, r)
	case inCommand:
		switch r {
		case '\a', '\u009c':
			c.state = inText
		case '\x1b':
			c.state = inCommandEnd
		}
	case inCommandEnd:
		c.state = inCommand
		if r == '\\' {
			c.state = inText
		}
	}
}

func (c *cleaner) plainRune(emit emitter, r rune) {
	switch {
	case r == '\n':
		c.endLineAlways(emit)
	case r == '\r':
		if !c.back {
			c.backFrom = c.taken
		}
		c.back, c.backAt = true, len(c.line)
	case r == '\x1b':
		c.state, c.seqFrom = inEscape, c.taken
	case r == '\t':
		c.show(emit, []byte{'\t'})
	case r < 0x20 || (r >= 0x7f && r <= 0x9f):
		// other control characters show nothing
	default:
		c.show(emit, utf8.AppendRune(nil, r))
	}
}

func (c *cleaner) escape(r rune) {
	switch {
	case r == '[':
		c.state, c.seq = inControl, append(c.seq[:0], "\x1b["...)
	case r == ']' || r == 'P' || r == 'X' || r == '^' || r == '_':
		c.state = inCommand
	case r >= 0x20 && r <= 0x2f:
		c.state = inCharset
	case r == '\x1b':
		// a sequence begins again
	default:
		c.state = inText
	}
}

// control takes a character of a control sequence and keeps the sequence if it
// sets colours and the like.
func (c *cleaner) control(emit emitter, r rune) {
	switch {
	case r == '\x1b':
		c.state = inEscape
	case r >= 0x20 && r <= 0x3f: // parameters and intermediates
		if len(c.seq) <= maxColour {
			c.seq = append(c.seq, byte(r))
		}
	default:
		if r == 'm' && len(c.seq) < maxColour && onlyNumbers(c.seq[2:]) {
			c.add(emit, append(c.seq, 'm'))
		}
		c.state = inText
	}
}

func onlyNumbers(params []byte) bool {
	for _, b := range params {
		if (b < '0' || b > '9') && b != ';' && b != ':' {
			return false
		}
	}
	return true
}

// show adds visible text. After a carriage return it replaces the line, as on a
// terminal; colours that were set in between stay.
func (c *cleaner) show(emit emitter, token []byte) {
	if c.back {
		after := append([]byte(nil), c.line[c.backAt:]...)
		if c.flushed {
			c.line = c.line[:c.backAt]
			c.endLineAlways(emit)
			c.done = Place{Written: c.backFrom}
		}
		c.line = append(c.line[:0], after...)
		c.back = false
	}
	c.add(emit, token)
}

// add puts clean text that is not divided at the end of the line, and
// continues a line that gets too long on the next.
func (c *cleaner) add(emit emitter, token []byte) {
	if len(c.line) > 0 && len(c.line)+len(token) > maxLine {
		c.flush(emit)
		emit([]byte("\n"+continued), true)
	}
	c.line = append(c.line, token...)
}

// flush emits the line so far, except what the emitter holds back.
func (c *cleaner) flush(emit emitter) {
	if len(c.line) == 0 {
		return
	}
	held := emit(c.line, false)
	c.line = append(c.line[:0], held...)
	c.flushed = true
	c.backAt = min(c.backAt, len(c.line))
	if len(held) == 0 {
		c.done = Place{Written: c.reached(), MidLine: true}
	}
}

// pending says whether there is a line without an end.
func (c *cleaner) pending() bool { return len(c.line) > 0 }

// endLine ends the line if there is one.
func (c *cleaner) endLine(emit emitter) {
	if len(c.line) > 0 || c.flushed {
		c.endLineAlways(emit)
		c.done = Place{Written: c.reached()}
	}
}

// endLineAlways ends the line, also an empty one.
func (c *cleaner) endLineAlways(emit emitter) {
	emit(append(c.line, '\n'), true)
	c.line, c.flushed, c.back = c.line[:0], false, false
}

// finish ends the output: a character without its end is shown as U+FFFD.
func (c *cleaner) finish(emit emitter) {
	c.taken += int64(len(c.rest))
	if len(c.rest) > 0 && c.state == inText {
		c.show(emit, []byte("\ufffd"))
	}
	c.rest = nil
	c.endLine(emit)
}
