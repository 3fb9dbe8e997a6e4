package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"coursewright/internal/course"
)

// dataSource names the database file for the driver; each pragma is one
// statement that every new connection runs.
func dataSource(o Options, pragmas ...string) string {
	q := url.Values{
		"_busy_timeout": {fmt.Sprint(o.BusyTimeout.Milliseconds())},
		"_foreign_keys": {"1"},
		"_dqs":          {"0"},
		"_pragma":       pragmas,
	}
	u := url.URL{Scheme: "file", Path: o.Path, RawQuery: q.Encode()}
	return u.String()
}

// writer is one writing connection. All writers of a Store share one turn:
// who holds it is the only one of this process that writes.
type writer struct {
	turn  chan struct{}
	db    *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt // guarded by turn
	tell  func(...course.Change)
}

// commits is how a connection commits: SQLite's synchronous, and after how many
// pages of the WAL it makes a checkpoint.
type commits struct {
	synchronous     string
	checkpointPages int
}

func (s *Store) openWriter(ctx context.Context, o Options, turn chan struct{}, c commits) (*writer, error) {
	db, err := sql.Open("sqlite", dataSource(o,
		"journal_mode(WAL)",
		"synchronous("+c.synchronous+")",
		fmt.Sprintf("wal_autocheckpoint(%d)", c.checkpointPages),
	))
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := makeNotices(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close(), db.Close())
	}
	return &writer{turn: turn, db: db, conn: conn, stmts: make(map[string]*sql.Stmt), tell: s.hub.Publish}, nil
}

// close waits for the write in progress and closes the connection.
func (w *writer) close() error {
	if w == nil {
		return nil
	}
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	var errs []error
	for _, stmt := range w.stmts {
		errs = append(errs, stmt.Close())
	}
	clear(w.stmts)
	if err := w.conn.Close(); !errors.Is(err, sql.ErrConnDone) {
		errs = append(errs, err)
	}
	return errors.Join(append(errs, w.db.Close())...)
}

// tx runs fn in one transaction that holds the write lock from its beginning.
// The context ends the wait for that lock; what follows takes milliseconds and
// is not interrupted, so that a caller that goes away leaves no half work.
func (w *writer) tx(ctx context.Context, fn func(t *tx) error) error {
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-w.turn }()
	if err := ctx.Err(); err != nil {
		return err
	}
	t := &tx{ctx: context.WithoutCancel(ctx), w: w}
	defer func() {
		if !t.done {
			// There may be nothing to roll back: the transaction did not
			// begin, or SQLite ended it itself. Then err tells why.
			_, _ = t.exec("ROLLBACK")
		}
	}()
	if err := w.begin(ctx); err != nil {
		return err
	}
	if err := fn(t); err != nil {
		return err
	}
	changes, err := t.notices()
	if err != nil {
		return err
	}
	if _, err := t.exec("COMMIT"); err != nil {
		return err
	}
	t.done = true
	w.tell(changes...)
	return nil
}

func (w *writer) begin(ctx context.Context) error {
	stmt, err := w.prepared(context.WithoutCancel(ctx), "BEGIN IMMEDIATE")
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(ctx)
	return err
}

func (w *writer) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := w.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := w.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	w.stmts[query] = stmt
	return stmt, nil
}

// tx is a transaction in progress on a writer.
type tx struct {
	ctx  context.Context
	w    *writer
	done bool
}

// exec runs a statement and gives the number of rows that it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	stmt, err := t.w.prepared(t.ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := stmt.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// notices takes what the transaction has noted.
func (t *tx) notices() ([]course.Change, error) {
	stmt, err := t.w.prepared(t.ctx, "SELECT kind, course, build FROM notices")
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(t.ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // its error is that of rows.Err
	var out []course.Change
	for rows.Next() {
		var c course.Change
		if err := rows.Scan(&c.Kind, &c.CourseID, &c.BuildID); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(out) == 0 {
		return nil, err
	}
	_, err = t.exec("DELETE FROM notices")
	return out, err
}

// row runs a query for at most one row.
func (t *tx) row(query string, args ...any) rowScanner {
	stmt, err := t.w.prepared(t.ctx, query)
	if err != nil {
		return brokenRow{err}
	}
	return stmt.QueryRowContext(t.ctx, args...)
}

// found says whether a query gives a row, and scans it.
func (t *tx) found(dest []any, query string, args ...any) (bool, error) {
	return found(t.row(query, args...).Scan(dest...))
}

// rowScanner is a row whose columns can be read.
type rowScanner interface {
	Scan(dest ...any) error
}

// brokenRow is the row of a query that could not be run.
type brokenRow struct{ err error }

func (r brokenRow) Scan(...any) error { return r.err }

// found turns the error of a row that may be missing into an answer.
func found(err error) (bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// reader is a pool of connections that only read.
type reader struct {
	db    *sql.DB
	mu    sync.Mutex
	stmts map[string]*sql.Stmt // guarded by mu
}

func openReader(ctx context.Context, o Options) (*reader, error) {
	db, err := sql.Open("sqlite", dataSource(o, "query_only(1)"))
	if err != nil {
		return nil, err
	}
	// One more for the look at other processes' changes; see Changes.
	db.SetMaxOpenConns(o.Readers + 1)
	db.SetMaxIdleConns(o.Readers + 1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &reader{db: db, stmts: make(map[string]*sql.Stmt)}, nil
}

func (r *reader) close() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, stmt := range r.stmts {
		errs = append(errs, stmt.Close())
	}
	clear(r.stmts)
	return errors.Join(append(errs, r.db.Close())...)
}

// prepared gives a statement that database/sql prepares once on each
// connection of the pool.
func (r *reader) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if stmt, ok := r.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := r.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	r.stmts[query] = stmt
	return stmt, nil
}

// row runs a query for at most one row.
func (r *reader) row(ctx context.Context, query string, args ...any) rowScanner {
	stmt, err := r.prepared(ctx, query)
	if err != nil {
		return brokenRow{err}
	}
	return stmt.QueryRowContext(ctx, args...)
}

// rows runs a query and calls each for every row, which it may not keep.
func (r *reader) rows(ctx context.Context, each func(row rowScanner) error, query string, args ...any) error {
	stmt, err := r.prepared(ctx, query)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // its error is that of rows.Err
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
