package sqlite

import (
	"context"
	"encoding/json"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// StartStep begins a step of a build; see store.Builds.
func (s *Store) StartStep(ctx context.Context, buildID int64, name string) error {
	name = store.CleanText(name)
	err := s.quick.tx(ctx, func(t *tx) error { return t.startStep(buildID, name, s.nowMicros()) })
	return s.wrapRow(err, "start step %s of build %d", name, buildID)
}

// startStep begins a step, or begins again the one of that name that is open.
func (t *tx) startStep(buildID int64, name string, now int64) error {
	var status course.Status
	if err := t.row("SELECT status FROM builds WHERE id = ?", buildID).Scan(&status); err != nil {
		return err
	}
	if status.Final() {
		return nil
	}
	n, err := t.exec("UPDATE build_steps SET started_at = ? WHERE build_id = ? AND name = ? AND finished_at = 0", now, buildID, name)
	if err != nil || n > 0 {
		return err
	}
	_, err = t.exec(`INSERT INTO build_steps (build_id, name, started_at, log_start) VALUES (?1, ?2, ?3,
		coalesce((SELECT start + bytes FROM build_logs WHERE build_id = ?1 ORDER BY start DESC LIMIT 1), 0))`, buildID, name, now)
	return err
}

// FinishStep ends the running step of a name; see store.Builds.
func (s *Store) FinishStep(ctx context.Context, buildID int64, name string, o course.Outcome, message string) error {
	name = store.CleanText(name)
	err := s.quick.tx(ctx, func(t *tx) error { return t.finishStep(buildID, name, o, message, s.nowMicros()) })
	return s.wrap(err, "finish step %s of build %d", name, buildID)
}

func (t *tx) finishStep(buildID int64, name string, o course.Outcome, message string, now int64) error {
	_, err := t.exec("UPDATE build_steps SET finished_at = ?, outcome = ?, message = ? WHERE build_id = ? AND name = ? AND finished_at = 0",
		now, o, store.CleanText(message), buildID, name)
	return err
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
	arg, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return s.read.rows(ctx, func(row rowScanner) error {
		var id, started, finished int64
		var step course.Step
		if err := row.Scan(&id, &step.Name, &started, &finished, &step.Outcome, &step.Message, &step.LogStart); err != nil {
			return err
		}
		step.StartedAt, step.FinishedAt = fromMicros(started), fromMicros(finished)
		b := place[id]
		b.Steps = append(b.Steps, step)
		return nil
	}, `SELECT build_id, name, started_at, finished_at, outcome, message, log_start FROM build_steps
		WHERE build_id IN (SELECT value FROM json_each(?)) ORDER BY build_id, id`, string(arg))
}
