package sqlite

import "context"

// HoldCourse notes the host that may run something of a course; see store.Holds.
func (s *Store) HoldCourse(ctx context.Context, key, host, gone string) (holder string, err error) {
	err = s.durable.tx(ctx, func(t *tx) error {
		if err := t.row("SELECT held_by FROM courses WHERE key = ?", key).Scan(&holder); err != nil {
			return err
		}
		if holder == host || holder != "" && holder != gone {
			return nil
		}
		holder = host
		_, err := t.exec("UPDATE courses SET held_by = ? WHERE key = ?", host, key)
		return err
	})
	return holder, s.wrapRow(err, "hold course %s", key)
}

// ReleaseCourse ends the hold of a host; see store.Holds.
func (s *Store) ReleaseCourse(ctx context.Context, key, host string) error {
	err := s.quick.tx(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE courses SET held_by = '' WHERE key = ? AND held_by = ?", key, host)
		return err
	})
	return s.wrap(err, "release course %s", key)
}

// LeftCourses lists what a host holds and does not build; see store.Holds.
func (s *Store) LeftCourses(ctx context.Context, host string) ([]string, error) {
	var out []string
	err := s.read.rows(ctx, func(row rowScanner) error {
		var key string
		err := row.Scan(&key)
		out = append(out, key)
		return err
	}, `SELECT key FROM courses c WHERE held_by = ? AND held_by <> '' AND NOT EXISTS (
			SELECT 1 FROM builds b WHERE b.course_id = c.id AND b.status = 'RUNNING' AND b.host = c.held_by
		) ORDER BY key`, host)
	return out, s.wrap(err, "courses that host %s holds", host)
}
