package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"coursewright/internal/course"
)

// unanswered is a transaction whose COMMIT was not answered.
type unanswered struct {
	id    string // empty: it has changed nothing
	life  string // of the server
	cause error  // what happened to the COMMIT
}

// life is what changes when a server goes on after a crash: it loses its statistics
// then. A transaction whose first record was not on the disk yet is forgotten by that,
// and another one gets its number.
const life = "(SELECT coalesce(stats_reset::text, '') FROM pg_stat_bgwriter)"

const lifeKey = "life"

// noteLife notes in which life of the server a connection was made. It does not
// outlast that.
func noteLife(ctx context.Context, c *pgx.Conn) error {
	var now string
	if err := c.QueryRow(ctx, "SELECT "+life).Scan(&now); err != nil {
		return err
	}
	c.PgConn().CustomData()[lifeKey] = now
	return nil
}

func lifeOf(c *pgx.Conn) string {
	noted, _ := c.PgConn().CustomData()[lifeKey].(string)
	return noted
}

// settle finds out what became of a transaction whose COMMIT was not answered:
// nil when it is committed, an error that is tried again when it is not.
func (s *Store) settle(ctx context.Context, u unanswered) error {
	if u.id == "" {
		return nil // there was nothing to commit
	}
	ctx, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	var status *string
	var now string
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second/2) {
		err := s.pool.QueryRow(ctx, "SELECT pg_xact_status($1::xid8), "+life, u.id).Scan(&status, &now)
		switch {
		case codeOf(err) == codeInvalidValue:
			return &connectionLost{u.cause} // the number is of the future: a crash has taken it back
		case err != nil && (ctx.Err() != nil || !isLost(err) && !isShutdown(err)):
			return unknownEnd(u.cause, err)
		case err != nil:
		case status == nil:
			return unknownEnd(u.cause, errors.New("the transaction is too long ago"))
		case *status == "committed" && now != u.life:
			return unknownEnd(u.cause, errors.New("the server has crashed, and its transaction may be another one of the same number"))
		case *status == "committed":
			return nil
		case *status == "aborted", now != u.life:
			return &connectionLost{u.cause}
		}
		// In progress: the server has not noticed yet that the connection broke.
		select {
		case <-ctx.Done():
			return unknownEnd(u.cause, ctx.Err())
		case <-time.After(wait):
		}
	}
}

// unknownEnd is the error of a transaction of which nobody knows whether it
// took place.
func unknownEnd(cause, why error) error {
	return fmt.Errorf("the connection broke at COMMIT (%w), and what became of it could not be found out: %w: %w; it may have been written",
		cause, why, course.ErrUncertain)
}
