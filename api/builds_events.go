package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

const (
	pollEvery    = time.Second            // how soon a change is seen of which no notice came
	stepGap      = 200 * time.Millisecond // between two looks while changes come one after the other
	pingEvery    = 15 * time.Second       // keeps proxies from closing a silent stream
	writeTimeout = 30 * time.Second       // a reader that takes nothing for so long is gone
)

// logEvent is the data of an event of type log. The event's id is the offset
// to go on from.
type logEvent struct {
	Offset  int64  `json:"offset"`
	Text    string `json:"text"`
	Dropped bool   `json:"dropped"`
}

// buildEvents answers GET /api/v1/courses/KEY/builds/ID/events, a stream of
// server-sent events: log (a piece of the log), status (the build, when it has
// changed) and end (the build has ended and the log is complete; the client
// closes). Last-Event-ID or ?offset= resumes.
func buildEvents(g *gate, rows buildFinder, logs Logs, closing <-chan struct{}) handler {
	return func(c *gin.Context) error {
		found, b, err := g.build(c, Read, rows)
		if err != nil {
			return err
		}
		q := newQuery(c)
		offset := q.number("offset", 0, 0, math.MaxInt64)
		if last := c.GetHeader("Last-Event-ID"); last != "" {
			if offset, err = strconv.ParseInt(last, 10, 64); err != nil || offset < 0 {
				return &requestError{status: http.StatusBadRequest, detail: "The header Last-Event-ID must be the id of an event of this stream."}
			}
		}
		if err := q.finish(); err != nil {
			return err
		}
		s := &eventStream{out: c.Writer, control: http.NewResponseController(c.Writer), rows: rows, logs: logs, build: b.ID, offset: offset}
		c.Header("Content-Type", "text/event-stream")
		c.Header("Cache-Control", "no-store")
		c.Header("X-Accel-Buffering", "no") // nginx passes events on at once
		c.Status(http.StatusOK)
		if err := s.run(c.Request.Context(), closing); err != nil && c.Request.Context().Err() == nil {
			g.log.WarnContext(c.Request.Context(), "live log broke off", "course", found.Key, "build", b.ID, "error", err)
		}
		return nil
	}
}

// eventStream is one reader of a build's events.
type eventStream struct {
	out     http.ResponseWriter
	control *http.ResponseController
	rows    buildFinder
	logs    Logs
	build   int64
	offset  int64
	last    []byte // the status that was sent last
	looked  time.Time
}

// run sends events until the build has ended, the reader is gone or the
// process stops. It looks when a change is told, and now and then by itself.
func (s *eventStream) run(ctx context.Context, closing <-chan struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes := s.logs.Changes(ctx, s.build)
	poll, ping := time.NewTicker(pollEvery), time.NewTicker(pingEvery)
	defer poll.Stop()
	defer ping.Stop()
	for {
		ended, err := s.step(ctx)
		if err != nil || ended {
			return err
		}
		told := changes
		var gap <-chan time.Time
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-closing:
				return nil
			case <-ping.C:
				if err := s.send(": ping\n\n"); err != nil {
					return err
				}
			case <-poll.C:
				waiting = false
			case <-told:
				// The first change after a pause is shown at once. The store
				// keeps those that follow until they are wanted.
				told, gap = nil, time.After(time.Until(s.looked.Add(stepGap)))
			case <-gap:
				waiting = false
			}
		}
	}
}

// step sends what is new. The build is read before its log: when it had ended
// by then, the log that follows is complete.
func (s *eventStream) step(ctx context.Context) (ended bool, err error) {
	s.looked = time.Now()
	b, err := s.rows.Build(ctx, s.build)
	if err != nil {
		return false, err
	}
	if err := s.log(ctx); err != nil {
		return false, err
	}
	if err := s.status(b); err != nil {
		return false, err
	}
	if !b.Status.Final() {
		return false, nil
	}
	return true, s.send("event: end\ndata: {}\n\n")
}

func (s *eventStream) log(ctx context.Context) error {
	for {
		chunks, next, err := s.logs.ReadLog(ctx, s.build, s.offset)
		if err != nil || len(chunks) == 0 {
			return err
		}
		for i, chunk := range chunks {
			resume := next
			if i+1 < len(chunks) {
				resume = chunks[i+1].Offset
			}
			data, err := json.Marshal(logEvent{Offset: chunk.Offset, Text: chunk.Text, Dropped: chunk.Dropped})
			if err != nil {
				return err
			}
			if err := s.send(fmt.Sprintf("id: %d\nevent: log\ndata: %s\n\n", resume, data)); err != nil {
				return err
			}
		}
		s.offset = next
	}
}

func (s *eventStream) status(b course.Build) error {
	data, err := json.Marshal(newBuildBody(b))
	if err != nil || bytes.Equal(data, s.last) {
		return err
	}
	s.last = data
	return s.send(fmt.Sprintf("event: status\ndata: %s\n\n", data))
}

func (s *eventStream) send(text string) error {
	// Servers without deadlines, as in tests, say that they have none.
	_ = s.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := s.out.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
