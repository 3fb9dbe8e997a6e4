package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

const courseColumns = `id, key, remote_id, git_origin, git_branch, update_hook, email_on_error,
	update_automatically, skip_build_failsafes, webhook_secret, created_at, build_host,
	old_secret, old_secret_until, revision, approve_removals, preview_branches`

func scanCourse(row pgx.Row) (course.Course, error) {
	var c course.Course
	err := row.Scan(&c.ID, &c.Key, &c.RemoteID, &c.GitOrigin, &c.GitBranch, &c.UpdateHook, &c.EmailOnError,
		&c.UpdateAutomatically, &c.SkipBuildFailsafes, &c.WebhookSecret, moment{&c.CreatedAt}, &c.BuildHost,
		&c.OldSecret, moment{&c.OldSecretUntil}, &c.Revision, &c.ApproveRemovals, &c.PreviewBranches)
	return c, err
}

// CreateCourse saves a new course; see store.Courses.
func (s *Store) CreateCourse(ctx context.Context, c course.Course) (course.Course, error) {
	var out course.Course
	err := s.write(ctx, durable, func(t *tx) error {
		var err error
		out, err = t.insertCourse(c)
		return err
	})
	if err != nil {
		return course.Course{}, s.wrap(err, "create course %s", c.Key)
	}
	return out, nil
}

func (t *tx) insertCourse(c course.Course) (course.Course, error) {
	if c.WebhookSecret == "" {
		c.WebhookSecret = course.NewSecret()
	}
	if err := t.checkUnique(c, 0); err != nil {
		return course.Course{}, err
	}
	out, err := scanCourse(t.row(`INSERT INTO courses (key, remote_id, git_origin, git_branch, update_hook,
			email_on_error, update_automatically, skip_build_failsafes, webhook_secret, created_at, build_host,
			old_secret, old_secret_until, approve_removals, preview_branches)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp(), $10, $11, $12, $13, $14) RETURNING `+courseColumns,
		c.Key, c.RemoteID, c.GitOrigin, c.GitBranch, c.UpdateHook,
		c.EmailOnError, c.UpdateAutomatically, c.SkipBuildFailsafes, c.WebhookSecret, c.BuildHost,
		c.OldSecret, orNull(c.OldSecretUntil), c.ApproveRemovals, c.PreviewBranches))
	return out, takenMeanwhile(err)
}

// takenMeanwhile has the transaction run again when another one has taken a key
// or remote id since they were checked: then the check names them.
func takenMeanwhile(err error) error {
	if codeOf(err) == codeUnique {
		return fmt.Errorf("%w: %w", errAgain, err)
	}
	return err
}

// checkUnique names every field of c that belongs to a course other than the
// one with the id self.
func (t *tx) checkUnique(c course.Course, self int64) error {
	taken := &course.FieldErrors{Kind: course.ErrConflict}
	var key, remote bool
	err := t.row(`SELECT EXISTS (SELECT 1 FROM courses WHERE key = $1 AND id <> $3),
		EXISTS (SELECT 1 FROM courses WHERE remote_id = $2 AND id <> $3)`, c.Key, c.RemoteID, self).Scan(&key, &remote)
	if err != nil {
		return err
	}
	if key {
		taken.Fields = append(taken.Fields, course.FieldError{Field: "key", Message: "A course with this key exists already."})
	}
	if remote {
		taken.Fields = append(taken.Fields, course.FieldError{Field: "remote_id", Message: "A course with this remote id exists already."})
	}
	if len(taken.Fields) > 0 {
		return taken
	}
	return nil
}

// Course finds a course by key; see store.Courses.
func (s *Store) Course(ctx context.Context, key string) (course.Course, error) {
	c, err := one(ctx, s, scanCourse, "SELECT "+courseColumns+" FROM courses WHERE key = $1", key)
	return c, s.wrapRow(err, "course %s", key)
}

// CourseByRemoteID finds a course by its id in A+; see store.Courses.
func (s *Store) CourseByRemoteID(ctx context.Context, id int64) (course.Course, error) {
	c, err := one(ctx, s, scanCourse, "SELECT "+courseColumns+" FROM courses WHERE remote_id = $1", id)
	return c, s.wrapRow(err, "course with remote id %d", id)
}

// ListCourses gives a page of courses; see store.Courses.
func (s *Store) ListCourses(ctx context.Context, p course.Page) ([]course.Course, error) {
	return s.SearchCourses(ctx, course.Filter{}, p)
}

