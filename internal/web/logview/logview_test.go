package logview_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/web/logview"
)

// reader gives a log in chunks of a size, some chunks at a time.
func reader(log string, size int) logview.Reader {
	return func(_ context.Context, offset int64) ([]course.LogChunk, int64, error) {
		var out []course.LogChunk
		for range 3 {
			if offset >= int64(len(log)) {
				break
			}
			end := min(offset+int64(size), int64(len(log)))
			out = append(out, course.LogChunk{Offset: offset, Text: log[offset:end]})
			offset = end
		}
		return out, offset, nil
	}
}

func read(t *testing.T, r logview.Reader, cuts ...int64) *logview.Log {
	t.Helper()
	log, err := logview.Read(t.Context(), r, cuts)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// rendered is a log's HTML without the parts around each line.
func rendered(t *testing.T, r logview.Reader, log *logview.Log) []string {
	t.Helper()
	var out []string
	for _, s := range log.Sections {
		for _, b := range s.Blocks {
			if err := logview.Render(t.Context(), r, b); err != nil {
				t.Fatal(err)
			}
			for line := range strings.SplitSeq(strings.TrimSuffix(string(b.HTML), "</div>"), "</div>") {
				_, text, _ := strings.Cut(line, "</a>")
				out = append(out, text)
			}
		}
	}
	return out
}

func TestColours(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, log string
		html      []string
		goesOn    string
	}{
		{"plain", "a & b <i>\n", []string{"a &amp; b &lt;i&gt;"}, ""},
		{"bold red", "\x1b[1;31mx\x1b[0my", []string{`<span class="a-b f1">x</span>y`}, ""},
		{"over lines", "\x1b[32mx\ny\x1b[0m\nz\n", []string{`<span class="f2">x</span>`, `<span class="f2">y</span>`, "z"}, ""},
		{"goes on", "\x1b[92;44;4mx", []string{`<span class="a-u f10 b4">x</span>`}, "a-u f10 b4"},
		{"empty means reset", "\x1b[3mx\x1b[my", []string{`<span class="a-i">x</span>y`}, ""},
		{"parts end", "\x1b[1;3;4;31;41mx\x1b[22;23;24;39;49my", []string{`<span class="a-b a-i a-u f1 b1">x</span>y`}, ""},
		{"table of 256", "\x1b[38;5;9mx\x1b[38;5;200my", []string{`<span class="f9">x</span>y`}, ""},
		{"true colour", "\x1b[38;2;1;2;31mx", []string{"x"}, ""},
		{"cursor and title", "\x1b[2K\x1b]0;title\x07x\x1b[?25l", []string{"x"}, ""},
		{"broken", "x\x1b", []string{"x"}, ""},
		{"markup in an escape", "\x1b[<b>mx", []string{"&lt;b&gt;mx"}, ""},
		{"progress", "10 %\r20 %\r\ndone", []string{"20 %", "done"}, ""},
		{"bell and direction", "a\x07b\u202ec\td", []string{"abc\td"}, ""},
	}
	for _, tt := range tests {
		for _, size := range []int{1, 4, 1000} {
			r := reader(tt.log, size)
			log := read(t, r)
			if diff := cmp.Diff(tt.html, rendered(t, r, log)); diff != "" {
				t.Errorf("%s in chunks of %d (-want +got):\n%s", tt.name, size, diff)
			}
			if log.Style != tt.goesOn {
				t.Errorf("%s goes on as %q, want %q", tt.name, log.Style, tt.goesOn)
			}
		}
	}
}

// A block that is rendered by itself is the same as within the whole log.
func TestBlocks(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("\x1b[31m")
	for i := range 1000 {
		fmt.Fprintf(&text, "line %d ä\n", i+1)
	}
	r := reader(text.String(), 777)
	log := read(t, r)
	if log.Lines != 1000 || len(log.Sections) != 1 || len(log.Sections[0].Blocks) != 4 || log.MidLine || log.Next != int64(text.Len()) {
		t.Fatalf("%d lines in %d blocks, next %d, in the middle of a line: %t", log.Lines, len(log.Sections[0].Blocks), log.Next, log.MidLine)
	}
	b := log.Sections[0].Blocks[2]
	if err := logview.Render(t.Context(), r, b); err != nil {
		t.Fatal(err)
	}
	want := `<div id="L501"><a href="#L501" data-n="501" tabindex="-1" aria-hidden="true"></a><span class="f1">line 501 ä</span></div>`
	if got := string(b.HTML); !strings.HasPrefix(got, want) || strings.Count(got, "<div") != 250 {
		t.Errorf("the third block is %.300s", got)
	}
}

