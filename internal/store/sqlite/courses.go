package sqlite

import (
	"context"
	"fmt"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

const courseColumns = `id, key, remote_id, git_origin, git_branch, update_hook, email_on_error,
	update_automatically, skip_build_failsafes, webhook_secret, created_at, build_host,
	old_secret, old_secret_until, revision, approve_removals, preview_branches`

func scanCourse(row rowScanner) (course.Course, error) {
	var c course.Course
	var created, until int64
	err := row.Scan(&c.ID, &c.Key, &c.RemoteID, &c.GitOrigin, &c.GitBranch, &c.UpdateHook, &c.EmailOnError,
		&c.UpdateAutomatically, &c.SkipBuildFailsafes, &c.WebhookSecret, &created, &c.BuildHost,
		&c.OldSecret, &until, &c.Revision, &c.ApproveRemovals, &c.PreviewBranches)
	c.CreatedAt, c.OldSecretUntil = fromMicros(created), fromMicros(until)
	return c, err
}

// CreateCourse saves a new course; see store.Courses.
func (s *Store) CreateCourse(ctx context.Context, c course.Course) (course.Course, error) {
	var out course.Course
	err := s.durable.tx(ctx, func(t *tx) error {
		var err error
		out, err = t.insertCourse(c, s.nowMicros())
		return err
	})
	if err != nil {
		return course.Course{}, s.wrap(err, "create course %s", c.Key)
	}
	return out, nil
}

func (t *tx) insertCourse(c course.Course, now int64) (course.Course, error) {
	if c.WebhookSecret == "" {
		c.WebhookSecret = course.NewSecret()
	}
	if err := t.checkUnique(c, 0); err != nil {
		return course.Course{}, err
	}
	return scanCourse(t.row(`INSERT INTO courses (key, remote_id, git_origin, git_branch, update_hook,
			email_on_error, update_automatically, skip_build_failsafes, webhook_secret, created_at, build_host,
			old_secret, old_secret_until, approve_removals, preview_branches)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING `+courseColumns,
		c.Key, c.RemoteID, c.GitOrigin, c.GitBranch, c.UpdateHook,
		c.EmailOnError, c.UpdateAutomatically, c.SkipBuildFailsafes, c.WebhookSecret, now, c.BuildHost,
		c.OldSecret, toMicros(c.OldSecretUntil), c.ApproveRemovals, c.PreviewBranches))
}

// checkUnique names every field of c that belongs to a course other than the
// one with the id self. The transaction's lock keeps the answer true.
func (t *tx) checkUnique(c course.Course, self int64) error {
	taken := &course.FieldErrors{Kind: course.ErrConflict}
	var id int64
	ok, err := t.found([]any{&id}, "SELECT id FROM courses WHERE key = ? AND id <> ?", c.Key, self)
	if err != nil {
		return err
	}
	if ok {
		taken.Fields = append(taken.Fields, course.FieldError{Field: "key", Message: "A course with this key exists already."})
	}
	ok, err = t.found([]any{&id}, "SELECT id FROM courses WHERE remote_id = ? AND id <> ?", c.RemoteID, self)
	if err != nil {
		return err
	}
	if ok {
		taken.Fields = append(taken.Fields, course.FieldError{Field: "remote_id", Message: "A course with this remote id exists already."})
	}
	if len(taken.Fields) > 0 {
		return taken
	}
	return nil
}

// Course finds a course by key; see store.Courses.
func (s *Store) Course(ctx context.Context, key string) (course.Course, error) {
	c, err := scanCourse(s.read.row(ctx, "SELECT "+courseColumns+" FROM courses WHERE key = ?", key))
	return c, s.wrapRow(err, "course %s", key)
}

// CourseByRemoteID finds a course by its id in A+; see store.Courses.
func (s *Store) CourseByRemoteID(ctx context.Context, id int64) (course.Course, error) {
	c, err := scanCourse(s.read.row(ctx, "SELECT "+courseColumns+" FROM courses WHERE remote_id = ?", id))
	return c, s.wrapRow(err, "course with remote id %d", id)
}

// ListCourses gives a page of courses; see store.Courses.
func (s *Store) ListCourses(ctx context.Context, p course.Page) ([]course.Course, error) {
	return s.SearchCourses(ctx, course.Filter{}, p)
}

// searchedOrigin is the origin without user and password, as far as it is
// searched.
const searchedOrigin = `CASE WHEN git_origin LIKE 'http%@%' THEN substr(git_origin, 8 + instr(substr(git_origin, 9), '/')) ELSE git_origin END`

// SearchCourses gives a page of the chosen courses; see store.Courses.
func (s *Store) SearchCourses(ctx context.Context, f course.Filter, p course.Page) ([]course.Course, error) {
	where := "WHERE id < ?1"
	if store.TooLongToFind(f.Text) {
		return nil, nil
	}
	if f.Text != "" {
		where += ` AND (key LIKE ?2 ESCAPE '\' OR git_branch LIKE ?2 ESCAPE '\' OR ` + searchedOrigin + ` LIKE ?2 ESCAPE '\')`
	}
	if f.Status != "" {
		where += ` AND ?3 = (SELECT n.status FROM builds n WHERE n.course_id = courses.id AND n.status <> 'SKIPPED' AND n.preview_branch = '' ORDER BY n.id DESC LIMIT 1)`
	}
	var out []course.Course
	err := s.read.rows(ctx, func(row rowScanner) error {
		c, err := scanCourse(row)
		out = append(out, c)
		return err
	}, "SELECT "+courseColumns+" FROM courses "+where+" ORDER BY id DESC LIMIT ?4",
		before(p), store.LikePattern(f.Text), f.Status, max(p.Limit, 1))
	if err != nil {
		return nil, s.wrap(err, "list courses")
	}
	return out, nil
}

// UpdateCourse replaces the fields of a course; see store.Courses.
func (s *Store) UpdateCourse(ctx context.Context, c course.Course) (course.Course, error) {
	var out course.Course
	err := s.durable.tx(ctx, func(t *tx) error {
		var revision int64
		if err := t.row("SELECT revision FROM courses WHERE id = ?", c.ID).Scan(&revision); err != nil {
			return err
		}
		if c.Revision != 0 && c.Revision != revision {
			return course.ErrStale
		}
		var err error
		out, err = t.replaceCourse(c)
		return err
	})
	if err != nil {
		return course.Course{}, s.wrapRow(err, "update course %s", c.Key)
	}
	return out, nil
}

func (t *tx) replaceCourse(c course.Course) (course.Course, error) {
	if err := t.checkUnique(c, c.ID); err != nil {
		return course.Course{}, err
	}
	return scanCourse(t.row(`UPDATE courses SET key = ?, remote_id = ?, git_origin = ?, git_branch = ?,
			update_hook = ?, email_on_error = ?, update_automatically = ?, skip_build_failsafes = ?,
			webhook_secret = ?, old_secret = ?, old_secret_until = ?, approve_removals = ?, preview_branches = ?,
			revision = revision + 1
		WHERE id = ? RETURNING `+courseColumns,
		c.Key, c.RemoteID, c.GitOrigin, c.GitBranch,
		c.UpdateHook, c.EmailOnError, c.UpdateAutomatically, c.SkipBuildFailsafes,
		c.WebhookSecret, c.OldSecret, toMicros(c.OldSecretUntil), c.ApproveRemovals, c.PreviewBranches, c.ID))
}

// DeleteCourse removes a course with all its builds; see store.Courses.
func (s *Store) DeleteCourse(ctx context.Context, key string) error {
	err := s.durable.tx(ctx, func(t *tx) error {
		var id int64
		if err := t.row("SELECT id FROM courses WHERE key = ?", key).Scan(&id); err != nil {
			return err
		}
		var build int64
		running, err := t.found([]any{&build}, "SELECT id FROM builds WHERE course_id = ? AND status = 'RUNNING'", id)
		if err != nil {
			return err
		}
		if running {
			return fmt.Errorf("its build %d is running; cancel it or wait for its end: %w", build, course.ErrConflict)
		}
		_, err = t.exec("DELETE FROM courses WHERE id = ?", id)
		return err
	})
	return s.wrapRow(err, "delete course %s", key)
}

// SetBuildHost remembers where the working copy is; see store.Courses.
func (s *Store) SetBuildHost(ctx context.Context, courseID int64, host string) error {
	err := s.quick.tx(ctx, func(t *tx) error {
		var id int64
		return t.row("UPDATE courses SET build_host = ? WHERE id = ? RETURNING id", host, courseID).Scan(&id)
	})
	return s.wrapRow(err, "set build host of course %d", courseID)
}
