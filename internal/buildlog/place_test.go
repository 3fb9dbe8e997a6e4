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

func (p *placed) AppendPlaced(_ context.Context, text string, at buildlog.Place) error {
	if p.left == 0 {
		return fmt.Errorf("%w: %w", errCrashed, buildlog.ErrRefused)
	}
	p.left--
	p.text, p.at = p.text+text, at
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
