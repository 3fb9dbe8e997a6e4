package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// StartTry begins a try of a step; see store.Tries. It outlives a crash of the
// server: the number of a try that has begun is never given again.
func (s *Store) StartTry(ctx context.Context, buildID int64, step string) (course.Try, error) {
	out := course.Try{BuildID: buildID, Step: store.CleanText(step)}
	err := s.write(ctx, durable, func(t *tx) error {
		err := t.row("UPDATE builds SET tries = tries + 1, appends = 0 WHERE id = $1 RETURNING tries", buildID).Scan(&out.Number)
		if err != nil {
			return err
		}
		return t.startStep(buildID, out.Step)
	})
	return out, s.wrapRow(err, "start step %s of build %d", out.Step, buildID)
}

// FinishTry ends a try of a step; see store.Tries.
func (s *Store) FinishTry(ctx context.Context, try course.Try, o course.Outcome, message string) error {
	err := s.write(ctx, quick, func(t *tx) error {
		if err := t.checkTry(try); err != nil {
			return err
		}
		return t.finishStep(try.BuildID, store.CleanText(try.Step), o, message)
	})
	return s.wrapRow(err, "finish step %s of build %d", try.Step, try.BuildID)
}

// checkTry locks the build's row; an error of kind course.ErrConflict is for a
// try that does not count any more.
func (t *tx) checkTry(try course.Try) error {
	var newest, appends int64
	if err := t.row("SELECT tries, appends FROM builds WHERE id = $1 FOR NO KEY UPDATE", try.BuildID).Scan(&newest, &appends); err != nil {
		return err
	}
	return store.CheckTry(try, newest, appends)
}

// RecordTryFacts saves what a try has learnt; see store.Tries.
func (s *Store) RecordTryFacts(ctx context.Context, try course.Try, f course.Facts) error {
	err := s.write(ctx, durable, func(t *tx) error {
		if err := t.checkTry(try); err != nil {
			return err
		}
		return t.recordFacts(try.BuildID, f)
	})
	return s.wrapRow(err, "record facts of build %d", try.BuildID)
}

// AppendTry adds to the log of a build; see store.Tries.
func (s *Store) AppendTry(ctx context.Context, try course.Try, a course.LogAppend) error {
	err := store.CheckAppend(a)
	if err == nil {
		err = s.write(ctx, quick, func(t *tx) error { return t.appendTry(try, a, s.caps) })
	}
	return s.wrapRow(err, "append to the log of build %d", try.BuildID)
}

func (t *tx) appendTry(try course.Try, a course.LogAppend, caps store.LogCaps) error {
	l, err := t.lockLog(try.BuildID)
	if err == nil {
		err = store.CheckTry(try, l.tries, l.appends)
	}
	if err != nil || a.Number > 0 && a.Number <= l.appends {
		return err
	}
	if a.Mark != "" || a.Number > 0 {
		_, err = t.exec("UPDATE builds SET mark = coalesce(nullif($1, ''), mark), appends = greatest(appends, $2) WHERE id = $3", a.Mark, a.Number, try.BuildID)
	}
	if err != nil {
		return err
	}
	return t.appendLog(l, a.Text, caps)
}

// Mark gives a build's mark; see store.Tries.
func (s *Store) Mark(ctx context.Context, buildID int64) (string, error) {
	mark, err := one(ctx, s, func(row pgx.Row) (mark string, err error) {
		err = row.Scan(&mark)
		return mark, err
	}, "SELECT mark FROM builds WHERE id = $1", buildID)
	return mark, s.wrapRow(err, "mark of build %d", buildID)
}
