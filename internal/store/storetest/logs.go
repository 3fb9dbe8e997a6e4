package storetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func logTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"append and read":           logRoundTrip,
		"from any offset":           logOffsets,
		"odd texts":                 oddLogs,
		"refused texts":             logRefuses,
		"of a final build":          logAfterEnd,
		"capped, small pieces":      logCapped(100),
		"capped, large pieces":      logCapped(5000),
		"capped, one piece":         logCapped(1 << 20),
		"capped without line ends":  logWithoutLines,
		"reading while it is cut":   logReadWhileCut,
		"reading while it grows":    logReadWhileGrowing,
		"logs of builds are apart":  logsApart,
		"a reader that fell behind": logFellBehind,
		"lines once in a row":       logLines,
	}
}

func newBuild(t *testing.T, s store.Store, key string) int64 {
	t.Helper()
	newCourse(t, s, key)
	return request(t, s, key, course.BuildRequest{}).ID
}

func appendLog(t *testing.T, s store.Store, id int64, text string) {
	t.Helper()
	if err := s.AppendLog(t.Context(), id, text); err != nil {
		t.Fatalf("AppendLog: %v", err)
	}
}

func wholeLog(t *testing.T, s store.Store, id int64) []course.LogChunk {
	t.Helper()
	chunks, _, err := readAll(t.Context(), s, id, 0)
	if err != nil {
		t.Fatalf("ReadLog: %v", err)
	}
	return chunks
}

func logRoundTrip(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	chunks, next, err := s.ReadLog(t.Context(), id, 0)
	if len(chunks) != 0 || next != 0 || err != nil {
		t.Errorf("an empty log reads as %v, %d, %v", chunks, next, err)
	}
	appendLog(t, s, id, "one\n")
	appendLog(t, s, id, "")
	appendLog(t, s, id, "två\n")
	chunks, next, err = s.ReadLog(t.Context(), id, 0)
	if err != nil || next != 9 || joined(t, chunks, 0) != "one\ntvå\n" {
		t.Errorf("log %v, %d, %v; want both lines and 9", chunks, next, err)
	}
	chunks, again, err := s.ReadLog(t.Context(), id, next)
	if len(chunks) != 0 || again != next || err != nil {
		t.Errorf("at the end: %v, %d, %v; want nothing and the same offset", chunks, again, err)
	}
	appendLog(t, s, id, "three\n")
	chunks, next, err = s.ReadLog(t.Context(), id, next)
	if err != nil || next != 15 || joined(t, chunks, 9) != "three\n" {
		t.Errorf("new lines %v, %d, %v", chunks, next, err)
	}
}

// joined gives the text of chunks that follow each other without a gap from an
// offset on.
func joined(t *testing.T, chunks []course.LogChunk, offset int64) string {
	t.Helper()
	var text strings.Builder
	for _, c := range chunks {
		if c.Offset != offset || c.Dropped || c.Text == "" {
			t.Errorf("chunk at %d (dropped %v, %d bytes); want text at %d", c.Offset, c.Dropped, len(c.Text), offset)
		}
		text.WriteString(c.Text)
		offset = c.Offset + int64(len(c.Text))
	}
	return text.String()
}

func logOffsets(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	const text = "aä日🚀\nend"
	appendLog(t, s, id, text[:6])
	appendLog(t, s, id, text[6:])
	for offset := range int64(len(text)) + 3 {
		chunks, next, err := s.ReadLog(t.Context(), id, offset)
		if err != nil {
			t.Fatal(err)
		}
		from := min(offset, int64(len(text)))
		for from < int64(len(text)) && !utf8.RuneStart(text[from]) {
			from++
		}
		if got := joined(t, chunks, from); got != text[from:] {
			t.Errorf("from %d: %q; want %q, whole characters only", offset, got, text[from:])
		}
		if want := max(offset, int64(len(text))); next != want {
			t.Errorf("from %d: next %d; want %d", offset, next, want)
		}
	}
	chunks, _, err := s.ReadLog(t.Context(), id, -5)
	if err != nil || joined(t, chunks, 0) != text {
		t.Errorf("from a negative offset: %v, %v; want all", chunks, err)
	}
}

func oddLogs(t *testing.T, s store.Store) {
	t.Helper()
	for name, text := range oddTexts() {
		if int64(len(text)) > Caps().Head {
			continue
		}
		id := newBuild(t, s, "odd-"+name)
		appendLog(t, s, id, text)
		if got := joined(t, wholeLog(t, s, id), 0); got != text {
			t.Errorf("%s: %.60q; want %.60q", name, got, text)
		}
	}
}

