package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

const selectBuilds = `SELECT b.id, b.course_id, c.key, b.status, b.skip_git, b.skip_build, b.skip_notify,
	b.rebuild_all, b.build_image, b.build_command, b.requested_by, b.request_ip, b.requested_at,
	b.started_at, b.finished_at, b.commit_hash, b.version, b.reason, b.host, b.run_id,
	b.author, b.subject, b.changes, b.trace, b.preview_branch
	FROM builds b JOIN courses c ON c.id = b.course_id `

// pruneBatch is how many builds one transaction deletes: a build's log has
// megabytes, and others should not wait for many of them.
const pruneBatch = 10

func scanBuild(row pgx.Row) (course.Build, error) {
	var b course.Build
	var changes string
	o := &b.Options
	err := row.Scan(&b.ID, &b.CourseID, &b.CourseKey, &b.Status, &o.SkipGit, &o.SkipBuild, &o.SkipNotify,
		&o.RebuildAll, &o.BuildImage, &o.BuildCommand, &b.Trigger, &b.RequestIP, moment{&b.RequestedAt},
		moment{&b.StartedAt}, moment{&b.FinishedAt}, &b.Commit, &b.Version, &b.Reason, &b.Host, &b.RunID,
		&b.Author, &b.Subject, &changes, &b.Trace,
		&o.PreviewBranch)
	if err == nil {
		b.Changes, err = store.DecodeChanges(changes)
	}
	return b, err
}

func (t *tx) build(id int64) (course.Build, error) {
	return scanBuild(t.row(selectBuilds+"WHERE b.id = $1", id))
}

