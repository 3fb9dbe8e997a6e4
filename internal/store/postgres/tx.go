package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"coursewright/internal/course"
)

// mode is how a transaction is begun.
type mode string

// The isolation is said because a database may have another default. With the
// row locks that are taken, read committed suffices.
const (
	durable mode = "begin isolation level read committed"
	quick   mode = durable + "; set local synchronous_commit = off"
)

const (
	maxAttempts = 5
	settleFor   = 5 * time.Second // how long the end of a transaction is asked for
)

// errAgain ends an attempt whose transaction has changed nothing and that can
// be tried again at once.
var errAgain = errors.New("another transaction was faster")

// tx is a transaction in progress.
type tx struct {
	ctx context.Context
	pgx pgx.Tx
}

// exec runs a statement and gives the number of rows that it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	tag, err := t.pgx.Exec(t.ctx, query, args...)
	return tag.RowsAffected(), err
}

// row runs a query for at most one row.
func (t *tx) row(query string, args ...any) pgx.Row { return t.pgx.QueryRow(t.ctx, query, args...) }

// found says whether a query gives a row, and scans it.
func (t *tx) found(dest []any, query string, args ...any) (bool, error) {
	err := t.row(query, args...).Scan(dest...)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// write runs fn in a transaction, again when that failed for a reason that
// passes. fn sets its results anew each time. The context ends the wait for a
// connection and the pauses; what lies between takes milliseconds and is not
// interrupted, so that a caller that goes away costs no connection.
func (s *Store) write(ctx context.Context, m mode, fn func(t *tx) error) error {
	return again(ctx, func() error { return s.attempt(ctx, m, fn) })
}

// read runs fn with a connection, again when that broke. fn sets its results
// anew each time.
func (s *Store) read(ctx context.Context, fn func(ctx context.Context, c *pgxpool.Conn) error) error {
	return again(ctx, func() error {
		c, err := s.acquire(ctx)
		if err != nil {
			return err
		}
		defer c.Release()
		limited, cancel := context.WithTimeout(ctx, s.limit)
		defer cancel()
		return ofConnection(ctx, c, fn(limited, c))
	})
}

// acquire waits for a connection, not longer than for one transaction.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	c, err := s.pool.Acquire(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return nil, fmt.Errorf("all %d connections are in use since %s: %w: %w",
			s.pool.Config().MaxConns, s.limit, err, course.ErrUnavailable)
	}
	if err != nil && errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("no connection in time: %w: %w", err, course.ErrUnavailable)
	}
	return c, err
}

// again calls attempt until it succeeds, fails for good or has failed a few
// times, within about a second and a half.
func again(ctx context.Context, attempt func() error) error {
	wait := 20 * time.Millisecond
	for n := 1; ; n++ {
		err := attempt()
		if n == maxAttempts || !mayRepeat(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(wait):
		}
		wait *= 4
	}
}

// mayRepeat says whether an attempt failed without a trace by what passes. One that
// may have written is not repeated, however its connection broke.
func mayRepeat(err error) bool {
	if err == nil || errors.Is(err, course.ErrUncertain) {
		return false
	}
	code := codeOf(err)
	return isLost(err) || errors.Is(err, errAgain) || code == codeSerialization || code == codeDeadlock || isShutdown(err)
}

// ofConnection marks the error of work that has lost its connection, unless
// the caller has gone away.
func ofConnection(caller context.Context, c *pgxpool.Conn, err error) error {
	switch {
	case err == nil || caller.Err() != nil || !c.Conn().IsClosed():
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the database server does not answer: %w: %w", err, course.ErrUnavailable)
	}
	return &connectionLost{err}
}

// attempt runs fn in one transaction.
func (s *Store) attempt(caller context.Context, m mode, fn func(t *tx) error) error {
	c, err := s.acquire(caller)
	if err != nil {
		return err
	}
	defer c.Release()
	if err := caller.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(caller), s.limit)
	defer cancel()
	begun, err := c.BeginTx(ctx, pgx.TxOptions{BeginQuery: string(m)})
	if err != nil {
		return ofConnection(caller, c, err)
	}
	t := &tx{ctx: ctx, pgx: begun}
	id, err := t.run(fn)
	if err != nil {
		// A connection that broke has nothing to roll back; else a failure
		// here closes it, with the same effect.
		_ = begun.Rollback(ctx)
		return ofConnection(caller, c, err)
	}
	if err := begun.Commit(ctx); err != nil && !isDefinite(err) {
		return s.settle(context.WithoutCancel(caller), unanswered{id: id, life: lifeOf(c.Conn()), cause: err})
	} else if err != nil {
		return err
	}
	return nil
}

// run does the work of a transaction but for its end, and gives its id, empty
// when it has changed nothing.
func (t *tx) run(fn func(t *tx) error) (id string, err error) {
	if err := fn(t); err != nil {
		return "", err
	}
	err = t.row("SELECT coalesce(pg_current_xact_id_if_assigned()::text, '')").Scan(&id)
	return id, err
}

// isDefinite says whether the server itself answered COMMIT with a refusal. A
// server that ends the connection meanwhile has perhaps committed.
func isDefinite(err error) bool {
	if errors.Is(err, pgx.ErrTxCommitRollback) {
		return true
	}
	_, ok := errors.AsType[*pgconn.PgError](err)
	return ok && !isShutdown(err)
}

// isShutdown says whether the server has ended the connection, for a reason of
// its own.
func isShutdown(err error) bool {
	pe, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pe.Severity == "FATAL" || pe.Severity == "PANIC") && isAway(pe.Code)
}

// one runs a query for one row; pgx.ErrNoRows when there is none.
func one[T any](ctx context.Context, s *Store, scan func(pgx.Row) (T, error), query string, args ...any) (T, error) {
	var out T
	err := s.read(ctx, func(ctx context.Context, c *pgxpool.Conn) error {
		var err error
		out, err = scan(c.QueryRow(ctx, query, args...))
		return err
	})
	return out, err
}

// all runs a query for any number of rows.
func all[T any](ctx context.Context, s *Store, scan func(pgx.Row) (T, error), query string, args ...any) ([]T, error) {
	var out []T
	err := s.read(ctx, func(ctx context.Context, c *pgxpool.Conn) error {
		out = nil
		rows, err := c.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			item, err := scan(rows)
			if err != nil {
				return err
			}
			out = append(out, item)
		}
		return rows.Err()
	})
	return out, err
}
