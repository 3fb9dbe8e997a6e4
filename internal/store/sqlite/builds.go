package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

const buildColumns = `b.id, b.course_id, c.key, b.status, b.skip_git, b.skip_build, b.skip_notify,
	b.rebuild_all, b.build_image, b.build_command, b.requested_by, b.request_ip, b.requested_at,
	b.started_at, b.finished_at, b.commit_hash, b.version, b.reason, b.host, b.run_id, b.author, b.subject, b.changes, b.trace, b.preview_branch`

const selectBuilds = "SELECT " + buildColumns + " FROM builds b JOIN courses c ON c.id = b.course_id "

// pruneBatch is how many builds one transaction deletes: a build's log has
// megabytes, and a push that arrives should not wait for many of them.
const pruneBatch = 10

func scanBuild(row rowScanner) (course.Build, error) {
	var b course.Build
	var requested, started, finished int64
	var changes string
	o := &b.Options
	err := row.Scan(&b.ID, &b.CourseID, &b.CourseKey, &b.Status, &o.SkipGit, &o.SkipBuild, &o.SkipNotify,
		&o.RebuildAll, &o.BuildImage, &o.BuildCommand, &b.Trigger, &b.RequestIP, &requested,
		&started, &finished, &b.Commit, &b.Version, &b.Reason, &b.Host, &b.RunID, &b.Author, &b.Subject, &changes, &b.Trace,
		&o.PreviewBranch)
	if err == nil {
		b.Changes, err = store.DecodeChanges(changes)
	}
	b.RequestedAt, b.StartedAt, b.FinishedAt = fromMicros(requested), fromMicros(started), fromMicros(finished)
	return b, err
}

// builds runs a query that begins with selectBuilds.
func (s *Store) builds(ctx context.Context, query string, args ...any) ([]course.Build, error) {
	var out []course.Build
	err := s.read.rows(ctx, func(row rowScanner) error {
		b, err := scanBuild(row)
		out = append(out, b)
		return err
	}, query, args...)
	return out, err
}

func (t *tx) build(id int64) (course.Build, error) {
	return scanBuild(t.row(selectBuilds+"WHERE b.id = ?", id))
}

// RequestBuild records a PENDING build; see store.Builds.
func (s *Store) RequestBuild(ctx context.Context, key string, r course.BuildRequest) (course.Build, error) {
	var out course.Build
	o, now := r.Options, s.nowMicros()
	err := s.durable.tx(ctx, func(t *tx) error {
		id, err := t.requested(key, r, now)
		if err != nil {
			return err
		}
		if id != 0 {
			out, err = t.build(id)
			return err
		}
		err = t.row(`INSERT INTO builds (course_id, status, skip_git, skip_build, skip_notify, rebuild_all,
				build_image, build_command, requested_by, request_ip, trace, preview_branch, requested_at)
			SELECT id, 'PENDING', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM courses WHERE key = ? RETURNING id`,
			o.SkipGit, o.SkipBuild, o.SkipNotify, o.RebuildAll,
			store.CleanText(o.BuildImage), store.CleanText(o.BuildCommand), r.Trigger,
			store.CutRequestIP(r.RequestIP), store.CleanText(r.Trace), store.CleanText(o.PreviewBranch), now, key).Scan(&id)
		if err != nil {
			return err
		}
		if r.Delivery != nil {
			if _, err := t.deliver(key, *r.Delivery, id, now); err != nil {
				return err
			}
		}
		if err := t.remember(id, r, now); err != nil {
			return err
		}
		out, err = t.build(id)
		return err
	})
	if err != nil {
		return course.Build{}, s.wrapRow(err, "request build of course %s", key)
	}
	return out, nil
}

// ClaimBuild gives a workflow run its next build; see store.Builds.
func (s *Store) ClaimBuild(ctx context.Context, key, runID string, alive func(context.Context) error) (course.Build, bool, error) {
	if runID == "" {
		return course.Build{}, false, fmt.Errorf("claim build of course %s: no run id is given: %w", key, course.ErrInvalid)
	}
	var out course.Build
	var ok bool
	err := s.durable.tx(ctx, func(t *tx) error {
		id, err := t.claim(key, runID, s.nowMicros(), alive)
		if err != nil || id == 0 {
			return err
		}
		ok = true
		out, err = t.build(id)
		return err
	})
	if err != nil {
		return course.Build{}, false, s.wrap(err, "claim build of course %s", key)
	}
	return out, ok, nil
}

