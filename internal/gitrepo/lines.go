package gitrepo

import (
	"strings"
	"time"
)

// progressEvery is how often a progress line that git overwrites in a terminal
// is passed on.
const progressEvery = time.Second

// maxLine cuts endless lines, in bytes.
const maxLine = 4096

// maxTail is how much of the output is kept to explain a failure, in bytes.
const maxTail = 8192

// lineWriter splits git's output into clean lines. It is used by one goroutine.
type lineWriter struct {
	emit     func(line string)
	clean    func(string) string
	now      func() time.Time
	partial  []byte
	returned bool      // the last character was a carriage return
	progress time.Time // when the last progress line was passed on
	tail     string
}

// Write never fails.
func (w *lineWriter) Write(p []byte) (int, error) {
	for _, c := range p {
		if w.returned && c != '\n' {
			w.line(true)
		}
		w.returned = c == '\r' // ssh ends its lines with both characters
		switch c {
		case '\n':
			w.line(false)
		case '\r':
		default:
			if len(w.partial) < maxLine {
				w.partial = append(w.partial, c)
			}
		}
	}
	return len(p), nil
}

// flush passes on what was not ended by a line break.
func (w *lineWriter) flush() {
	if len(w.partial) > 0 {
		w.line(false)
	}
}

func (w *lineWriter) line(transient bool) {
	text := w.clean(printable(string(w.partial)))
	w.partial = w.partial[:0]
	if text == "" {
		return
	}
	if transient {
		now := w.now()
		if now.Sub(w.progress) < progressEvery {
			return
		}
		w.progress = now
	} else {
		w.tail += text + "\n"
		if len(w.tail) > maxTail {
			w.tail = w.tail[len(w.tail)-maxTail:]
		}
	}
	w.emit(text)
}

// printable drops control characters, terminal sequences begin with one, and
// the blanks with which a server pads its progress lines.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r < 0x20, r >= 0x7f && r < 0xa0:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.TrimRight(s, " ")
}
