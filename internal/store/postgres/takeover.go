package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// errDryRun rolls back a transaction that was only tried.
var errDryRun = errors.New("nothing is kept")

// TakeOver takes a course over from another service; see store.Takeovers.
func (s *Store) TakeOver(ctx context.Context, t course.Takeover, dryRun bool) (course.TakeoverResult, error) {
	var out course.TakeoverResult
	err := s.write(ctx, durable, func(tx *tx) error {
		var err error
		out, err = store.TakeOver(takeoverTx{tx, s.caps}, t)
		if err == nil && dryRun {
			return errDryRun
		}
		return err
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return course.TakeoverResult{}, s.wrap(err, "take over course %s", t.Course.Key)
	}
	return out, nil
}

// takeoverTx is the database's half of store.TakeOver.
type takeoverTx struct {
	*tx
	caps store.LogCaps
}

func (t takeoverTx) Taken(source string, id int64) (m store.TakenCourse, ok bool, err error) {
	ok, err = t.found([]any{&m.CourseID, &m.Fields},
		"SELECT course_id, fields FROM takeovers WHERE source = $1 AND source_id = $2 FOR UPDATE", source, id)
	return m, ok, err
}

func (t takeoverTx) SaveTaken(source string, id int64, m store.TakenCourse) error {
	_, err := t.exec(`INSERT INTO takeovers (source, source_id, course_id, fields) VALUES ($1, $2, $3, $4)
		ON CONFLICT (source, source_id) DO UPDATE SET course_id = excluded.course_id, fields = excluded.fields`,
		source, id, m.CourseID, m.Fields)
	return err
}

func (t takeoverTx) CourseByID(id int64) (course.Course, bool, error) {
	c, err := scanCourse(t.row("SELECT "+courseColumns+" FROM courses WHERE id = $1 FOR UPDATE", id))
	if errors.Is(err, pgx.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, err
}

func (t takeoverTx) InsertCourse(c course.Course) (course.Course, error) { return t.insertCourse(c) }

func (t takeoverTx) ReplaceCourse(c course.Course) (course.Course, error) { return t.replaceCourse(c) }

func (t takeoverTx) TakenBuilds(source string, courseID int64) (map[int64]store.TakenRow, error) {
	rows, err := t.pgx.Query(t.ctx, "SELECT source_id, build_id, open FROM takeover_builds WHERE source = $1 AND source_course = $2",
		source, courseID)
	if err != nil {
		return nil, err
	}
	out := map[int64]store.TakenRow{}
	var id int64
	var r store.TakenRow
	_, err = pgx.ForEachRow(rows, []any{&id, &r.BuildID, &r.Open}, func() error { out[id] = r; return nil })
	return out, err
}

func (t takeoverTx) InsertBuild(b course.TakenBuild) (int64, error) {
	if b.ID != 0 {
		if _, err := t.exec("DELETE FROM builds WHERE id = $1", b.ID); err != nil {
			return 0, err
		}
	}
	var id int64
	err := t.row(`INSERT INTO builds (id, course_id, status, skip_git, skip_build, skip_notify, rebuild_all,
			build_image, build_command, requested_by, request_ip, requested_at,
			started_at, finished_at, commit_hash, version, reason)
		VALUES (coalesce(nullif($1::bigint, 0), nextval(pg_get_serial_sequence('builds', 'id'))),
			$2, $3, false, false, false, false, '', '', $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id`,
		b.ID, b.CourseID, b.Status, b.Trigger, b.RequestIP, b.RequestedAt,
		orNull(b.StartedAt), orNull(b.FinishedAt), b.Commit, b.Version, b.Reason).Scan(&id)
	if err != nil || b.Log == "" {
		return id, err
	}
	return id, t.appendLog(lockedLog{build: id}, b.Log, t.caps)
}

func (t takeoverTx) SaveTakenBuild(source string, courseID, buildID int64, r store.TakenRow) error {
	_, err := t.exec(`INSERT INTO takeover_builds (source, source_course, source_id, build_id, open) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (source, source_course, source_id) DO UPDATE SET build_id = excluded.build_id, open = excluded.open`,
		source, courseID, buildID, r.BuildID, r.Open)
	return err
}