// claim gives the id of the build that is claimed, 0 for none.
func (t *tx) claim(key, runID string, now int64, alive func(context.Context) error) (int64, error) {
	var courseID, running int64
	var owner string
	ok, err := t.found([]any{&courseID}, "SELECT id FROM courses WHERE key = ?", key)
	if err != nil || !ok {
		return 0, err
	}
	ok, err = t.found([]any{&running, &owner}, "SELECT id, run_id FROM builds WHERE course_id = ? AND status = 'RUNNING'", courseID)
	if err != nil {
		return 0, err
	}
	if ok && owner == runID {
		return running, nil
	}
	if wanted, err := t.wanted(courseID, alive); err != nil || !wanted {
		return 0, err
	}
	if ok {
		lost := course.BuildResult{Status: course.StatusFailed, Reason: store.LostReason(owner)}
		if _, err := t.finish(running, lost, now); err != nil {
			return 0, err
		}
	}
	return t.claimNewest(courseID, runID, now)
}

// wanted says whether a course has a build to claim or to close. Only then alive is
// asked, since others wait for its answer.
func (t *tx) wanted(courseID int64, alive func(context.Context) error) (bool, error) {
	var open bool
	err := t.row("SELECT EXISTS (SELECT 1 FROM builds WHERE course_id = ? AND status IN ('PENDING', 'RUNNING'))", courseID).Scan(&open)
	if err != nil || !open || alive == nil {
		return open, err
	}
	return true, alive(t.ctx)
}

// claimNewest starts the newest pending build of a course, or of one branch that
// is previewed when there is none of the course, and skips the older.
func (t *tx) claimNewest(courseID int64, runID string, now int64) (int64, error) {
	var count, newest int64
	var rebuildAll bool
	var branch string
	err := t.row(`SELECT count(*), coalesce(max(id), 0), coalesce(max(rebuild_all), 0), coalesce(max(preview_branch), '')
		FROM builds WHERE course_id = ?1 AND status = 'PENDING' AND preview_branch = (
			SELECT preview_branch FROM builds WHERE course_id = ?1 AND status = 'PENDING' ORDER BY preview_branch <> '', id LIMIT 1)`,
		courseID).Scan(&count, &newest, &rebuildAll, &branch)
	if err != nil || count == 0 {
		return 0, err
	}
	if count > 1 {
		_, err := t.exec(`UPDATE builds SET status = 'SKIPPED', finished_at = ?, reason = ?
			WHERE course_id = ? AND status = 'PENDING' AND preview_branch = ? AND id < ?`,
			now, store.ReplacedReason(newest), courseID, branch, newest)
		if err != nil {
			return 0, err
		}
	}
	_, err = t.exec("UPDATE builds SET status = 'RUNNING', run_id = ?, started_at = ?, rebuild_all = ? WHERE id = ?",
		runID, now, rebuildAll, newest)
	return newest, err
}

// RecordFacts saves what a running build has learnt; see store.Builds.
func (s *Store) RecordFacts(ctx context.Context, id int64, f course.Facts) error {
	err := s.quick.tx(ctx, func(t *tx) error { return t.recordFacts(id, f) })
	return s.wrapRow(err, "record facts of build %d", id)
}

func (t *tx) recordFacts(id int64, f course.Facts) error {
	changes, err := store.EncodeChanges(f.Changes)
	if err != nil {
		return err
	}
	n, err := t.exec(`UPDATE builds SET host = coalesce(nullif(?, ''), host),
			commit_hash = coalesce(nullif(?, ''), commit_hash), version = coalesce(nullif(?, ''), version),
			author = coalesce(nullif(?, ''), author), subject = coalesce(nullif(?, ''), subject),
			changes = coalesce(nullif(?, ''), changes)
		WHERE id = ? AND status = 'RUNNING'`,
		store.CleanText(f.Host), store.CleanText(f.Commit), store.CleanText(f.Version),
		store.CleanText(f.Author), store.CleanText(f.Subject), changes, id)
	if err != nil || n > 0 {
		return err
	}
	return t.checkBuild(id)
}