// Sections begin with the first line at or behind their place.
func TestSections(t *testing.T) {
	t.Parallel()
	r := reader("one\ntwo\nthree\nfour\n", 5)
	log := read(t, r, 4, 4, 10, 100)
	var got []string
	for _, s := range log.Sections {
		lines, first, err := s.Tail(t.Context(), r, 10)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(s.First, s.Lines, first, lines))
	}
	want := []string{"1 1 1 [one]", "2 0 2 []", "2 2 2 [two three]", "4 1 4 [four]", "5 0 5 []"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sections (-want +got):\n%s", diff)
	}
}

// What was dropped is a line of its own, which takes no bytes.
func TestDropped(t *testing.T) {
	t.Parallel()
	r := func(_ context.Context, offset int64) ([]course.LogChunk, int64, error) {
		if offset >= 1006 {
			return nil, offset, nil
		}
		return []course.LogChunk{{Offset: 0, Text: "a\nb"}, {Offset: 3, Text: "[1000 bytes dropped]", Dropped: true}, {Offset: 1003, Text: "c\nd"}}, 1006, nil
	}
	log := read(t, r)
	if diff := cmp.Diff([]string{"a", "b", "[1000 bytes dropped]", "c", "d"}, rendered(t, r, log)); diff != "" || !log.MidLine {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Very long lines are shortened, and cost no more than that.
func TestLongLine(t *testing.T) {
	t.Parallel()
	r := reader(strings.Repeat("ä", 3<<20)+"\nnext\n", 64<<10)
	log := read(t, r)
	lines := rendered(t, r, log)
	if log.Lines != 2 || len(lines[0]) > 9000 || !strings.HasSuffix(lines[0], "bytes; download the log)") || lines[1] != "next" {
		t.Errorf("%d lines, the first %.60q … of %d bytes", log.Lines, lines[0], len(lines[0]))
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	r := reader("\x1b[31mEr\x1b[0mror one\nfine\nan ERROR\nerror\n", 3)
	found, all, err := logview.Find(t.Context(), r, "Error", 2)
	if err != nil || all != 3 || !slices.Equal(found, []int{1, 3}) {
		t.Errorf("found %v of %d, %v", found, all, err)
	}
}

// BenchmarkRead measures the look at a log of 20 MB and the rendering of its end.
func BenchmarkRead(b *testing.B) {
	text := strings.Repeat("\x1b[1mreading sources...\x1b[0m [ 37%] m03/chapter5 with some more text behind it\n", 250_000)
	r := reader(text, 64<<10)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		log, err := logview.Read(b.Context(), r, nil)
		if err != nil {
			b.Fatal(err)
		}
		blocks := log.Sections[0].Blocks
		if err := logview.Render(b.Context(), r, blocks[len(blocks)-1]); err != nil {
			b.Fatal(err)
		}
	}
}

// The style behind a line, which blocks begin with, is that in which rendering the
// line ends, whatever escapes it has.
func TestStyleBehindALine(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "plain", "\x1b[31mred", "\x1b[31mred\x1b[0m", "\x1b[1;38;5;12m\x1b[m\x1b[4;32m", "\x1b[m", "\x1b[", "\x1b", "\x1b[31", "\x1b[3:1m",
		"\x1b]0;title \x1b[31m\x07x", "\x1b]0;title\x07\x1b[33mx", "\x1b[2K\x1b[31mx", "\x1b[?25l\x1b[1mx", "\x1b[31 m", "\x1b[31;mä", "\x1b(B\x1b[36m",
	} {
		log := text + "\nX"
		r := reader(log, 7)
		whole := read(t, r)
		lines := rendered(t, r, whole)
		want := "X"
		if whole.Style != "" {
			want = `<span class="` + whole.Style + `">X</span>`
		}
		if got := lines[len(lines)-1]; got != want {
			t.Errorf("%q: rendered %q, the style behind it is %q", text, got, whole.Style)
		}
	}
}
