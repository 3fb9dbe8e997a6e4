package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// HoldCourse notes the host that may run something of a course; see store.Holds. What
// is noted already costs no write to the disk.
func (s *Store) HoldCourse(ctx context.Context, key, host, gone string) (holder string, err error) {
	err = s.write(ctx, durable, func(t *tx) error {
		for {
			noted, err := t.found([]any{&holder}, `UPDATE courses SET held_by = $1
				WHERE key = $2 AND held_by <> $1 AND held_by IN ('', $3) RETURNING held_by`, host, key, gone)
			if err != nil || noted {
				return err
			}
			if err := t.row("SELECT held_by FROM courses WHERE key = $1", key).Scan(&holder); err != nil {
				return err
			}
			if holder == host || holder != "" && holder != gone {
				return nil
			} // else it was released between the two statements
		}
	})
	return holder, s.wrapRow(err, "hold course %s", key)
}

// ReleaseCourse ends the hold of a host; see store.Holds.
func (s *Store) ReleaseCourse(ctx context.Context, key, host string) error {
	err := s.write(ctx, quick, func(t *tx) error {
		_, err := t.exec("UPDATE courses SET held_by = '' WHERE key = $1 AND held_by = $2", key, host)
		return err
	})
	return s.wrap(err, "release course %s", key)
}

// LeftCourses lists what a host holds and does not build; see store.Holds.
func (s *Store) LeftCourses(ctx context.Context, host string) ([]string, error) {
	keys, err := all(ctx, s, func(row pgx.Row) (key string, err error) { err = row.Scan(&key); return key, err },
		`SELECT key FROM courses c WHERE held_by = $1 AND held_by <> '' AND NOT EXISTS (
			SELECT 1 FROM builds b WHERE b.course_id = c.id AND b.status = 'RUNNING' AND b.host = c.held_by
		) ORDER BY key COLLATE "C"`, host)
	return keys, s.wrap(err, "courses that host %s holds", host)
}
