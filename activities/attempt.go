package activities

import (
	"context"
	"errors"

	"coursewright/internal/buildlog"
	"coursewright/internal/course"
)

// attempt is one try of a step on its way.
type attempt struct {
	store   TryStore
	try     course.Try
	log     *buildlog.Writer
	trail   *trail // nil: the log is all that the step leaves
	metrics *Metrics
	stored  int64  // number of the newest append that the database has acknowledged
	recent  []told // the newest of these
	kept    int    // bytes of their texts
}

// told is an append and the number of the one before it.
type told struct {
	course.LogAppend

	after int64
}

// keptBytes bounds what is kept of a log that is stored. The database does not wait
// for its disk with logs, and when it crashes it loses what it was told within the
// last second.
const keptBytes = 256 << 10

// lostNotice stands for what was stored, and lost, and is not kept here either.
const lostNotice = "[output is missing here: the database crashed and had not written it to its disk yet]\n"

// AppendPlaced adds to the build's log as this try. Batches come one after the
// other.
func (a *attempt) AppendPlaced(ctx context.Context, b buildlog.Batch) error {
	one := course.LogAppend{Number: b.Number, Text: b.Text}
	if a.trail != nil {
		one.Mark = a.trail.at(b.At)
	}
	err := a.again(ctx, func(ctx context.Context) error { return a.store.AppendTry(ctx, a.counting(a.stored), one) })
	if err == nil {
		a.keep(one)
		a.metrics.logged(b.Text)
	}
	return refused(err)
}

// counting is the try, which counts on the log up to an append.
func (a *attempt) counting(number int64) course.Try {
	try := a.try
	try.Appends = number
	return try
}

// finish records the end of the try, with its log whole. The log is closed.
func (a *attempt) finish(ctx context.Context, o course.Outcome, message string) error {
	return a.again(ctx, func(ctx context.Context) error { return a.store.FinishTry(ctx, a.counting(a.stored), o, message) })
}

// again does f once more after a database that has lost appends has got them back.
func (a *attempt) again(ctx context.Context, f func(context.Context) error) error {
	err := f(ctx)
	if !errors.Is(err, course.ErrBehind) {
		return err
	}
	for i, t := range a.recent {
		if err := a.tell(ctx, t, i == 0); err != nil {
			return err
		}
	}
	return f(ctx)
}

// tell makes an append again. The oldest that is kept may have to say that there
// were others before it.
func (a *attempt) tell(ctx context.Context, t told, oldest bool) error {
	try := a.counting(t.after)
	err := a.store.AppendTry(ctx, try, t.LogAppend)
	if !oldest || !errors.Is(err, course.ErrBehind) {
		return err
	}
	try.Appends = 0
	t.Text = lostNotice + t.Text
	return a.store.AppendTry(ctx, try, t.LogAppend)
}

// keep remembers an append that is stored.
func (a *attempt) keep(one course.LogAppend) {
	a.recent = append(a.recent, told{one, a.stored})
	a.stored = one.Number
	a.kept += len(one.Text)
	for a.kept > keptBytes && len(a.recent) > 1 {
		a.kept -= len(a.recent[0].Text)
		a.recent = a.recent[1:]
	}
}
