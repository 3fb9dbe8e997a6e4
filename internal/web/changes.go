package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"coursewright/internal/course"
)

const (
	lookEvery  = time.Second      // how soon a change is seen of which nobody tells
	lookGap    = time.Second / 4  // between two looks, however much changes
	sayEvery   = 15 * time.Second // keeps proxies from closing a silent stream
	sayTimeout = 30 * time.Second // a reader that takes nothing for so long is gone
)

// changes tells a course's page when it has become old, as server-sent events
// of type change. The query's seen is the state that the page shows: what has
// changed between its loading and the connection is told as well.
func (s *site) changes(w http.ResponseWriter, r *http.Request) error {
	c, err := s.find(r, false)
	if err != nil {
		return err
	}
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("X-Accel-Buffering", "no") // nginx passes events on at once
	out := eventWriter{w: w, control: http.NewResponseController(w)}
	if err := s.tellChanges(r.Context(), c, r.URL.Query().Get("seen"), out); err != nil && r.Context().Err() == nil {
		s.Log.WarnContext(r.Context(), "live page broke off", "course", c.Key, "error", err)
	}
	return nil
}

func (s *site) tellChanges(ctx context.Context, c course.Course, was string, out eventWriter) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	told := s.Rows.Changes(ctx, 0)
	look, say := time.NewTicker(lookEvery), time.NewTicker(sayEvery)
	defer look.Stop()
	defer say.Stop()
	if err := out.send("retry: 1000\n\n"); err != nil {
		return err
	}
	soon := time.After(0) // a look that is due
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.Closing:
			return nil
		case <-say.C:
			if err := out.send(": still here\n\n"); err != nil {
				return err
			}
			continue
		case change := <-told:
			if soon == nil && change.Kind != course.ChangeLog && (change.CourseID == c.ID || change.CourseID == 0) {
				soon = time.After(lookGap)
			}
			continue
		case <-soon:
			soon = nil
		case <-look.C:
		}
		now, err := s.stateOf(ctx, c)
		if err != nil {
			return err
		}
		if now == was {
			continue
		}
		was = now
		if err := out.send("event: change\ndata: {}\n\n"); err != nil {
			return err
		}
	}
}

// stateOf is a short text that differs when a course's page has something new to
// show. It is safe in an address.
func (s *site) stateOf(ctx context.Context, c course.Course) (string, error) {
	builds, err := s.Rows.ListBuilds(ctx, c.Key, course.Page{Limit: 3})
	if err != nil {
		return "", err
	}
	deliveries, err := s.Rows.ListDeliveries(ctx, c.Key, course.Page{Limit: 1})
	if err != nil {
		return "", err
	}
	state := ""
	for _, b := range builds {
		state += fmt.Sprint(b.ID, b.Status, b.Commit, len(b.Steps), b.Version, " ")
	}
	for _, d := range deliveries {
		state += fmt.Sprint(d.ID)
	}
	published, err := s.Releases.Published(c.Key)
	if err != nil {
		published = course.Release{} // none, or the page tells what is wrong
	}
	sum := sha256.Sum256([]byte(state + published.Version))
	return hex.EncodeToString(sum[:8]), nil
}

// eventWriter sends pieces of an event stream.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (e eventWriter) send(text string) error {
	// Servers without deadlines, as in tests, say that they have none.
	_ = e.control.SetWriteDeadline(time.Now().Add(sayTimeout))
	if _, err := e.w.Write([]byte(text)); err != nil {
		return err
	}
	return e.control.Flush()
}
