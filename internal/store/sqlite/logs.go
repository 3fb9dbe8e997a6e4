package sqlite

import (
	"context"
	"errors"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// errEnough ends the reading of rows.
var errEnough = errors.New("enough")

// AppendLog adds text at the end of a build's log; see store.Logs.
func (s *Store) AppendLog(ctx context.Context, buildID int64, text string) error {
	err := store.CheckLogText(text)
	if err == nil {
		err = s.quick.tx(ctx, func(t *tx) error { return t.appendLog(buildID, text, s.caps) })
	}
	return s.wrapRow(err, "append to the log of build %d", buildID)
}

// AppendLine adds a line unless it is the last already; see store.Logs.
func (s *Store) AppendLine(ctx context.Context, buildID int64, line string) error {
	err := store.CheckLogText(line)
	if err == nil {
		err = s.quick.tx(ctx, func(t *tx) error {
			var last string
			_, err := t.found([]any{&last}, "SELECT text FROM build_logs WHERE build_id = ? ORDER BY start DESC LIMIT 1", buildID)
			if err != nil || store.EndsWithLine(last, line) {
				return err
			}
			return t.appendLog(buildID, line, s.caps)
		})
	}
	return s.wrapRow(err, "add a line to the log of build %d", buildID)
}

// appendLog does what store.PlanAppend says.
func (t *tx) appendLog(buildID int64, text string, caps store.LogCaps) error {
	var head, end int64 // the head's length once it is full, that of the whole output
	if err := t.row("SELECT log_head FROM builds WHERE id = ?", buildID).Scan(&head); err != nil {
		return err
	}
	_, err := t.found([]any{&end}, "SELECT start + bytes FROM build_logs WHERE build_id = ? ORDER BY start DESC LIMIT 1", buildID)
	if err != nil {
		return err
	}
	plan := store.PlanAppend(head, end, text, caps)
	for _, row := range plan.Add {
		_, err := t.exec("INSERT INTO build_logs (build_id, start, bytes, text) VALUES (?, ?, ?, ?)",
			buildID, row.Start, len(row.Text), row.Text)
		if err != nil {
			return err
		}
	}
	if plan.Head > 0 {
		if _, err := t.exec("UPDATE builds SET log_head = ? WHERE id = ?", plan.Head, buildID); err != nil {
			return err
		}
	}
	if plan.DropFrom < plan.DropTo {
		_, err = t.exec("DELETE FROM build_logs WHERE build_id = ? AND start >= ? AND start < ?", buildID, plan.DropFrom, plan.DropTo)
	}
	return err
}

// ReadLog gives the log from an offset on; see store.Logs.
func (s *Store) ReadLog(ctx context.Context, buildID, offset int64) ([]course.LogChunk, int64, error) {
	reply := store.LogReply{Next: max(offset, 0)}
	add := func(row rowScanner) error {
		if reply.Full() {
			return errEnough
		}
		var r store.LogRow
		if err := row.Scan(&r.Start, &r.Text); err != nil {
			return err
		}
		reply.Add(r)
		return nil
	}
	// One statement sees one state of the log, so that a chunk that is dropped
	// meanwhile is either here or in the gap.
	err := s.read.rows(ctx, add, `SELECT start, text FROM build_logs WHERE build_id = ?1 AND start >= coalesce(
			(SELECT start FROM build_logs WHERE build_id = ?1 AND start <= ?2 ORDER BY start DESC LIMIT 1), 0)
		ORDER BY start`, buildID, reply.Next)
	if err != nil && !errors.Is(err, errEnough) {
		return nil, offset, s.wrap(err, "read the log of build %d", buildID)
	}
	if len(reply.Chunks) == 0 {
		var id int64
		if err := s.read.row(ctx, "SELECT id FROM builds WHERE id = ?", buildID).Scan(&id); err != nil {
			return nil, offset, s.wrapRow(err, "read the log of build %d", buildID)
		}
	}
	return reply.Chunks, reply.Next, nil
}
