package sqlite

import (
	"context"
	"encoding/json"
	"errors"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// errDryRun rolls back a transaction that was only tried.
var errDryRun = errors.New("nothing is kept")

// TakeOver takes a course over from another service; see store.Takeovers.
func (s *Store) TakeOver(ctx context.Context, t course.Takeover, dryRun bool) (course.TakeoverResult, error) {
	var out course.TakeoverResult
	err := s.durable.tx(ctx, func(tx *tx) error {
		var err error
		out, err = store.TakeOver(takeoverTx{tx, s.caps, s.nowMicros()}, t)
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
	now  int64
}

func (t takeoverTx) Taken(source string, id int64) (m store.TakenCourse, ok bool, err error) {
	ok, err = t.found([]any{&m.CourseID, &m.Fields},
		"SELECT course_id, fields FROM takeovers WHERE source = ? AND source_id = ?", source, id)
	return m, ok, err
}

func (t takeoverTx) SaveTaken(source string, id int64, m store.TakenCourse) error {
	_, err := t.exec(`INSERT INTO takeovers (source, source_id, course_id, fields) VALUES (?, ?, ?, ?)
		ON CONFLICT (source, source_id) DO UPDATE SET course_id = excluded.course_id, fields = excluded.fields`,
		source, id, m.CourseID, m.Fields)
	return err
}

func (t takeoverTx) CourseByID(id int64) (course.Course, bool, error) {
	c, err := scanCourse(t.row("SELECT "+courseColumns+" FROM courses WHERE id = ?", id))
	ok, err := found(err)
	return c, ok, err
}

func (t takeoverTx) InsertCourse(c course.Course) (course.Course, error) {
	return t.insertCourse(c, t.now)
}

func (t takeoverTx) ReplaceCourse(c course.Course) (course.Course, error) { return t.replaceCourse(c) }

func (t takeoverTx) TakenBuilds(source string, courseID int64) (map[int64]store.TakenRow, error) {
	var text string
	err := t.row(`SELECT coalesce(json_group_array(json_array(source_id, build_id, open)), '[]')
		FROM takeover_builds WHERE source = ? AND source_course = ?`, source, courseID).Scan(&text)
	if err != nil {
		return nil, err
	}
	var rows [][3]int64
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, err
	}
	out := make(map[int64]store.TakenRow, len(rows))
	for _, r := range rows {
		out[r[0]] = store.TakenRow{BuildID: r[1], Open: r[2] != 0}
	}
	return out, nil
}

func (t takeoverTx) InsertBuild(b course.TakenBuild) (int64, error) {
	if b.ID != 0 {
		if _, err := t.exec("DELETE FROM builds WHERE id = ?", b.ID); err != nil {
			return 0, err
		}
	}
	var id int64
	err := t.row(`INSERT INTO builds (id, course_id, status, skip_git, skip_build, skip_notify, rebuild_all,
			build_image, build_command, requested_by, request_ip, requested_at,
			started_at, finished_at, commit_hash, version, reason)
		VALUES (nullif(?, 0), ?, ?, 0, 0, 0, 0, '', '', ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		b.ID, b.CourseID, b.Status, b.Trigger, b.RequestIP, toMicros(b.RequestedAt),
		toMicros(b.StartedAt), toMicros(b.FinishedAt), b.Commit, b.Version, b.Reason).Scan(&id)
	if err != nil || b.Log == "" {
		return id, err
	}
	return id, t.appendLog(id, b.Log, t.caps)
}

func (t takeoverTx) SaveTakenBuild(source string, courseID, buildID int64, r store.TakenRow) error {
	_, err := t.exec(`INSERT INTO takeover_builds (source, source_course, source_id, build_id, open) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (source, source_course, source_id) DO UPDATE SET build_id = excluded.build_id, open = excluded.open`,
		source, courseID, buildID, r.BuildID, r.Open)
	return err
}
