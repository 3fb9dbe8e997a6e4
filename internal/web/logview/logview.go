package logview

import (
	"context"
	"html/template"
	"strconv"
	"strings"

	"coursewright/internal/course"
)

// Bounds of a block, and of what is shown of one line.
const (
	blockLines = 250
	blockBytes = 32 << 10
	lineBytes  = 8 << 10
)

// Reader gives a log from a byte offset on, some of it at a time: the chunks and
// the offset to go on from. No chunks mean that there is no more.
type Reader func(ctx context.Context, offset int64) (chunks []course.LogChunk, next int64, err error)

// Log is a log that was read once from the beginning to its present end.
type Log struct {
	Sections []Section
	Lines    int
	Next     int64  // offset of its end
	Style    string // classes with which text behind it goes on
	MidLine  bool   // its last line has no end yet
}

// Section is a part of a log: what one step wrote.
type Section struct {
	Start  int64 // offset that was asked for
	First  int   // number of its first line
	Lines  int
	Blocks []*Block
}

// Block is a run of lines of a section.
type Block struct {
	Offset int64  // of its first byte
	First  int    // number of its first line
	Lines  int    //
	Style  string // classes with which it begins
	HTML   template.HTML
}

// Last is the number of the block's last line.
func (b *Block) Last() int { return b.First + b.Lines - 1 }

// Read reads a whole log. Cuts are the offsets at which sections begin, in
// order; the first section begins at the log's beginning in any case. A section
// begins with a line.
func Read(ctx context.Context, read Reader, cuts []int64) (*Log, error) {
	x := &indexer{log: &Log{Sections: []Section{{First: 1}}}, cuts: cuts}
	err := lines(ctx, read, 0, func(l line) bool {
		x.add(l)
		return true
	}, &x.log.Next)
	if err != nil {
		return nil, err
	}
	for _, cut := range x.cuts {
		x.log.Sections = append(x.log.Sections, Section{Start: cut, First: x.log.Lines + 1})
	}
	x.log.Style = x.style.classes()
	return x.log, nil
}

// indexer finds sections and blocks.
type indexer struct {
	log   *Log
	cuts  []int64 // of sections that have not begun
	style style
	bytes int // of the present block
}

func (x *indexer) add(l line) {
	for len(x.cuts) > 0 && l.offset >= x.cuts[0] {
		x.log.Sections = append(x.log.Sections, Section{Start: x.cuts[0], First: x.log.Lines + 1})
		x.cuts = x.cuts[1:]
	}
	s := &x.log.Sections[len(x.log.Sections)-1]
	if n := len(s.Blocks); n == 0 || s.Blocks[n-1].Lines >= blockLines || x.bytes >= blockBytes {
		s.Blocks = append(s.Blocks, &Block{Offset: l.offset, First: x.log.Lines + 1, Style: x.style.classes()})
		x.bytes = 0
	}
	s.Blocks[len(s.Blocks)-1].Lines++
	s.Lines++
	x.log.Lines++
	x.bytes += len(l.text)
	x.style = x.style.after(l.text)
	x.log.MidLine = !l.ended
}

// line is one line of a log.
type line struct {
	offset int64
	text   string // without its end; of a very long line only the beginning
	size   int64  // bytes, without its end
	ended  bool
}

// lines gives the lines of a log from an offset on, until f says that it has
// enough. end becomes the offset behind what was read, unless it is nil.
func lines(ctx context.Context, read Reader, offset int64, f func(line) bool, end *int64) error {
	s := splitter{f: f, open: line{offset: offset}}
	for {
		chunks, next, err := read(ctx, offset)
		if err != nil {
			return err
		}
		if len(chunks) == 0 {
			break
		}
		for _, c := range chunks {
			if !s.chunk(c) {
				return nil
			}
		}
		offset = next
	}
	if s.open.size > 0 {
		f(s.open)
	}
	if end != nil {
		*end = offset
	}
	return nil
}

// splitter divides chunks into lines.
type splitter struct {
	f    func(line) bool
	open line // whose end has not come
}

// chunk takes a chunk; it says whether more is wanted.
func (s *splitter) chunk(c course.LogChunk) bool {
	if c.Dropped {
		if s.open.size > 0 && !s.end(0) {
			return false
		}
		s.open.offset = c.Offset
		text := strings.TrimSuffix(c.Text, "\n")
		s.open.text, s.open.size = text, int64(len(text))
		return s.end(0)
	}
	if s.open.size == 0 {
		s.open.offset = c.Offset
	}
	for text := c.Text; text != ""; {
		i := strings.IndexByte(text, '\n')
		if i < 0 {
			s.grow(text)
			return true
		}
		s.grow(text[:i])
		if !s.end(1) {
			return false
		}
		text = text[i+1:]
	}
	return true
}

// grow adds to the open line.
func (s *splitter) grow(text string) {
	s.open.size += int64(len(text))
	if len(s.open.text) <= lineBytes {
		s.open.text += text[:min(len(text), 2*lineBytes)]
	}
}

// end gives the open line, whose end takes so many bytes.
func (s *splitter) end(bytes int64) bool {
	l := s.open
	l.ended = true
	s.open = line{offset: l.offset + l.size + bytes}
	return s.f(l)
}

// Render fills in the HTML of a block.
func Render(ctx context.Context, read Reader, b *Block) error {
	var out strings.Builder
	now, number := parseStyle(b.Style), b.First
	err := lines(ctx, read, b.Offset, func(l line) bool {
		if number > b.Last() {
			return false
		}
		id := strconv.Itoa(number)
		out.WriteString(`<div id="L` + id + `"><a href="#L` + id + `" data-n="` + id + `" tabindex="-1" aria-hidden="true"></a>`)
		now = now.write(&out, l.shown())
		out.WriteString("</div>")
		number++
		return true
	}, nil)
	b.HTML = template.HTML(out.String()) //nolint:gosec // every part was escaped
	return err
}

// shown is what a page shows of a line.
func (l line) shown() string {
	if l.size <= lineBytes {
		return lastState(l.text)
	}
	return strings.ToValidUTF8(l.text[:lineBytes], "") + " … (" + strconv.FormatInt(l.size-lineBytes, 10) + " more bytes; download the log)"
}

// Find gives the numbers of the lines that contain a text, whatever the case of
// its letters, at most limit of them, and how many there are.
func Find(ctx context.Context, read Reader, text string, limit int) (found []int, all int, err error) {
	text = strings.ToLower(text)
	number := 0
	err = lines(ctx, read, 0, func(l line) bool {
		number++
		if strings.Contains(strings.ToLower(Plain(l.text)), text) {
			all++
			if len(found) < limit {
				found = append(found, number)
			}
		}
		return true
	}, nil)
	return found, all, err
}

// Tail gives the last lines of a section as plain text, at most n, and the
// number of the first of them.
func (s Section) Tail(ctx context.Context, read Reader, n int) (last []string, first int, err error) {
	if s.Lines == 0 {
		return nil, s.First, nil
	}
	want := max(s.First, s.First+s.Lines-n)
	b := s.Blocks[0]
	for _, other := range s.Blocks {
		if other.First <= want {
			b = other
		}
	}
	number := b.First
	err = lines(ctx, read, b.Offset, func(l line) bool {
		if number >= s.First+s.Lines {
			return false
		}
		if number >= want {
			last = append(last, Plain(l.shown()))
		}
		number++
		return true
	}, nil)
	return last, want, err
}
