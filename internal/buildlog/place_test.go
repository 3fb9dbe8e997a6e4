package buildlog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"coursewright/internal/buildlog"
	"coursewright/internal/course"
)

// placed is a log that survives the Writers that write it.
type placed struct {
	text string
	at   buildlog.Place
	left int // batches that it takes before it stands for a crash
}

var errCrashed = errors.New("crashed")

func (p *placed) AppendPlaced(_ context.Context, b buildlog.Batch) error {
	if p.left == 0 {
		return fmt.Errorf("%w: %w", errCrashed, buildlog.ErrRefused)
	}
	p.left--
	p.text, p.at = p.text+b.Text, b.At
	return nil
}

// raw is output with all that a log has to deal with. Every word is unique.
func raw(r *rand.Rand) string {
	parts := []string{"\n", "\n", "\n", "\r\n", "\r", "\x1b[3%dm", "\x1b]0;title %d\x07", "\t", "\x1b[2K", "ä", "日本"}
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "w%d ", i)
		part := parts[r.IntN(len(parts))]
		if strings.Contains(part, "%d") {
			part = fmt.Sprintf(part, i%8)
		}
		b.WriteString(part)
	}
	return b.String()
}

// write gives the output from a place on to a Writer, with pauses, and ends as a
// crash does once the log takes no more. It returns whether all was written.
func (p *placed) write(t *testing.T, r *rand.Rand, output string, from buildlog.Place) bool {
	t.Helper()
	base := from.Written
	p.at = buildlog.Place{MidLine: from.MidLine}
	w := buildlog.NewPlacedWriter(t.Context(), p)
	w.GoOn(from.MidLine)
	var err error
	for rest := output[base:]; rest != "" && err == nil; {
		n := min(1+r.IntN(40), len(rest))
		_, err = w.Write([]byte(rest[:n]))
		rest = rest[n:]
		if r.IntN(3) == 0 {
			time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
		}
	}
	closeErr := w.Close()
	if !errors.Is(closeErr, errCrashed) && closeErr != nil {
		t.Fatal(closeErr)
	}
	p.at.Written += base
	return closeErr == nil && err == nil
}

// words are what the output's lines show: pauses may break a line that is
// overwritten in two, so only words that nothing overwrites are compared.
func words(log string) []string {
	log = strings.ReplaceAll(log, "\n", " ")
	return strings.Fields(log)
}

// A log that was interrupted at any batch and continued from its place shows
// each word once, in order.
func TestContinuedLogHasNoGapAndNothingTwice(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			output := strings.ReplaceAll(raw(r), "\r", "\n")
			log := &placed{}
			from := buildlog.Place{}
			for tries := 0; ; tries++ {
				log.left = 1 + r.IntN(6)
				if log.write(t, r, output, from) {
					break
				}
				from = log.at
			}
			whole := &placed{left: 1 << 30}
			whole.write(t, r, output, buildlog.Place{})
			if got, want := fmt.Sprint(words(log.text)), fmt.Sprint(words(whole.text)); got != want {
				t.Errorf("seed %d: words\n%s\nwant\n%s", seed, got, want)
			}
		})
	}
}

// With lines that are overwritten no word is ever told twice.
func TestContinuedLogWithOverwrittenLines(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			output := raw(r)
			log := &placed{}
			from := buildlog.Place{}
			for {
				log.left = 1 + r.IntN(6)
				if log.write(t, r, output, from) {
					break
				}
				from = log.at
			}
			last := -1
			for _, word := range words(log.text) {
				var n int
				if i := strings.LastIndexByte(word, 'w'); i < 0 {
					continue
				} else if _, err := fmt.Sscanf(word[i:], "w%d", &n); err != nil {
					t.Fatalf("word %q: %v", word, err)
				}
				if n <= last {
					t.Errorf("seed %d: w%d comes after w%d:\n%q", seed, n, last, log.text)
					return
				}
				last = n
			}
			if last != 299 {
				t.Errorf("seed %d: the last word is w%d", seed, last)
			}
		})
	}
}

func TestDropLeavesTheRestOfALineToTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &placed{left: 100}
		const output = "one\ntwo three\n"
		w := buildlog.NewPlacedWriter(t.Context(), log)
		write(t, w, output[:6])
		synctest.Wait()
		w.Drop()
		w.Printf("handed over")
		closeWriter(t, w)
		if want := (buildlog.Place{Written: 4}); log.at != want {
			t.Errorf("the log reaches %+v, want %+v", log.at, want)
		}
		next := buildlog.NewPlacedWriter(t.Context(), log)
		next.GoOn(log.at.MidLine)
		next.Printf("taken over")
		write(t, next, output[4:])
		closeWriter(t, next)
		if got, want := log.text, "one\nhanded over\ntaken over\ntwo three\n"; got != want {
			t.Errorf("log %q; want %q", got, want)
		}
	})
}

func TestARefusedWriterSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := buildlog.NewPlacedWriter(t.Context(), &placed{})
		write(t, w, "text\n")
		synctest.Wait()
		if _, err := w.Write([]byte("more\n")); !errors.Is(err, buildlog.ErrRefused) || errors.Is(err, course.ErrConflict) {
			t.Errorf("Write = %v, want ErrRefused", err)
		}
		if err := w.Close(); !errors.Is(err, errCrashed) {
			t.Errorf("Close = %v, want the sink's error", err)
		}
	})
}

// lossy is a sink that says of some batches that nobody knows whether it has them.
type lossy struct {
	text   string
	number int64                                           // of the newest batch
	answer func(b buildlog.Batch) (stored bool, err error) // what becomes of a batch
}

func (l *lossy) AppendPlaced(_ context.Context, b buildlog.Batch) error {
	stored, err := l.answer(b)
	if stored && b.Number > l.number {
		l.text, l.number = l.text+b.Text, b.Number
	}
	return err
}

// A batch of which nobody knows whether it is stored is sent again as it was:
// nothing is lost, and nothing told twice by a sink that minds the numbers.
func TestUncertainBatch(t *testing.T) {
	t.Parallel()
	uncertain := fmt.Errorf("no answer to COMMIT: %w", course.ErrUncertain)
	for name, c := range map[string]struct {
		away   time.Duration
		stored bool
		err    error
		want   string
	}{
		"it was stored":           {time.Minute, true, uncertain, "one\ntwo\nthree\n"},
		"it was not stored":       {time.Minute, false, uncertain, "one\ntwo\nthree\n"},
		"time was up, stored":     {time.Minute, true, context.DeadlineExceeded, "one\ntwo\nthree\n"},
		"time was up, not stored": {time.Minute, false, context.DeadlineExceeded, "one\ntwo\nthree\n"},
		"past all patience":       {125 * time.Second, false, uncertain, "[4 bytes of output could not be stored]\ntwo\nthree\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				seen := map[int64]string{}
				sink := &lossy{answer: func(b buildlog.Batch) (bool, error) {
					if was, ok := seen[b.Number]; ok && was != b.Text {
						t.Errorf("batch %d was %q, now it is %q", b.Number, was, b.Text)
					}
					seen[b.Number] = b.Text
					if time.Since(begin) < c.away {
						return c.stored, c.err
					}
					return true, nil
				}}
				w := buildlog.NewPlacedWriter(t.Context(), sink)
				write(t, w, "one\n")
				time.Sleep(130 * time.Second)
				write(t, w, "two\n")
				time.Sleep(10 * time.Second)
				write(t, w, "three\n")
				lost := !strings.HasPrefix(c.want, "one")
				if err := w.Close(); (err != nil) != lost {
					t.Errorf("Close = %v", err)
				}
				if sink.text != c.want {
					t.Errorf("log %q; want %q", sink.text, c.want)
				}
			})
		})
	}
}