func logRefuses(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	for _, text := range []string{"a\x00b", "a\xffb", "half \xe2\x82"} {
		wantKind(t, fmt.Sprintf("AppendLog(%q)", text), s.AppendLog(t.Context(), id, text), course.ErrInvalid)
	}
	if got := wholeLog(t, s, id); len(got) != 0 {
		t.Errorf("refused texts left %v in the log", got)
	}
}

func logAfterEnd(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	b := ended(t, s, "a", course.StatusSuccess)
	appendLog(t, s, b.ID, "cleaned\n")
	if got := joined(t, wholeLog(t, s, b.ID), 0); got != "cleaned\n" {
		t.Errorf("log %q; the log of a final build still grows", got)
	}
}

// checkCut holds chunks that were read from an offset on to the whole output:
// each is the text of its place, and each gap is told with its size. It gives
// the number of bytes of text and of those left out.
func checkCut(t *testing.T, chunks []course.LogChunk, offset int64, output string) (kept, gone int64) {
	t.Helper()
	for i, c := range chunks {
		if c.Offset != offset {
			t.Fatalf("chunk %d is at %d; want %d", i, c.Offset, offset)
		}
		if c.Dropped {
			if i+1 == len(chunks) {
				t.Fatalf("the last chunk at %d is dropped output", c.Offset)
			}
			n := chunks[i+1].Offset - c.Offset
			if n <= 0 || c.Text != store.DroppedText(n) {
				t.Fatalf("%d bytes are left out at %d, told as %q", n, c.Offset, c.Text)
			}
			gone += n
			offset += n
			continue
		}
		if !utf8.ValidString(c.Text) {
			t.Fatalf("chunk at %d cuts a character", c.Offset)
		}
		end := offset + int64(len(c.Text))
		if end > int64(len(output)) || output[offset:end] != c.Text {
			t.Fatalf("chunk at %d has %d bytes %.40q; not what was written there", c.Offset, len(c.Text), c.Text)
		}
		kept += int64(len(c.Text))
		offset = end
	}
	return kept, gone
}

// lines makes n numbered lines with characters of several bytes.
func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d ääkköset 🚀\n", i)
	}
	return b.String()
}

// pieces cuts text before characters into pieces of about n bytes.
func pieces(text string, n int) []string {
	var out []string
	for text != "" {
		cut := min(n, len(text))
		for cut < len(text) && !utf8.RuneStart(text[cut]) {
			cut++
		}
		out, text = append(out, text[:cut]), text[cut:]
	}
	return out
}

// logCapped writes a long log in pieces of a size.
func logCapped(size int) func(*testing.T, store.Store) {
	return func(t *testing.T, s store.Store) {
		t.Helper()
		writeCapped(t, s, size)
	}
}

func writeCapped(t *testing.T, s store.Store, size int) {
	t.Helper()
	id := newBuild(t, s, "a")
	output := lines(2000)
	written := 0
	for i, piece := range pieces(output, size) {
		appendLog(t, s, id, piece)
		written += len(piece)
		if i%7 == 6 && int64(written) > Caps().Head+2*Caps().Tail {
			checkSizes(t, wholeLog(t, s, id), output[:written])
		}
	}
	chunks := wholeLog(t, s, id)
	kept, gone := checkCut(t, chunks, 0, output)
	if kept+gone != int64(len(output)) {
		t.Errorf("%d bytes kept and %d left out; want %d in all", kept, gone, len(output))
	}
	checkSizes(t, chunks, output)
	last := chunks[len(chunks)-1]
	if end := last.Offset + int64(len(last.Text)); end != int64(len(output)) {
		t.Errorf("the log ends at %d; want %d", end, len(output))
	}
}

// checkSizes wants one gap between a head and a tail that are as large as the
// caps say, give or take what whole lines and pieces need.
func checkSizes(t *testing.T, chunks []course.LogChunk, output string) {
	t.Helper()
	var head, tail, gaps int64
	for _, c := range chunks {
		switch {
		case c.Dropped:
			gaps++
		case gaps == 0:
			head += int64(len(c.Text))
		default:
			tail += int64(len(c.Text))
		}
	}
	caps := Caps()
	if gaps != 1 || head > caps.Head || head < caps.Head/2 || tail > caps.Tail || tail < caps.Tail*3/4 {
		t.Errorf("of %d bytes a head of %d and a tail of %d are kept, %d gaps; want about %d and %d, one gap",
			len(output), head, tail, gaps, caps.Head, caps.Tail)
	}
}

