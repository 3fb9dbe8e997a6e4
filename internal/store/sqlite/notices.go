package sqlite

import (
	"context"
	"database/sql"
	"time"

	"coursewright/internal/course"
)

// lookEvery is how often the file is asked whether another process has changed
// it, while somebody waits for changes.
const lookEvery = 250 * time.Millisecond

// makeNotices lets a writing connection note in memory which builds each of its
// transactions changes.
func makeNotices(ctx context.Context, c *sql.Conn) error {
	for _, statement := range []string{
		"PRAGMA temp_store = MEMORY",
		"CREATE TEMP TABLE notices (kind TEXT, course INTEGER, build INTEGER, UNIQUE (kind, build))",
		// Columns that only the service itself reads (tries, mark, log_head) tell nothing.
		`CREATE TEMP TRIGGER notice_build AFTER UPDATE OF status, rebuild_all, started_at, finished_at, commit_hash, version,
			reason, host, run_id, report ON main.builds BEGIN
			INSERT OR IGNORE INTO notices VALUES ('state', NEW.course_id, NEW.id); END`,
		`CREATE TEMP TRIGGER notice_step AFTER INSERT ON main.build_steps BEGIN
			INSERT OR IGNORE INTO notices SELECT 'state', course_id, id FROM main.builds WHERE id = NEW.build_id; END`,
		`CREATE TEMP TRIGGER notice_step_end AFTER UPDATE ON main.build_steps BEGIN
			INSERT OR IGNORE INTO notices SELECT 'state', course_id, id FROM main.builds WHERE id = NEW.build_id; END`,
		`CREATE TEMP TRIGGER notice_log AFTER INSERT ON main.build_logs BEGIN
			INSERT OR IGNORE INTO notices SELECT 'log', course_id, id FROM main.builds WHERE id = NEW.build_id; END`,
	} {
		if _, err := c.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// Changes tells of changes; see store.Watcher. Those of this process are told
// at once, those of others within lookEvery and without saying which. The first
// call begins to look for the latter.
func (s *Store) Changes(ctx context.Context, buildID int64) <-chan course.Change {
	out := s.hub.Subscribe(ctx, buildID)
	s.looking.Do(func() {
		s.background.Go(func() { s.look(s.closing) })
	})
	return out
}

// look tells of changes of the file until ctx ends. A change of this process
// shows as well and is told once more, which costs a reader one look.
func (s *Store) look(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var conn *sql.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close() // it has only read
		}
	}()
	last := int64(-1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !s.hub.Listening() {
			continue
		}
		var err error
		if conn == nil {
			// The version counts the commits of other connections than the one
			// that asks, so that has to be the same each time.
			if conn, err = s.read.db.Conn(ctx); err != nil {
				conn = nil
				continue
			}
		}
		var version int64
		err = conn.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version)
		if err != nil || version != last {
			s.hub.Publish(course.Change{Kind: course.ChangeUnknown})
		}
		last = version
	}
}
