package buildlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"coursewright/internal/course"
)

// Sink takes the text of a build's log, in order.
type Sink interface {
	// AppendLog adds text, valid UTF-8 without NUL, at the end of the log.
	AppendLog(ctx context.Context, buildID int64, text string) error
}

// Batch is what a Writer gives to a PlacedSink at once.
type Batch struct {
	Number int64 // from 1, growing
	Text   string
	At     Place // to which the log is complete with it
}

// PlacedSink is a Sink of one build that is told how far the log has come.
type PlacedSink interface {
	// AppendPlaced adds the text of a batch like AppendLog. After an error of kind
	// course.ErrUnavailable, and when time was up, it is called again with the same
	// batch, which may have been added all the same: the sink knows by the number.
	// An error that wraps ErrRefused ends the writing.
	AppendPlaced(ctx context.Context, b Batch) error
}

const (
	flushEvery   = 75 * time.Millisecond // between two batches
	flushBytes   = 32 << 10              // a batch of this size goes out at once
	pendingBytes = 256 << 10             // Write waits above this
	partialAge   = time.Second           // a line without an end waits so long for it
	sinkTimeout  = 10 * time.Second      // for one batch

	awayPause = 500 * time.Millisecond // between two tries while the sink is away
	awayLimit = 2 * time.Minute        // a sink that is away for longer loses what is written
)

// ErrClosed is the error of writing to a closed Writer.
var ErrClosed = errors.New("the build log is closed")

// ErrRefused is the error of a sink that takes no more from this Writer, since
// the log is another's by now. Write returns it from then on.
var ErrRefused = errors.New("the build log is written by a later try of the build")

// Writer is the log of one build as its steps see it. What is written becomes
// lines of valid UTF-8; colours stay, other terminal control is taken out, a
// line that is overwritten by means of a carriage return shows its last state,
// and secrets are masked. The first line after a pause goes out at once, more
// follow in batches. It is safe for concurrent use, and the bytes of one Write
// stay together.
//
// Writing never fails on account of the sink, since a build should not fail
// for that. While the sink says that it is away (course.ErrUnavailable) what was
// written waits for it, for two minutes; then, as after any other error, what
// could not be stored is named in the log later, and Close returns the error.
type Writer struct {
	sink  PlacedSink
	mask  masker
	wake  chan struct{} // there is something to send
	full  chan struct{} // there is a full batch
	stop  chan struct{} // closed by Close
	ended chan struct{} // closed when nothing will be sent any more

	once bool // the sink adds a batch twice that it is given twice

	mu      sync.Mutex
	room    *sync.Cond // signals that out has shrunk
	clean   cleaner
	out     []byte    // clean lines to be sent
	partial time.Time // since when clean has a line without an end
	number  int64     // of the newest batch
	unsent  *unsent   // what the sink is to be given again; nil: nothing
	closed  bool
	refused error     // from the sink, once it has refused
	lost    int       // bytes that the sink did not take, not yet told
	away    time.Time // since when the sink is away; zero while it is not
	err     error     // the first error of the sink
}

// NewWriter begins writing to a build's log; Close ends it. Secrets are texts
// that must not appear in the log, such as tokens and private keys. Each line
// of one is masked on its own; lines under minSecret bytes are not, since that
// would make a log unreadable, nor is a secret that colours divide. The
// context's values reach the sink, its end does not: the last lines of a
// cancelled build are those that matter.
func NewWriter(ctx context.Context, sink Sink, buildID int64, secrets ...string) *Writer {
	return newWriter(ctx, unplaced{sink: sink, buildID: buildID}, true, secrets)
}

// unplaced is a sink that does not keep places.
type unplaced struct {
	sink    Sink
	buildID int64
}

// AppendPlaced adds text.
func (u unplaced) AppendPlaced(ctx context.Context, b Batch) error {
	if err := u.sink.AppendLog(ctx, u.buildID, b.Text); err != nil {
		return fmt.Errorf("append to the log of build %d: %w", u.buildID, err)
	}
	return nil
}

// NewPlacedWriter is NewWriter for a sink that keeps the place with the text, so
// that the log can be continued after a crash with nothing lost or told twice.
// Only where a line pauses in what may be the beginning of a secret, the place
// is that of an earlier pause.
func NewPlacedWriter(ctx context.Context, sink PlacedSink, secrets ...string) *Writer {
	return newWriter(ctx, sink, false, secrets)
}

func newWriter(ctx context.Context, sink PlacedSink, once bool, secrets []string) *Writer {
	w := &Writer{
		sink:  sink,
		once:  once,
		mask:  newMasker(secrets),
		wake:  make(chan struct{}, 1),
		full:  make(chan struct{}, 1),
		stop:  make(chan struct{}),
		ended: make(chan struct{}),
	}
	w.room = sync.NewCond(&w.mu)
	go func() {
		defer close(w.ended)
		w.run(context.WithoutCancel(ctx))
	}()
	return w
}

// GoOn says that what is written continues a log at a place: before anything
// else, when an earlier Writer may have left its last line without an end.
func (w *Writer) GoOn(midLine bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clean.flushed, w.clean.done.MidLine = midLine, midLine
}

// Drop forgets what was written and is not in the log yet, a line without an
// end: another Writer will be given it again.
func (w *Writer) Drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.clean.done
	w.clean = cleaner{done: at, taken: at.Written, flushed: at.MidLine}
	w.notify()
}