func logWithoutLines(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	output := strings.Repeat("日本🚀", 10_000)
	for _, piece := range pieces(output, 777) {
		appendLog(t, s, id, piece)
	}
	chunks := wholeLog(t, s, id)
	checkCut(t, chunks, 0, output)
	checkSizes(t, chunks, output)
}

func logReadWhileCut(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	output := lines(2000)
	var got []course.LogChunk
	var offset int64
	for i, piece := range pieces(output, 300) {
		appendLog(t, s, id, piece)
		if i%3 == 0 {
			chunks, next, err := readAll(t.Context(), s, id, offset)
			if err != nil {
				t.Fatal(err)
			}
			got, offset = append(got, chunks...), next
		}
	}
	chunks, _, err := readAll(t.Context(), s, id, offset)
	if err != nil {
		t.Fatal(err)
	}
	kept, gone := checkCut(t, append(got, chunks...), 0, output)
	if gone != 0 || kept != int64(len(output)) {
		t.Errorf("a reader that keeps up got %d bytes and missed %d; want all %d", kept, gone, len(output))
	}
}

func logFellBehind(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	output := lines(3000)
	first := pieces(output, len(output)/2)
	appendLog(t, s, id, first[0])
	chunks, offset, err := readAll(t.Context(), s, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	appendLog(t, s, id, strings.Join(first[1:], ""))
	rest, _, err := readAll(t.Context(), s, id, offset)
	if err != nil {
		t.Fatal(err)
	}
	if len(rest) == 0 || !rest[0].Dropped {
		t.Fatalf("after a gap the reader at %d gets %.100v; want to be told", offset, rest)
	}
	kept, gone := checkCut(t, append(chunks, rest...), 0, output)
	if kept+gone != int64(len(output)) {
		t.Errorf("%d bytes read and %d told as left out; want %d in all", kept, gone, len(output))
	}
	inGap, _, err := readAll(t.Context(), s, id, offset+500)
	if err != nil {
		t.Fatal(err)
	}
	checkCut(t, inGap, offset+500, output)
}

func logReadWhileGrowing(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	output := lines(3000)
	var group sync.WaitGroup
	group.Go(func() {
		for _, piece := range pieces(output, 500) {
			if err := s.AppendLog(t.Context(), id, piece); err != nil {
				t.Errorf("AppendLog: %v", err)
				return
			}
		}
	})
	var got []course.LogChunk
	var offset int64
	for offset < int64(len(output)) && !t.Failed() {
		chunks, next, err := s.ReadLog(t.Context(), id, offset)
		if err != nil {
			t.Errorf("ReadLog: %v", err)
			break
		}
		got, offset = append(got, chunks...), next
	}
	group.Wait()
	kept, gone := checkCut(t, got, 0, output)
	if kept+gone != int64(len(output)) {
		t.Errorf("%d bytes read and %d told as left out; want %d in all", kept, gone, len(output))
	}
}

func logsApart(t *testing.T, s store.Store) {
	t.Helper()
	a, b := newBuild(t, s, "a"), newBuild(t, s, "b")
	for i := range 3 {
		appendLog(t, s, a, fmt.Sprintf("a%d\n", i))
		appendLog(t, s, b, fmt.Sprintf("b%d\n", i))
	}
	got := []string{joined(t, wholeLog(t, s, a), 0), joined(t, wholeLog(t, s, b), 0)}
	if diff := cmp.Diff([]string{"a0\na1\na2\n", "b0\nb1\nb2\n"}, got); diff != "" {
		t.Errorf("logs (-want +got):\n%s", diff)
	}
}

// logLines adds lines as after an answer that did not come.
func logLines(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	add := func(lines ...string) {
		t.Helper()
		for _, line := range lines {
			if err := s.AppendLine(t.Context(), id, line); err != nil {
				t.Fatalf("AppendLine: %v", err)
			}
		}
	}
	add("one\n", "one\n", "two\n", "one\n")
	appendLog(t, s, id, "output\nbegone\n")
	add("gone\n", "gone\n", "output\n")
	appendLog(t, s, id, "more\nlast\n")
	add("last\n", "a\nb\n", "a\nb\n")
	const want = "one\ntwo\none\noutput\nbegone\ngone\noutput\nmore\nlast\na\nb\n"
	if got := joined(t, wholeLog(t, s, id), 0); got != want {
		t.Errorf("the log is %q, want %q", got, want)
	}
	wantKind(t, "AppendLine to an unknown build", s.AppendLine(t.Context(), 1<<40, "x\n"), course.ErrNotFound)
	wantKind(t, "AppendLine of a NUL", s.AppendLine(t.Context(), id, "a\x00\n"), course.ErrInvalid)
}
