package sqlite

import (
	"context"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// BeginSweep takes the next turn of the sweeper; see store.Sweeps. A turn that
// seems to lie ahead was taken before the clock was set back.
func (s *Store) BeginSweep(ctx context.Context, by string, every time.Duration) (bool, error) {
	var ok bool
	err := s.quick.tx(ctx, func(t *tx) error {
		n, err := t.exec(`INSERT INTO sweeps (id, begun_at, begun_by) VALUES (1, ?, ?)
			ON CONFLICT (id) DO UPDATE SET begun_at = excluded.begun_at, begun_by = excluded.begun_by
			WHERE sweeps.begun_at <= excluded.begun_at - ? OR sweeps.begun_at > excluded.begun_at`,
			s.nowMicros(), store.CleanText(by), every.Microseconds())
		ok = n == 1
		return err
	})
	return ok, s.wrap(err, "begin a sweep")
}

// RecordSweep tells of the latest sweep; see store.Sweeps.
func (s *Store) RecordSweep(ctx context.Context, w course.Sweep) error {
	text, err := store.EncodeSweep(w)
	if err != nil {
		return err
	}
	err = s.quick.tx(ctx, func(t *tx) error {
		now := s.nowMicros()
		_, err := t.exec(`INSERT INTO sweeps (id, begun_at, begun_by, ended_at, report) VALUES (1, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, report = excluded.report`,
			now, store.CleanText(w.By), now, text)
		return err
	})
	return s.wrap(err, "record a sweep")
}

// LastSweep gives the latest sweep; see store.Sweeps.
func (s *Store) LastSweep(ctx context.Context) (course.Sweep, error) {
	var at int64
	var text string
	err := s.read.row(ctx, "SELECT ended_at, report FROM sweeps WHERE ended_at <> 0").Scan(&at, &text)
	if err != nil {
		return course.Sweep{}, s.wrapRow(err, "latest sweep")
	}
	out, err := store.DecodeSweep(text)
	out.EndedAt = fromMicros(at)
	return out, err
}

// RecordClosing notes a build that a sweep has closed; see store.Sweeps.
func (s *Store) RecordClosing(ctx context.Context, c course.Closing) error {
	err := s.quick.tx(ctx, func(t *tx) error {
		var id int64
		err := t.row("INSERT INTO closings (at, course, build_id, reason) VALUES (?, ?, ?, ?) RETURNING id",
			s.nowMicros(), store.CleanText(c.Course), c.BuildID, store.CleanText(c.Reason)).Scan(&id)
		if err != nil {
			return err
		}
		_, err = t.exec("DELETE FROM closings WHERE id <= ?", id-course.KeptClosings)
		return err
	})
	return s.wrap(err, "note that build %d was closed", c.BuildID)
}

// ListClosings gives a page of the builds that sweeps have closed; see store.Sweeps.
func (s *Store) ListClosings(ctx context.Context, p course.Page) ([]course.Closing, error) {
	var out []course.Closing
	err := s.read.rows(ctx, func(row rowScanner) error {
		var c course.Closing
		var at int64
		err := row.Scan(&c.ID, &at, &c.Course, &c.BuildID, &c.Reason)
		c.At = fromMicros(at)
		out = append(out, c)
		return err
	}, "SELECT id, at, course, build_id, reason FROM closings WHERE id < ? ORDER BY id DESC LIMIT ?", before(p), max(p.Limit, 1))
	if err != nil {
		return nil, s.wrap(err, "list the builds that sweeps have closed")
	}
	return out, nil
}