// RequestBuild records a PENDING build; see store.Builds.
func (s *Store) RequestBuild(ctx context.Context, key string, r course.BuildRequest) (course.Build, error) {
	var out course.Build
	o := r.Options
	err := s.write(ctx, durable, func(t *tx) error {
		owner, err := t.lock(key)
		if err != nil {
			return err
		}
		id, err := t.requested(owner, r)
		if err != nil {
			return err
		}
		if id != 0 {
			out, err = t.build(id)
			return err
		}
		err = t.row(`INSERT INTO builds (course_id, status, skip_git, skip_build, skip_notify, rebuild_all,
				build_image, build_command, requested_by, request_ip, trace, preview_branch, requested_at)
			VALUES ($1, 'PENDING', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, clock_timestamp()) RETURNING id`,
			owner, o.SkipGit, o.SkipBuild, o.SkipNotify, o.RebuildAll,
			store.CleanText(o.BuildImage), store.CleanText(o.BuildCommand), r.Trigger,
			store.CutRequestIP(r.RequestIP), store.CleanText(r.Trace), store.CleanText(o.PreviewBranch)).Scan(&id)
		if err != nil {
			return err
		}
		if r.Delivery != nil {
			if _, err := t.deliver(owner, *r.Delivery, id); err != nil {
				return err
			}
		}
		if err := t.remember(owner, id, r); err != nil {
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

// RecordFacts saves what a running build has learnt; see store.Builds.
func (s *Store) RecordFacts(ctx context.Context, id int64, f course.Facts) error {
	err := s.write(ctx, durable, func(t *tx) error { return t.recordFacts(id, f) })
	return s.wrapRow(err, "record facts of build %d", id)
}

func (t *tx) recordFacts(id int64, f course.Facts) error {
	changes, err := store.EncodeChanges(f.Changes)
	if err != nil {
		return err
	}
	n, err := t.exec(`UPDATE builds SET host = coalesce(nullif($1, ''), host),
			commit_hash = coalesce(nullif($2, ''), commit_hash), version = coalesce(nullif($3, ''), version),
			author = coalesce(nullif($4, ''), author), subject = coalesce(nullif($5, ''), subject),
			changes = coalesce(nullif($6, ''), changes)
		WHERE id = $7 AND status = 'RUNNING'`,
		store.CleanText(f.Host), store.CleanText(f.Commit), store.CleanText(f.Version),
		store.CleanText(f.Author), store.CleanText(f.Subject), changes, id)
	if err != nil || n > 0 {
		return err
	}
	return t.checkBuild(id)
}

// lockBuild takes the lock of a build's row, which orders what happens to its
// steps and its log, and gives its course. pgx.ErrNoRows when there is none.
func (t *tx) lockBuild(id int64) (courseID int64, err error) {
	err = t.row("SELECT course_id FROM builds WHERE id = $1 FOR NO KEY UPDATE", id).Scan(&courseID)
	return courseID, err
}

// checkBuild gives pgx.ErrNoRows when there is no such build.
func (t *tx) checkBuild(id int64) error {
	return t.row("SELECT id FROM builds WHERE id = $1", id).Scan(&id)
}

// FinishBuild gives a build its final status, once; see store.Builds.
func (s *Store) FinishBuild(ctx context.Context, id int64, r course.BuildResult) (bool, error) {
	if !store.Ends(r.Status) {
		return false, fmt.Errorf("finish build %d: %q is not a final status: %w", id, r.Status, course.ErrInvalid)
	}
	var ended bool
	err := s.write(ctx, durable, func(t *tx) error {
		var err error
		if ended, err = t.finish(id, r); err != nil || ended {
			return err
		}
		return t.checkBuild(id)
	})
	return ended && err == nil, s.wrapRow(err, "finish build %d", id)
}

// finish ends a build and its open steps unless it has ended before.
func (t *tx) finish(id int64, r course.BuildResult) (bool, error) {
	reason := store.CleanText(r.Reason)
	var at time.Time
	ended, err := t.found([]any{&at}, `UPDATE builds SET status = $1, reason = $2, finished_at = clock_timestamp()
		WHERE id = $3 AND status IN ('PENDING', 'RUNNING') RETURNING finished_at`, r.Status, reason, id)
	if err != nil || !ended {
		return false, err
	}
	outcome := course.OutcomeFailed
	if r.Status == course.StatusSuccess {
		outcome = course.OutcomeOK
	}
	_, err = t.exec("UPDATE build_steps SET finished_at = $1, outcome = $2, message = $3 WHERE build_id = $4 AND finished_at IS NULL",
		at, outcome, reason, id)
	return err == nil, err
}

// Build finds a build with its steps; see store.Builds.
func (s *Store) Build(ctx context.Context, id int64) (course.Build, error) {
	b, err := one(ctx, s, scanBuild, selectBuilds+"WHERE b.id = $1", id)
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
	owner, err := one(ctx, s, scanID, "SELECT id FROM courses WHERE key = $1", key)
	if err != nil {
		return nil, s.wrapRow(err, "list builds of course %s", key)
	}
	list, err := all(ctx, s, scanBuild, selectBuilds+"WHERE b.course_id = $1 AND b.id < $2 ORDER BY b.id DESC LIMIT $3",
		owner, before(p), max(p.Limit, 1))
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
	where, args := "WHERE b.id < $1", []any{before(p), max(p.Limit, 1)}
	with := func(wanted bool, condition string, arg any) {
		if wanted {
			args = append(args, arg)
			where += fmt.Sprintf(" AND "+condition, len(args))
		}
	}
	with(f.Course != "", "b.course_id = (SELECT id FROM courses WHERE key = $%d)", store.CleanText(f.Course))
	with(len(f.Statuses) > 0, "b.status = ANY($%d)", f.Statuses)
	with(f.Host != "", "b.host = $%d", store.CleanText(f.Host))
	with(f.Trigger != "", "b.requested_by = $%d", f.Trigger)
	with(f.Commit != "", "starts_with(b.commit_hash, $%d)", store.CleanText(f.Commit))
	with(!f.Since.IsZero(), "b.requested_at >= $%d", f.Since)
	with(!f.Until.IsZero(), "b.requested_at < $%d", f.Until)
	list, err := all(ctx, s, scanBuild, selectBuilds+where+" ORDER BY b.id DESC LIMIT $2", args...)
	if err == nil {
		err = s.addSteps(ctx, list)
	}
	if err != nil {
		return nil, s.wrap(err, "search builds")
	}
	return list, nil
}

func scanID(row pgx.Row) (id int64, err error) {
	err = row.Scan(&id)
	return id, err
}

// LatestBuilds gives each course's newest build that was not skipped; see
// store.Builds.
func (s *Store) LatestBuilds(ctx context.Context, courseIDs []int64) (map[int64]course.Build, error) {
	list, err := all(ctx, s, scanBuild, selectBuilds+`WHERE b.id IN (
		SELECT (SELECT n.id FROM builds n WHERE n.course_id = i AND n.status <> 'SKIPPED' AND n.preview_branch = '' ORDER BY n.id DESC LIMIT 1)
		FROM unnest($1::bigint[]) i)`, courseIDs)
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
	list, err := all(ctx, s, scanBuild, selectBuilds+"WHERE b.status IN ('PENDING', 'RUNNING') ORDER BY b.id LIMIT $1", max(limit, 1))
	return list, s.wrap(err, "open builds")
}

// Building says whether a build of a course runs; see store.Builds.
func (s *Store) Building(ctx context.Context, key string) (bool, error) {
	yes, err := one(ctx, s, func(row pgx.Row) (yes bool, err error) { err = row.Scan(&yes); return yes, err },
		`SELECT EXISTS (SELECT 1 FROM builds WHERE status = 'RUNNING'
		AND course_id = (SELECT id FROM courses WHERE key = $1))`, key)
	return yes, s.wrap(err, "running build of course %s", key)
}

// EndedBuilds lists builds up to the newest success; see store.Builds.
func (s *Store) EndedBuilds(ctx context.Context, courseID, before int64) ([]course.Build, error) {
	list, err := all(ctx, s, scanBuild, selectBuilds+`WHERE b.course_id = $1 AND b.id < $2 AND b.preview_branch = ''
		AND (b.status IN ('SUCCESS', 'FAILED') OR b.status = 'CANCELLED' AND b.started_at IS NOT NULL)
		AND b.id >= coalesce((SELECT s.id FROM builds s WHERE s.course_id = $1 AND s.id < $2 AND s.status = 'SUCCESS' AND s.preview_branch = ''
			ORDER BY s.id DESC LIMIT 1), 0)
		ORDER BY b.id DESC`, courseID, before)
	return list, s.wrap(err, "ended builds of course %d", courseID)
}

// PruneBuilds deletes a course's old builds; see store.Builds.
func (s *Store) PruneBuilds(ctx context.Context, courseID int64, keep int) (int, error) {
	var gone int
	for {
		var n int64
		err := s.write(ctx, quick, func(t *tx) error {
			var err error
			n, err = t.exec(`DELETE FROM builds WHERE id IN (
				SELECT id FROM builds WHERE course_id = $1 AND status NOT IN ('PENDING', 'RUNNING')
				AND id NOT IN (SELECT id FROM builds WHERE course_id = $1 AND preview_branch = '' ORDER BY id DESC LIMIT $2)
				AND id NOT IN (SELECT id FROM builds WHERE course_id = $1 AND preview_branch <> '' ORDER BY id DESC LIMIT $2)
				ORDER BY id LIMIT $3)`, courseID, max(keep, 0), pruneBatch)
			return err
		})
		gone += int(n)
		if err != nil || n < pruneBatch {
			return gone, s.wrap(err, "prune builds of course %d", courseID)
		}
	}
}
