package buildlog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/buildlog"
)

// memory is a sink that keeps everything with the time at which it came.
type memory struct {
	mu      sync.Mutex
	batches []string
	times   []time.Time
	before  func() error // runs first, if set
}

func (m *memory) AppendLog(ctx context.Context, buildID int64, text string) error {
	if m.before != nil {
		if err := m.before(); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if buildID != 7 {
		return fmt.Errorf("build %d", buildID)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batches = append(m.batches, text)
	m.times = append(m.times, time.Now())
	return nil
}

func (m *memory) text() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.batches, "")
}

// seen gives the batches so far and when they came.
func (m *memory) seen() ([]string, []time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.batches), slices.Clone(m.times)
}

func write(t *testing.T, w *buildlog.Writer, text string) {
	t.Helper()
	if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("Write = %d, %v; want %d, nil", n, err, len(text))
	}
}

func closeWriter(t *testing.T, w *buildlog.Writer) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func TestCleaning(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ give, want string }{
		"nothing":                   {"", ""},
		"plain lines":               {"one\ntwo\n", "one\ntwo\n"},
		"empty lines":               {"\n\na\n\n", "\n\na\n\n"},
		"last line without an end":  {"one\ntwo", "one\ntwo\n"},
		"other scripts":             {"käännös 🚀 日本\n", "käännös 🚀 日本\n"},
		"tabs":                      {"a\tb\n", "a\tb\n"},
		"not UTF-8":                 {"a\xffb\xc3\n", "a\ufffdb\ufffd\n"},
		"half a character last":     {"a\xe2\x82", "a\ufffd\n"},
		"NUL and other controls":    {"a\x00b\ac\bd\x7fe\u0085f\n", "abcdef\n"},
		"colours":                   {"\x1b[1;31mred\x1b[0m \x1b[38:2:1:2:3mx\x1b[m\n", "\x1b[1;31mred\x1b[0m \x1b[38:2:1:2:3mx\x1b[m\n"},
		"cursor and screen":         {"a\x1b[2J\x1b[1;1Hb\x1b[?25lc\x1b[Kd\n", "abcd\n"},
		"a private sequence with m": {"a\x1b[>4;2mb\n", "ab\n"},
		"an endless sequence":       {"a\x1b[" + strings.Repeat("1;", 500) + "mb\n", "ab\n"},
		"title":                     {"a\x1b]0;title\ab\n", "ab\n"},
		"hyperlink":                 {"\x1b]8;;http://x.example/\x1b\\link\x1b]8;;\x1b\\\n", "link\n"},
		"device control":            {"a\x1bPdata\x1b\\b\n", "ab\n"},
		"title without an end":      {"a\x1b]0;title\nnext\n", "a\nnext\n"},
		"sequence without an end":   {"a\x1b[12\nnext\n", "a\nnext\n"},
		"character set":             {"a\x1b(Bb\x1b=c\x1bcd\n", "abcd\n"},
		"escape last":               {"a\x1b", "a\n"},
		"line ends of Windows":      {"a\r\nb\r\r\n", "a\nb\n"},
		"progress":                  {"10%\r20%\r100%\ndone\n", "100%\ndone\n"},
		"progress without an end":   {"10%\r20%\r", "20%\n"},
		"colour after the return":   {"error\r\x1b[0m\n", "error\x1b[0m\n"},
		"colour of the next state":  {"10%\r\x1b[32mok\n", "\x1b[32mok\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 2, 3, 1 << 20} {
				if diff := cmp.Diff(test.want, through(t, test.give, size)); diff != "" {
					t.Errorf("written %d bytes at a time (-want +got):\n%s", size, diff)
				}
			}
		})
	}
}

// through writes text in pieces of a size and gives what reaches the sink.
func through(t *testing.T, text string, size int, secrets ...string) string {
	t.Helper()
	sink := &memory{}
	w := buildlog.NewWriter(t.Context(), sink, 7, secrets...)
	for len(text) > 0 {
		n := min(size, len(text))
		write(t, w, text[:n])
		text = text[n:]
	}
	closeWriter(t, w)
	return sink.text()
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	key := "-----BEGIN KEY-----\nAAAAsecretBBBB\nCC==\n-----END KEY-----\n"
	tests := map[string]struct {
		secrets    []string
		give, want string
	}{
		"in a line":          {[]string{"hunter22"}, "pw hunter22 and hunter22\n", "pw *** and ***\n"},
		"without a line end": {[]string{"hunter22"}, "hunter22", "***\n"},
		"almost":             {[]string{"hunter22"}, "hunter2\nhunter\n", "hunter2\nhunter\n"},
		"the longer first":   {[]string{"token", "token-long"}, "token-long token\n", "*** ***\n"},
		"a private key":      {[]string{key}, "key: AAAAsecretBBBB\nCC==\n", "key: ***\n***\n"},
		"too short":          {[]string{"a", "", "\n"}, "banana\n", "banana\n"},
		"with stars":         {[]string{"***x", "tok1"}, "tok1x tok1\n", "***x ***\n"},
		"through control":    {[]string{"hunter22"}, "hun\x1b[Kter\a22\n", "***\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 5, 1 << 20} {
				if diff := cmp.Diff(test.want, through(t, test.give, size, test.secrets...)); diff != "" {
					t.Errorf("written %d bytes at a time (-want +got):\n%s", size, diff)
				}
			}
		})
	}
}

