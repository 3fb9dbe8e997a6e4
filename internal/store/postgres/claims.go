package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// ClaimBuild gives a workflow run its next build; see store.Builds.
func (s *Store) ClaimBuild(ctx context.Context, key, runID string, alive func(context.Context) error) (course.Build, bool, error) {
	if runID == "" {
		return course.Build{}, false, fmt.Errorf("claim build of course %s: no run id is given: %w", key, course.ErrInvalid)
	}
	var out course.Build
	var ok bool
	err := s.write(ctx, durable, func(t *tx) error {
		ok = false
		owner, err := t.lock(key)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		id, err := t.claim(owner, runID, alive)
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

// claim gives the id of the build that is claimed, 0 for none. The course's
// row is locked.
func (t *tx) claim(courseID int64, runID string, alive func(context.Context) error) (int64, error) {
	var running int64
	var owner string
	ok, err := t.found([]any{&running, &owner}, "SELECT id, run_id FROM builds WHERE course_id = $1 AND status = 'RUNNING'", courseID)
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
		if _, err := t.finish(running, lost); err != nil {
			return 0, err
		}
	}
	return t.claimNewest(courseID, runID)
}

// wanted says whether a course has a build to claim or to close. Only then alive is
// asked, since others wait for its answer.
func (t *tx) wanted(courseID int64, alive func(context.Context) error) (bool, error) {
	var open bool
	err := t.row("SELECT EXISTS (SELECT 1 FROM builds WHERE course_id = $1 AND status IN ('PENDING', 'RUNNING'))", courseID).Scan(&open)
	if err != nil || !open || alive == nil {
		return open, err
	}
	return true, alive(t.ctx)
}

// claimNewest starts the newest pending build of a course, or of one branch that
// is previewed when there is none of the course, and skips the older. The rows are
// locked first: one may be cancelled at this moment. When all of them were, others
// are looked for.
func (t *tx) claimNewest(courseID int64, runID string) (int64, error) {
	var count, newest int64
	var rebuildAll bool
	var branch string
	for pending := true; pending && count == 0; {
		err := t.row(`SELECT count(*), coalesce(max(id), 0), coalesce(bool_or(rebuild_all), false), coalesce(max(preview_branch), ''),
				EXISTS (SELECT 1 FROM builds WHERE course_id = $1 AND status = 'PENDING') FROM (
				SELECT id, rebuild_all, preview_branch FROM builds WHERE course_id = $1 AND status = 'PENDING' AND preview_branch = (
					SELECT n.preview_branch FROM builds n WHERE n.course_id = $1 AND n.status = 'PENDING' ORDER BY n.preview_branch <> '', n.id LIMIT 1
				) ORDER BY id FOR NO KEY UPDATE
			) pending`, courseID).Scan(&count, &newest, &rebuildAll, &branch, &pending)
		if err != nil {
			return 0, err
		}
	}
	if count == 0 {
		return 0, nil
	}
	if count > 1 {
		_, err := t.exec(`UPDATE builds SET status = 'SKIPPED', finished_at = clock_timestamp(), reason = $1
			WHERE course_id = $2 AND status = 'PENDING' AND preview_branch = $4 AND id < $3`, store.ReplacedReason(newest), courseID, newest, branch)
		if err != nil {
			return 0, err
		}
	}
	_, err := t.exec(`UPDATE builds SET status = 'RUNNING', run_id = $1, started_at = clock_timestamp(), rebuild_all = $2
		WHERE id = $3`, runID, rebuildAll, newest)
	return newest, err
}
