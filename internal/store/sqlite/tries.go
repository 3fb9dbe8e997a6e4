package sqlite

import (
	"context"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// StartTry begins a try of a step; see store.Tries.
func (s *Store) StartTry(ctx context.Context, buildID int64, step string) (course.Try, error) {
	out := course.Try{BuildID: buildID, Step: store.CleanText(step)}
	err := s.quick.tx(ctx, func(t *tx) error {
		if err := t.row("UPDATE builds SET tries = tries + 1, appends = 0 WHERE id = ? RETURNING tries", buildID).Scan(&out.Number); err != nil {
			return err
		}
		return t.startStep(buildID, out.Step, s.nowMicros())
	})
	return out, s.wrapRow(err, "start step %s of build %d", out.Step, buildID)
}

// FinishTry ends a try of a step; see store.Tries.
func (s *Store) FinishTry(ctx context.Context, try course.Try, o course.Outcome, message string) error {
	err := s.quick.tx(ctx, func(t *tx) error {
		if _, err := t.checkTry(try); err != nil {
			return err
		}
		return t.finishStep(try.BuildID, store.CleanText(try.Step), o, message, s.nowMicros())
	})
	return s.wrapRow(err, "finish step %s of build %d", try.Step, try.BuildID)
}

// AppendTry adds to the log of a build; see store.Tries.
func (s *Store) AppendTry(ctx context.Context, try course.Try, a course.LogAppend) error {
	err := store.CheckAppend(a)
	if err == nil {
		err = s.quick.tx(ctx, func(t *tx) error { return t.appendTry(try, a, s.caps) })
	}
	return s.wrapRow(err, "append to the log of build %d", try.BuildID)
}

func (t *tx) appendTry(try course.Try, a course.LogAppend, caps store.LogCaps) error {
	appends, err := t.checkTry(try)
	if err != nil || a.Number > 0 && a.Number <= appends {
		return err
	}
	if a.Mark != "" || a.Number > 0 {
		_, err = t.exec("UPDATE builds SET mark = coalesce(nullif(?1, ''), mark), appends = max(appends, ?2) WHERE id = ?3", a.Mark, a.Number, try.BuildID)
	}
	if err != nil || a.Text == "" {
		return err
	}
	return t.appendLog(try.BuildID, a.Text, caps)
}

// RecordTryFacts saves what a try has learnt; see store.Tries.
func (s *Store) RecordTryFacts(ctx context.Context, try course.Try, f course.Facts) error {
	err := s.quick.tx(ctx, func(t *tx) error {
		if _, err := t.checkTry(try); err != nil {
			return err
		}
		return t.recordFacts(try.BuildID, f)
	})
	return s.wrapRow(err, "record facts of build %d", try.BuildID)
}

// Mark gives a build's mark; see store.Tries.
func (s *Store) Mark(ctx context.Context, buildID int64) (string, error) {
	var mark string
	err := s.read.row(ctx, "SELECT mark FROM builds WHERE id = ?", buildID).Scan(&mark)
	return mark, s.wrapRow(err, "mark of build %d", buildID)
}

// checkTry gives the number of the newest append of a try. An error is that of
// store.CheckTry.
func (t *tx) checkTry(try course.Try) (appends int64, err error) {
	var newest int64
	if err := t.row("SELECT tries, appends FROM builds WHERE id = ?", try.BuildID).Scan(&newest, &appends); err != nil {
		return 0, err
	}
	return appends, store.CheckTry(try, newest, appends)
}
