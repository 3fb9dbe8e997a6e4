package buildlog_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/buildlog"
	"coursewright/internal/course"
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

// A sink that is away for a while loses nothing and is told nothing twice; one
// that stays away, or that may have taken a batch, is not waited for.
func TestSinkIsAway(t *testing.T) {
	t.Parallel()
	uncertain := fmt.Errorf("the connection broke: %w", course.ErrUncertain)
	for name, c := range map[string]struct {
		away time.Duration
		err  error
		want string
	}{
		"a minute":      {time.Minute, fmt.Errorf("no server: %w", course.ErrUnavailable), "one\ntwo\nthree\n"},
		"three minutes": {3 * time.Minute, fmt.Errorf("no server: %w", course.ErrUnavailable), ""},
		"uncertain":     {time.Second, uncertain, "[4 bytes of output could not be stored]\ntwo\nthree\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				sink := &memory{before: func() error {
					if time.Since(begin) < c.away {
						return c.err
					}
					return nil
				}}
				w := buildlog.NewWriter(t.Context(), sink, 7)
				write(t, w, "one\n")
				time.Sleep(2 * time.Second)
				write(t, w, "two\n")
				time.Sleep(2 * time.Second)
				write(t, w, "three\n")
				err := w.Close()
				if lost := !strings.HasPrefix(c.want, "one"); errors.Is(err, course.ErrUnavailable) != lost || !lost && err != nil {
					t.Errorf("Close = %v", err)
				}
				if got := sink.text(); got != c.want {
					t.Errorf("log %q; want %q", got, c.want)
				}
			})
		})
	}
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

// peak is a sink that keeps nothing but how much memory was in use at most.
type peak struct {
	mu     sync.Mutex
	most   uint64
	length int
}

func (p *peak) AppendLog(_ context.Context, _ int64, text string) error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = max(p.most, m.HeapInuse)
	p.length += len(text)
	return nil
}

// TestEndlessLines writes lines of 100 MB, of text and of what is left out: the
// log holds a piece at a time, never a line.
func TestEndlessLines(t *testing.T) { //nolint:paralleltest // looks at the memory of the whole program
	const allowed = 64 << 20
	for name, piece := range map[string]string{
		"text": strings.Repeat("x", 1<<20), "not UTF-8": strings.Repeat("\xff", 1<<20), "progress": strings.Repeat("\r50%", 1<<18),
		"controls": strings.Repeat("\x1b[2K\x00", 1<<18), "open sequence": strings.Repeat("1;", 1<<19),
	} {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // the same
			if testing.Short() && name != "text" {
				t.Skip("takes seconds")
			}
			size := 100 << 20
			if name == "not UTF-8" {
				size /= 5 // becomes three times as much
			}
			runtime.GC()
			var before runtime.MemStats
			runtime.ReadMemStats(&before)
			sink := &peak{}
			w := buildlog.NewWriter(t.Context(), sink, 7, "hunter22hunter22")
			if name == "open sequence" {
				if _, err := w.Write([]byte("\x1b[")); err != nil {
					t.Fatal(err)
				}
			}
			for written := 0; written < size; written += len(piece) {
				if _, err := w.Write([]byte(piece)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if sink.most > before.HeapInuse+allowed || sink.length > 4*size {
				t.Errorf("%d MB of memory more, %d MB of log", (sink.most-before.HeapInuse)>>20, sink.length>>20)
			}
		})
	}
}