func TestSecretsInPrintf(t *testing.T) {
	t.Parallel()
	sink := &memory{}
	w := buildlog.NewWriter(t.Context(), sink, 7, "hunter22")
	write(t, w, "half a li\xc3")
	w.Printf("clone https://x:%s@git.example.org/\x1b[2J", "hunter22")
	w.Printf("two\nlines\n")
	write(t, w, "\xa4ne\n")
	closeWriter(t, w)
	want := "half a li\nclone https://x:***@git.example.org/\ntwo\nlines\näne\n"
	if diff := cmp.Diff(want, sink.text()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLongLines(t *testing.T) {
	t.Parallel()
	const limit, mark = 64 << 10, "\n[...] "
	secret := "hunter22hunter22"
	tests := map[string]struct{ give, want string }{
		"exactly":        {strings.Repeat("x", limit) + "\n", strings.Repeat("x", limit) + "\n"},
		"one more":       {strings.Repeat("x", limit+1) + "\n", strings.Repeat("x", limit) + mark + "x\n"},
		"characters":     {"a" + strings.Repeat("🚀", limit/4) + "\n", "a" + strings.Repeat("🚀", limit/4-1) + mark + "🚀\n"},
		"across secrets": {strings.Repeat("x", limit-4) + secret + "y\n", strings.Repeat("x", limit-4) + mark + "***y\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1000, 1 << 20} {
				got := through(t, test.give, size, secret)
				if got != test.want {
					t.Errorf("written %d bytes at a time: %d bytes, ends with %q; want %d that end with %q",
						size, len(got), got[max(0, len(got)-30):], len(test.want), test.want[len(test.want)-30:])
				}
			}
		})
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := &memory{}
		w := buildlog.NewWriter(t.Context(), sink, 7)
		start := time.Now()
		write(t, w, "first\n")
		synctest.Wait()
		write(t, w, "second\n")
		write(t, w, "third\n")
		synctest.Wait()
		batches, _ := sink.seen()
		if diff := cmp.Diff([]string{"first\n"}, batches); diff != "" {
			t.Errorf("the first line goes out alone and at once (-want +got):\n%s", diff)
		}
		time.Sleep(100 * time.Millisecond)
		batches, times := sink.seen()
		if diff := cmp.Diff([]string{"first\n", "second\nthird\n"}, batches); diff != "" {
			t.Fatalf("after a pause (-want +got):\n%s", diff)
		}
		if d := times[1].Sub(start); d < 50*time.Millisecond || d > 100*time.Millisecond {
			t.Errorf("the second batch came after %v; want 50 to 100 ms", d)
		}
		time.Sleep(time.Hour)
		idle := time.Now()
		write(t, w, "fourth\n")
		synctest.Wait()
		if _, times := sink.seen(); len(times) != 3 || !times[2].Equal(idle) {
			t.Errorf("after an idle hour batches came at %v; want the third at once, %v", times, idle)
		}
		write(t, w, strings.Repeat("x\n", 20<<10))
		synctest.Wait()
		if _, times := sink.seen(); len(times) != 4 || !times[3].Equal(idle) {
			t.Errorf("batches came at %v; want a full one at once, %v", times, idle)
		}
		closeWriter(t, w)
	})
}

func TestLineWithoutEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := &memory{}
		w := buildlog.NewWriter(t.Context(), sink, 7, "hunter22")
		write(t, w, "wait 10%\rwait 20% hunter")
		time.Sleep(500 * time.Millisecond)
		if got := sink.text(); got != "" {
			t.Errorf("after half a second %q is out; want nothing yet", got)
		}
		time.Sleep(time.Second)
		if got, want := sink.text(), "wait 20% "; got != want {
			t.Errorf("after a second and a half %q is out; want %q", got, want)
		}
		write(t, w, "22 more")
		time.Sleep(2 * time.Second)
		write(t, w, "\rwait 30%\r")
		time.Sleep(2 * time.Second)
		write(t, w, "done\n")
		closeWriter(t, w)
		if got, want := sink.text(), "wait 20% *** more\nwait 30%\ndone\n"; got != want {
			t.Errorf("log %q; want %q", got, want)
		}
	})
}

func TestBackpressure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		sink := &memory{before: func() error { <-gate; return nil }}
		w := buildlog.NewWriter(t.Context(), sink, 7)
		var written atomic.Int64
		line := strings.Repeat("x", 1023) + "\n"
		go func() {
			for range 4096 {
				write(t, w, line)
				written.Add(int64(len(line)))
			}
		}()
		synctest.Wait()
		if n := written.Load(); n > 1<<20 {
			t.Errorf("%d bytes were taken while the sink stands still; want a bound", n)
		}
		close(gate)
		synctest.Wait()
		closeWriter(t, w)
		if got := len(sink.text()); got != 4<<20 {
			t.Errorf("%d bytes arrived; want all %d", got, 4<<20)
		}
	})
}

func TestSinkFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("disk full")
		fails := 2
		sink := &memory{before: func() error {
			if fails--; fails >= 0 {
				return fmt.Errorf("%w %d", broken, fails)
			}
			return nil
		}}
		w := buildlog.NewWriter(t.Context(), sink, 7)
		for _, text := range []string{"one\n", "two\n", "three\n", "four\n"} {
			write(t, w, text)
			time.Sleep(time.Second)
		}
		err := w.Close()
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "disk full 1") {
			t.Errorf("Close = %v; want the first error", err)
		}
		if again := w.Close(); !errors.Is(again, broken) {
			t.Errorf("a second Close = %v; want the same", again)
		}
		if got, want := sink.text(), "[8 bytes of output could not be stored]\nthree\nfour\n"; got != want {
			t.Errorf("log %q; want %q", got, want)
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	sink := &memory{}
	w := buildlog.NewWriter(ctx, sink, 7)
	cancel()
	write(t, w, "cancelled")
	closeWriter(t, w)
	if got := sink.text(); got != "cancelled\n" {
		t.Errorf("log %q; the end of the context must not lose the last line", got)
	}
	if n, err := w.Write([]byte("x")); n != 0 || !errors.Is(err, buildlog.ErrClosed) {
		t.Errorf("Write after Close = %d, %v; want ErrClosed", n, err)
	}
	w.Printf("ignored")
}

func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	sink := &memory{}
	w := buildlog.NewWriter(t.Context(), sink, 7)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range 500 {
				if n%2 == 0 {
					w.Printf("line %d %d", i, n)
				} else if _, err := fmt.Fprintf(w, "line %d %d\n", i, n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	closeWriter(t, w)
	next := make([]int, 8)
	for line := range strings.Lines(sink.text()) {
		var i, n int
		if _, err := fmt.Sscanf(line, "line %d %d\n", &i, &n); err != nil || n != next[i] {
			t.Fatalf("line %q: %v; want line %d of writer %d", line, err, next[i], i)
		}
		next[i]++
	}
	if diff := cmp.Diff([]int{500, 500, 500, 500, 500, 500, 500, 500}, next); diff != "" {
		t.Errorf("lines per writer (-want +got):\n%s", diff)
	}
}

func FuzzWriter(f *testing.F) {
	f.Add([]byte("a\x1b[31mb\r\n\x1b]0;x\a\xff"), 3)
	f.Add([]byte("hunter22 hun\rter22"), 1)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		if size < 1 {
			size = 1
		}
		got := through(t, string(data), size, "hunter22")
		if !utf8.ValidString(got) || strings.Contains(got, "hunter22") {
			t.Fatalf("log %q is not UTF-8 or contains the secret", got)
		}
		if len(data) > 0 && got != "" && !strings.HasSuffix(got, "\n") {
			t.Fatalf("log %q does not end with a line end", got)
		}
		for _, r := range got {
			if (r < 0x20 && r != '\n' && r != '\t' && r != '\x1b') || (r >= 0x7f && r <= 0x9f) {
				t.Fatalf("log %q contains the control character %U", got, r)
			}
		}
		if whole := through(t, string(data), 1<<20, "hunter22"); whole != got {
			t.Fatalf("in one piece %q, in pieces of %d %q", whole, size, got)
		}
	})
}