// checkBuild gives sql.ErrNoRows when there is no such build.
func (t *tx) checkBuild(id int64) error {
	return t.row("SELECT id FROM builds WHERE id = ?", id).Scan(&id)
}

// FinishBuild gives a build its final status, once; see store.Builds.
func (s *Store) FinishBuild(ctx context.Context, id int64, r course.BuildResult) (bool, error) {
	if !store.Ends(r.Status) {
		return false, fmt.Errorf("finish build %d: %q is not a final status: %w", id, r.Status, course.ErrInvalid)
	}
	var ended bool
	err := s.durable.tx(ctx, func(t *tx) error {
		var err error
		ended, err = t.finish(id, r, s.nowMicros())
		if err != nil || ended {
			return err
		}
		return t.checkBuild(id)
	})
	return ended && err == nil, s.wrapRow(err, "finish build %d", id)
}

// finish ends a build and its open steps unless it has ended before.
func (t *tx) finish(id int64, r course.BuildResult, now int64) (bool, error) {
	reason := store.CleanText(r.Reason)
	n, err := t.exec(`UPDATE builds SET status = ?, reason = ?, finished_at = ?
		WHERE id = ? AND status IN ('PENDING', 'RUNNING')`, r.Status, reason, now, id)
	if err != nil || n == 0 {
		return false, err
	}
	outcome := course.OutcomeFailed
	if r.Status == course.StatusSuccess {
		outcome = course.OutcomeOK
	}
	_, err = t.exec("UPDATE build_steps SET finished_at = ?, outcome = ?, message = ? WHERE build_id = ? AND finished_at = 0",
		now, outcome, reason, id)
	return err == nil, err
}

// Build finds a build with its steps; see store.Builds.
func (s *Store) Build(ctx context.Context, id int64) (course.Build, error) {
	b, err := scanBuild(s.read.row(ctx, selectBuilds+"WHERE b.id = ?", id))
	if err != nil {
		return course.Build{}, s.wrapRow(err, "build %d", id)
	}
	list := []course.Build{b}
	if err := s.addSteps(ctx, list); err != nil {
		return course.Build{}, s.wrap(err, "steps of build %d", id)
	}
	return list[0], nil
}

// ListBuilds gives a page of a course's builds; see store.Builds.
func (s *Store) ListBuilds(ctx context.Context, key string, p course.Page) ([]course.Build, error) {
	var courseID int64
	if err := s.read.row(ctx, "SELECT id FROM courses WHERE key = ?", key).Scan(&courseID); err != nil {
		return nil, s.wrapRow(err, "list builds of course %s", key)
	}
	list, err := s.builds(ctx, selectBuilds+"WHERE b.course_id = ? AND b.id < ? ORDER BY b.id DESC LIMIT ?",
		courseID, before(p), max(p.Limit, 1))
	if err == nil {
		err = s.addSteps(ctx, list)
	}
	if err != nil {
		return nil, s.wrap(err, "list builds of course %s", key)
	}
	return list, nil
}

// SearchBuilds gives a page of the chosen builds; see store.Builds.
func (s *Store) SearchBuilds(ctx context.Context, f course.BuildFilter, p course.Page) ([]course.Build, error) {
	statuses, err := json.Marshal(append([]course.Status{}, f.Statuses...))
	if err != nil {
		return nil, fmt.Errorf("search builds: %w", err)
	}
	ofCourse := "?2 = ''"
	if f.Course != "" {
		ofCourse = "b.course_id = (SELECT id FROM courses WHERE key = ?2)"
	}
	until := int64(math.MaxInt64)
	if !f.Until.IsZero() {
		until = toMicros(f.Until)
	}
	list, err := s.builds(ctx, selectBuilds+"WHERE b.id < ?1 AND "+ofCourse+`
		AND (?3 = '[]' OR b.status IN (SELECT value FROM json_each(?3))) AND (?4 = '' OR b.host = ?4)
		AND (?5 = '' OR b.requested_by = ?5) AND (?6 = '' OR substr(b.commit_hash, 1, length(?6)) = ?6)
		AND b.requested_at >= ?7 AND b.requested_at < ?8 ORDER BY b.id DESC LIMIT ?9`,
		before(p), f.Course, string(statuses), f.Host, f.Trigger, f.Commit, toMicros(f.Since), until, max(p.Limit, 1))
	if err == nil {
		err = s.addSteps(ctx, list)
	}
	if err != nil {
		return nil, s.wrap(err, "search builds")
	}
	return list, nil
}

