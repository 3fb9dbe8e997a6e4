package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

const (
	logReplyRows  = 2000    // rows that one answer looks at, at most
	logReplyBytes = 1 << 20 // bytes after which an answer ends
)

// AppendLog adds text at the end of a build's log; see store.Logs.
func (s *Store) AppendLog(ctx context.Context, buildID int64, text string) error {
	err := store.CheckLogText(text)
	if err == nil {
		err = s.write(ctx, quick, func(t *tx) error {
			l, err := t.lockLog(buildID)
			if err != nil {
				return err
			}
			return t.appendLog(l, text, s.caps)
		})
	}
	return s.wrapRow(err, "append to the log of build %d", buildID)
}

// AppendLine adds a line unless it is the last already; see store.Logs.
func (s *Store) AppendLine(ctx context.Context, buildID int64, line string) error {
	err := store.CheckLogText(line)
	if err == nil {
		err = s.write(ctx, quick, func(t *tx) error {
			l, err := t.lockLog(buildID)
			if err != nil {
				return err
			}
			var last string
			_, err = t.found([]any{&last}, "SELECT text FROM build_logs WHERE build_id = $1 ORDER BY start DESC LIMIT 1", buildID)
			if err != nil || store.EndsWithLine(last, line) {
				return err
			}
			return t.appendLog(l, line, s.caps)
		})
	}
	return s.wrapRow(err, "add a line to the log of build %d", buildID)
}

// lockedLog is the log of a build whose row is locked.
type lockedLog struct {
	build, courseID int64
	tries           int64 // number of the build's newest try
	appends         int64 // number of the newest append of that try
	head            int64 // the head's length once it is full
	end             int64 // length of the whole output
}

// lockLog locks a build's row, which keeps appends apart. The end is read by a
// statement of its own, which sees what was committed while the first one
// waited for the lock. pgx.ErrNoRows when there is no such build.
func (t *tx) lockLog(buildID int64) (lockedLog, error) {
	l := lockedLog{build: buildID}
	batch := &pgx.Batch{}
	batch.Queue("SELECT course_id, tries, appends, log_head FROM builds WHERE id = $1 FOR NO KEY UPDATE", buildID)
	batch.Queue("SELECT coalesce((SELECT start + bytes FROM build_logs WHERE build_id = $1 ORDER BY start DESC LIMIT 1), 0)", buildID)
	reply := t.pgx.SendBatch(t.ctx, batch)
	err := reply.QueryRow().Scan(&l.courseID, &l.tries, &l.appends, &l.head)
	if err == nil {
		err = reply.QueryRow().Scan(&l.end)
	}
	if closing := reply.Close(); err == nil {
		err = closing
	}
	return l, err
}

// appendLog does what store.PlanAppend says.
func (t *tx) appendLog(l lockedLog, text string, caps store.LogCaps) error {
	plan := store.PlanAppend(l.head, l.end, text, caps)
	if len(plan.Add) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	for _, row := range plan.Add {
		batch.Queue("INSERT INTO build_logs (build_id, start, bytes, text) VALUES ($1, $2, $3, $4)",
			l.build, row.Start, len(row.Text), row.Text)
	}
	if plan.Head > 0 {
		batch.Queue("UPDATE builds SET log_head = $1 WHERE id = $2", plan.Head, l.build)
	}
	if plan.DropFrom < plan.DropTo {
		batch.Queue("DELETE FROM build_logs WHERE build_id = $1 AND start >= $2 AND start < $3", l.build, plan.DropFrom, plan.DropTo)
	}
	return t.pgx.SendBatch(t.ctx, batch).Close()
}

func scanLogRow(row pgx.Row) (store.LogRow, error) {
	var r store.LogRow
	err := row.Scan(&r.Start, &r.Text)
	return r, err
}

// ReadLog gives the log from an offset on; see store.Logs.
func (s *Store) ReadLog(ctx context.Context, buildID, offset int64) ([]course.LogChunk, int64, error) {
	reply := store.LogReply{Next: max(offset, 0)}
	// One statement sees one state of the log, so that a chunk that is dropped
	// meanwhile is either here or in the gap. The server would send all rows of
	// a query whose reader has enough, so the query counts itself.
	rows, err := all(ctx, s, scanLogRow, `SELECT start, text FROM (
			SELECT start, text, sum(bytes) OVER (ORDER BY start) - bytes AS sent FROM (
				SELECT start, bytes, text FROM build_logs WHERE build_id = $1 AND start >= coalesce(
					(SELECT start FROM build_logs WHERE build_id = $1 AND start <= $2 ORDER BY start DESC LIMIT 1), 0)
				ORDER BY start LIMIT $3) first
		) counted WHERE sent < $4 ORDER BY start`, buildID, reply.Next, logReplyRows, logReplyBytes)
	if err != nil {
		return nil, offset, s.wrap(err, "read the log of build %d", buildID)
	}
	for _, row := range rows {
		reply.Add(row)
	}
	if len(reply.Chunks) == 0 {
		if _, err := one(ctx, s, scanID, "SELECT id FROM builds WHERE id = $1", buildID); err != nil {
			return nil, offset, s.wrapRow(err, "read the log of build %d", buildID)
		}
	}
	return reply.Chunks, reply.Next, nil
}