// searchedOrigin is the origin without user and password, as far as it is
// searched.
const searchedOrigin = `CASE WHEN git_origin ILIKE 'http%@%' THEN substr(git_origin, 8 + strpos(substr(git_origin, 9), '/')) ELSE git_origin END`

// SearchCourses gives a page of the chosen courses; see store.Courses.
func (s *Store) SearchCourses(ctx context.Context, f course.Filter, p course.Page) ([]course.Course, error) {
	where, args := "WHERE id < $1", []any{before(p), max(p.Limit, 1)}
	with := func(condition string, arg any) {
		args = append(args, arg)
		where += " AND " + strings.ReplaceAll(condition, "$n", fmt.Sprintf("$%d", len(args)))
	}
	if store.TooLongToFind(f.Text) {
		return nil, nil
	}
	if f.Text != "" {
		with(`(key ILIKE $n ESCAPE '\' OR git_branch ILIKE $n ESCAPE '\' OR `+searchedOrigin+` ILIKE $n ESCAPE '\')`, store.LikePattern(f.Text))
	}
	if f.Status != "" {
		with(`$n = (SELECT n.status FROM builds n WHERE n.course_id = courses.id AND n.status <> 'SKIPPED' AND n.preview_branch = '' ORDER BY n.id DESC LIMIT 1)`, f.Status)
	}
	list, err := all(ctx, s, scanCourse, "SELECT "+courseColumns+" FROM courses "+where+" ORDER BY id DESC LIMIT $2", args...)
	return list, s.wrap(err, "list courses")
}

// lock takes the lock of a course's row, which orders what happens to the
// course. pgx.ErrNoRows when there is none.
func (t *tx) lock(key string) (id int64, err error) {
	err = t.row("SELECT id FROM courses WHERE key = $1 FOR NO KEY UPDATE", key).Scan(&id)
	return id, err
}

// UpdateCourse replaces the fields of a course; see store.Courses.
func (s *Store) UpdateCourse(ctx context.Context, c course.Course) (course.Course, error) {
	var out course.Course
	err := s.write(ctx, durable, func(t *tx) error {
		var revision int64
		if err := t.row("SELECT revision FROM courses WHERE id = $1 FOR UPDATE", c.ID).Scan(&revision); err != nil {
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

// replaceCourse is the work of UpdateCourse. The course's row is locked.
func (t *tx) replaceCourse(c course.Course) (course.Course, error) {
	if err := t.checkUnique(c, c.ID); err != nil {
		return course.Course{}, err
	}
	out, err := scanCourse(t.row(`UPDATE courses SET key = $1, remote_id = $2, git_origin = $3, git_branch = $4,
			update_hook = $5, email_on_error = $6, update_automatically = $7, skip_build_failsafes = $8,
			webhook_secret = $9, old_secret = $10, old_secret_until = $11, approve_removals = $13, preview_branches = $14, revision = revision + 1
		WHERE id = $12 RETURNING `+courseColumns,
		c.Key, c.RemoteID, c.GitOrigin, c.GitBranch,
		c.UpdateHook, c.EmailOnError, c.UpdateAutomatically, c.SkipBuildFailsafes,
		c.WebhookSecret, c.OldSecret, orNull(c.OldSecretUntil), c.ID, c.ApproveRemovals, c.PreviewBranches))
	return out, takenMeanwhile(err)
}

// DeleteCourse removes a course with all its builds; see store.Courses.
func (s *Store) DeleteCourse(ctx context.Context, key string) error {
	err := s.write(ctx, durable, func(t *tx) error {
		var id, build int64
		if err := t.row("SELECT id FROM courses WHERE key = $1 FOR UPDATE", key).Scan(&id); err != nil {
			return err
		}
		running, err := t.found([]any{&build}, "SELECT id FROM builds WHERE course_id = $1 AND status = 'RUNNING'", id)
		if err != nil {
			return err
		}
		if running {
			return fmt.Errorf("its build %d is running; cancel it or wait for its end: %w", build, course.ErrConflict)
		}
		_, err = t.exec("DELETE FROM courses WHERE id = $1", id)
		return err
	})
	return s.wrapRow(err, "delete course %s", key)
}

// SetBuildHost remembers where the working copy is; see store.Courses.
func (s *Store) SetBuildHost(ctx context.Context, courseID int64, host string) error {
	err := s.write(ctx, quick, func(t *tx) error {
		return t.row("UPDATE courses SET build_host = $1 WHERE id = $2 RETURNING id", host, courseID).Scan(&courseID)
	})
	return s.wrapRow(err, "set build host of course %d", courseID)
}
