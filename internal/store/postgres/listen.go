package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"coursewright/internal/course"
)

// Changes tells of changes; see store.Watcher. The first call begins to listen,
// on a connection of its own.
func (s *Store) Changes(ctx context.Context, buildID int64) <-chan course.Change {
	out := s.hub.Subscribe(ctx, buildID)
	s.listening.Do(func() {
		s.background.Go(func() { s.listen(s.closing) })
	})
	return out
}

// listen passes notices on until ctx ends. A connection that breaks is made
// again; what was missed meanwhile is unknown.
func (s *Store) listen(ctx context.Context) {
	wait := 50 * time.Millisecond
	for ctx.Err() == nil {
		heard, err := s.listenOnce(ctx)
		if err == nil || heard {
			wait = 50 * time.Millisecond
		}
		s.hub.Publish(course.Change{Kind: course.ChangeUnknown})
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, 5*time.Second)
	}
}

// listenOnce passes notices on until its connection breaks. heard says whether
// it was one.
func (s *Store) listenOnce(ctx context.Context) (heard bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing is lost by it
	var schema string
	if err := conn.QueryRow(ctx, "SELECT current_schema()").Scan(&schema); err != nil {
		return false, err
	}
	if _, err := conn.Exec(ctx, "LISTEN coursewright"); err != nil {
		return false, err
	}
	s.hub.Publish(course.Change{Kind: course.ChangeUnknown}) // before it listened
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return true, err
		}
		if c, ok := changeOf(n.Payload, schema); ok {
			s.hub.Publish(c)
		}
	}
}

// changeOf reads a notice; ok is false for one of another schema.
func changeOf(notice, schema string) (c course.Change, ok bool) {
	parts := strings.SplitN(notice, " ", 4)
	if len(parts) != 4 || parts[3] != schema {
		return c, false
	}
	c.Kind = course.ChangeKind(parts[0])
	if _, err := fmt.Sscan(parts[1]+" "+parts[2], &c.CourseID, &c.BuildID); err != nil {
		return course.Change{Kind: course.ChangeUnknown}, true
	}
	return c, true
}