// LatestBuilds gives each course's newest build that was not skipped; see
// store.Builds.
func (s *Store) LatestBuilds(ctx context.Context, courseIDs []int64) (map[int64]course.Build, error) {
	ids, err := json.Marshal(courseIDs)
	if err != nil {
		return nil, fmt.Errorf("latest builds: %w", err)
	}
	list, err := s.builds(ctx, selectBuilds+`WHERE b.id IN (
		SELECT (SELECT n.id FROM builds n WHERE n.course_id = j.value AND n.status <> 'SKIPPED' AND n.preview_branch = '' ORDER BY n.id DESC LIMIT 1)
		FROM json_each(?) j)`, string(ids))
	if err != nil {
		return nil, s.wrap(err, "latest builds")
	}
	out := make(map[int64]course.Build, len(list))
	for _, b := range list {
		out[b.CourseID] = b
	}
	return out, nil
}

// OpenBuilds lists builds that are not final; see store.Builds.
func (s *Store) OpenBuilds(ctx context.Context, limit int) ([]course.Build, error) {
	list, err := s.builds(ctx, selectBuilds+"WHERE b.status IN ('PENDING', 'RUNNING') ORDER BY b.id LIMIT ?", max(limit, 1))
	return list, s.wrap(err, "open builds")
}

// Building says whether a build of a course runs; see store.Builds.
func (s *Store) Building(ctx context.Context, key string) (bool, error) {
	var yes bool
	err := s.read.row(ctx, `SELECT EXISTS (SELECT 1 FROM builds WHERE status = 'RUNNING'
		AND course_id = (SELECT id FROM courses WHERE key = ?))`, key).Scan(&yes)
	return yes, s.wrap(err, "running build of course %s", key)
}

// EndedBuilds lists builds up to the newest success; see store.Builds.
func (s *Store) EndedBuilds(ctx context.Context, courseID, before int64) ([]course.Build, error) {
	list, err := s.builds(ctx, selectBuilds+`WHERE b.course_id = ?1 AND b.id < ?2 AND b.preview_branch = ''
		AND (b.status IN ('SUCCESS', 'FAILED') OR b.status = 'CANCELLED' AND b.started_at > 0)
		AND b.id >= coalesce((SELECT s.id FROM builds s WHERE s.course_id = ?1 AND s.id < ?2 AND s.status = 'SUCCESS' AND s.preview_branch = ''
			ORDER BY s.id DESC LIMIT 1), 0)
		ORDER BY b.id DESC`, courseID, before)
	return list, s.wrap(err, "ended builds of course %d", courseID)
}

// PruneBuilds deletes a course's old builds; see store.Builds.
func (s *Store) PruneBuilds(ctx context.Context, courseID int64, keep int) (int, error) {
	var gone int
	for {
		var n int64
		err := s.quick.tx(ctx, func(t *tx) error {
			var err error
			n, err = t.exec(`DELETE FROM builds WHERE id IN (
				SELECT id FROM builds WHERE course_id = ?1 AND status NOT IN ('PENDING', 'RUNNING')
				AND id NOT IN (SELECT id FROM builds WHERE course_id = ?1 AND preview_branch = '' ORDER BY id DESC LIMIT ?2)
				AND id NOT IN (SELECT id FROM builds WHERE course_id = ?1 AND preview_branch <> '' ORDER BY id DESC LIMIT ?2)
				ORDER BY id LIMIT ?3)`, courseID, max(keep, 0), pruneBatch)
			return err
		})
		gone += int(n)
		if err != nil || n < pruneBatch {
			return gone, s.wrap(err, "prune builds of course %d", courseID)
		}
	}
}
