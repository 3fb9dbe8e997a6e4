package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// StartStep begins a step of a build; see store.Builds.
func (s *Store) StartStep(ctx context.Context, buildID int64, name string) error {
	name = store.CleanText(name)
	err := s.write(ctx, quick, func(t *tx) error {
		// The lock keeps two from beginning the same step twice.
		if _, err := t.lockBuild(buildID); err != nil {
			return err
		}
		return t.startStep(buildID, name)
	})
	return s.wrapRow(err, "start step %s of build %d", name, buildID)
}

// startStep begins a step, or begins again the one of that name that is open.
// The build's row is locked.
func (t *tx) startStep(buildID int64, name string) error {
	var status course.Status
	if err := t.row("SELECT status FROM builds WHERE id = $1", buildID).Scan(&status); err != nil {
		return err
	}
	if status.Final() {
		return nil
	}
	n, err := t.exec(`UPDATE build_steps SET started_at = clock_timestamp()
		WHERE build_id = $1 AND name = $2 AND finished_at IS NULL`, buildID, name)
	if err != nil || n > 0 {
		return err
	}
	_, err = t.exec(`INSERT INTO build_steps (build_id, name, started_at, log_start) VALUES ($1, $2, clock_timestamp(),
		coalesce((SELECT start + bytes FROM build_logs WHERE build_id = $1 ORDER BY start DESC LIMIT 1), 0))`, buildID, name)
	return err
}

// FinishStep ends the running step of a name; see store.Builds.
func (s *Store) FinishStep(ctx context.Context, buildID int64, name string, o course.Outcome, message string) error {
	name = store.CleanText(name)
	err := s.write(ctx, quick, func(t *tx) error { return t.finishStep(buildID, name, o, message) })
	return s.wrap(err, "finish step %s of build %d", name, buildID)
}

func (t *tx) finishStep(buildID int64, name string, o course.Outcome, message string) error {
	_, err := t.exec(`UPDATE build_steps SET finished_at = clock_timestamp(), outcome = $1, message = $2
		WHERE build_id = $3 AND name = $4 AND finished_at IS NULL`, o, store.CleanText(message), buildID, name)
	return err
}

// ownedStep is a step and the id of its build.
type ownedStep struct {
	build int64
	step  course.Step
}

func scanStep(row pgx.Row) (ownedStep, error) {
	var o ownedStep
	s := &o.step
	err := row.Scan(&o.build, &s.Name, moment{&s.StartedAt}, moment{&s.FinishedAt}, &s.Outcome, &s.Message, &s.LogStart)
	return o, err
}

// addSteps fills in the steps of all builds of a list with one query.
func (s *Store) addSteps(ctx context.Context, list []course.Build) error {
	if len(list) == 0 {
		return nil
	}
	place := make(map[int64]*course.Build, len(list))
	ids := make([]int64, len(list))
	for i := range list {
		place[list[i].ID] = &list[i]
		ids[i] = list[i].ID
	}
	steps, err := all(ctx, s, scanStep, `SELECT build_id, name, started_at, finished_at, outcome, message, log_start
		FROM build_steps WHERE build_id = ANY($1) ORDER BY build_id, id`, ids)
	for _, o := range steps {
		b := place[o.build]
		b.Steps = append(b.Steps, o.step)
	}
	return err
}
