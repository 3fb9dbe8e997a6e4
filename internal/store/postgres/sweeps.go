package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// BeginSweep takes the next turn of the sweeper; see store.Sweeps. A turn that
// seems to lie ahead was taken before the database's clock was set back. The clock is
// read again under the row's lock: excluded.begun_at is as old as the wait for it, and
// a turn that was taken meanwhile would seem to lie ahead.
func (s *Store) BeginSweep(ctx context.Context, by string, every time.Duration) (bool, error) {
	var ok bool
	err := s.write(ctx, quick, func(t *tx) error {
		n, err := t.exec(`INSERT INTO sweeps (id, begun_at, begun_by) VALUES (1, clock_timestamp(), $1)
			ON CONFLICT (id) DO UPDATE SET begun_at = clock_timestamp(), begun_by = excluded.begun_by
			WHERE sweeps.begun_at <= clock_timestamp() - make_interval(secs => $2) OR sweeps.begun_at > clock_timestamp()`,
			store.CleanText(by), every.Seconds())
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
	err = s.write(ctx, quick, func(t *tx) error {
		_, err := t.exec(`INSERT INTO sweeps (id, begun_at, begun_by, ended_at, report) VALUES (1, clock_timestamp(), $1, clock_timestamp(), $2)
			ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, report = excluded.report`, store.CleanText(w.By), text)
		return err
	})
	return s.wrap(err, "record a sweep")
}

// LastSweep gives the latest sweep; see store.Sweeps.
func (s *Store) LastSweep(ctx context.Context) (course.Sweep, error) {
	scan := func(row pgx.Row) (course.Sweep, error) {
		var at time.Time
		var text string
		if err := row.Scan(moment{&at}, &text); err != nil {
			return course.Sweep{}, err
		}
		out, err := store.DecodeSweep(text)
		out.EndedAt = at
		return out, err
	}
	out, err := one(ctx, s, scan, "SELECT ended_at, report FROM sweeps WHERE ended_at IS NOT NULL")
	return out, s.wrapRow(err, "latest sweep")
}

// RecordClosing notes a build that a sweep has closed; see store.Sweeps.
func (s *Store) RecordClosing(ctx context.Context, c course.Closing) error {
	err := s.write(ctx, quick, func(t *tx) error {
		var id int64
		err := t.row(`INSERT INTO closings (at, course, build_id, reason) VALUES (clock_timestamp(), $1, $2, $3) RETURNING id`,
			store.CleanText(c.Course), c.BuildID, store.CleanText(c.Reason)).Scan(&id)
		if err != nil {
			return err
		}
		_, err = t.exec("DELETE FROM closings WHERE id <= $1", id-course.KeptClosings)
		return err
	})
	return s.wrap(err, "note that build %d was closed", c.BuildID)
}

// ListClosings gives a page of the builds that sweeps have closed; see store.Sweeps.
func (s *Store) ListClosings(ctx context.Context, p course.Page) ([]course.Closing, error) {
	scan := func(row pgx.Row) (course.Closing, error) {
		var c course.Closing
		err := row.Scan(&c.ID, moment{&c.At}, &c.Course, &c.BuildID, &c.Reason)
		return c, err
	}
	list, err := all(ctx, s, scan, "SELECT id, at, course, build_id, reason FROM closings WHERE id < $1 ORDER BY id DESC LIMIT $2",
		before(p), max(p.Limit, 1))
	return list, s.wrap(err, "list the builds that sweeps have closed")
}