// Write adds output of a build. It waits while the sink is behind. The only
// errors are ErrClosed and what wraps ErrRefused.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for n := 0; n < len(p); n += flushBytes {
		for w.waiting() >= pendingBytes && !w.closed {
			w.room.Wait()
		}
		switch {
		case w.closed:
			return n, ErrClosed
		case w.refused != nil:
			return n, w.refused
		}
		w.clean.write(w.emit, p[n:min(n+flushBytes, len(p))])
		w.notify()
	}
	return len(p), nil
}

// Printf adds a line of the service itself. It begins on a line of its own.
func (w *Writer) Printf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.clean.endLine(w.emit)
	var own cleaner // the build's output may be in the middle of a character
	own.write(w.emit, fmt.Appendf(nil, format, args...))
	own.finish(w.emit)
	w.notify()
}

// Close sends what is left and returns the first error of the sink. Closing
// again gives the same answer.
func (w *Writer) Close() error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		w.clean.finish(w.emit)
		w.room.Broadcast()
		close(w.stop)
	}
	w.mu.Unlock()
	<-w.ended
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// emit takes clean text and gives back the end of it that has to wait. That is
// the beginning of a secret whose rest may come; never so at the end of a line.
func (w *Writer) emit(text []byte, endsLine bool) (held []byte) {
	masked := w.mask.apply(text)
	ready := len(masked)
	if !endsLine {
		ready -= w.mask.begun(masked)
	}
	w.out = append(w.out, masked[:ready]...)
	return masked[ready:]
}

// notify tells the sending goroutine what there is. The caller holds mu.
func (w *Writer) notify() {
	if w.clean.pending() && w.partial.IsZero() {
		w.partial = time.Now()
	}
	if !w.clean.pending() {
		w.partial = time.Time{}
	}
	if len(w.out) > 0 || w.clean.pending() {
		signal(w.wake)
	}
	if len(w.out) >= flushBytes {
		signal(w.full)
	}
}

// signal leaves a mark in a channel of one place.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run sends batches until the Writer is closed and everything is sent.
func (w *Writer) run(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for stopped := false; !stopped; {
		select {
		case <-w.wake:
		case <-w.stop:
		}
		wait, full := flushEvery, w.full
		if !w.send(ctx) {
			wait, full = awayPause, nil
			signal(w.wake)
		}
		pause.Reset(wait)
		select {
		case <-pause.C:
		case <-full:
		case <-w.stop:
			stopped = true
		}
	}
	for w.left() {
		if !w.send(ctx) {
			<-time.After(awayPause)
		}
	}
}

// left says whether there is something that the sink has not taken.
func (w *Writer) left() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waiting() > 0
}

// unsent is a batch on its way to the sink.
type unsent struct {
	Batch

	own  int // bytes of what was written; the rest tells of what was lost
	lost int // bytes of which it tells
}

// waiting gives the number of bytes that the sink has not taken. The caller holds
// mu.
func (w *Writer) waiting() int {
	n := len(w.out)
	if w.unsent != nil {
		n += w.unsent.own
	}
	return n
}

// send gives the sink what is ready. It says no when the sink is away and has to be
// asked again.
func (w *Writer) send(ctx context.Context) bool {
	b := w.take()
	if b == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, sinkTimeout)
	defer cancel()
	err := w.sink.AppendPlaced(ctx, b.Batch)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unsent = nil
	if len(w.out) > 0 {
		signal(w.wake)
	}
	if err == nil {
		w.lost -= b.lost
		w.away = time.Time{}
		return true
	}
	if w.waits(err) {
		w.unsent = b
		return false
	}
	w.lost += b.own
	if w.err == nil {
		w.err = err
	}
	if errors.Is(err, ErrRefused) {
		w.refused = err
	}
	return true
}

// waits says whether what the sink did not take is kept for it. What a sink has
// perhaps taken that does not know batches is not: no line may be told twice. The
// caller holds mu.
func (w *Writer) waits(err error) bool {
	passes := errors.Is(err, course.ErrUnavailable)
	if w.once {
		passes = passes && !errors.Is(err, course.ErrUncertain)
	} else {
		passes = passes || errors.Is(err, context.DeadlineExceeded)
	}
	if !passes {
		return false
	}
	if w.away.IsZero() {
		w.away = time.Now()
	}
	return time.Since(w.away) < awayLimit
}

// take gives the batch to send next and makes room for more; nil: there is none. A
// line that has waited long for its end goes out without.
func (w *Writer) take() *unsent {
	w.mu.Lock()
	defer w.mu.Unlock()
	select { // what was full is taken now
	case <-w.full:
	default:
	}
	if w.unsent != nil && w.refused == nil {
		return w.unsent
	}
	if !w.partial.IsZero() {
		if time.Since(w.partial) >= partialAge {
			w.clean.flush(w.emit)
			w.partial = time.Time{}
		} else {
			signal(w.wake) // look again after the pause
		}
	}
	text := string(w.out)
	w.out = nil
	w.room.Broadcast()
	if text == "" || w.refused != nil {
		return nil
	}
	w.number++
	b := &unsent{Batch: Batch{Number: w.number, Text: text, At: w.clean.done}, own: len(text), lost: w.lost}
	if b.lost > 0 {
		b.Text = fmt.Sprintf("[%d bytes of output could not be stored]\n", b.lost) + text
	}
	return b
}
