package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Event is something that happened to a build that is followed.
type Event struct {
	Text    string // a piece of the log; empty: it is about the build
	Dropped bool   // Text stands for output that was left out
	Build   *Build // the build as it is now; nil: it is about the log
}

const (
	// quietFor is how long a stream may be silent before it counts as lost: the
	// service sends something every quarter of a minute.
	quietFor = 45 * time.Second
	maxLine  = 4 << 20 // bytes of one line of a stream
	maxLost  = 10      // connections without an event, one after the other
)

// errQuiet ends a connection that is silent for too long.
var errQuiet = errors.New("the stream is silent")

// Follow gives the log of a build from an offset on and the build when it
// changes, until it has ended. A connection that is lost is made again, without a
// gap and without repeating any of the log. The sequence ends after the build, or
// with an error.
func (c *Client) Follow(ctx context.Context, key string, id, offset int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f := &follower{client: c, path: buildPath(key, id) + "/events", offset: offset, yield: yield}
		for lost := 0; ; {
			err := f.connect(ctx)
			switch {
			case f.done:
				return
			case f.heard:
				lost = 0
			default:
				lost++
			}
			f.heard = false
			_, again := passes(err, lost)
			if err == nil {
				again = true // the service stopped, perhaps to start again
			}
			if !again || lost >= maxLost || ctx.Err() != nil {
				if err == nil {
					err = fmt.Errorf("the stream of %s ended too early", c.base)
				}
				yield(Event{}, err)
				return
			}
			if err := c.options.Pause(ctx, min(time.Duration(lost)*time.Second+200*time.Millisecond, longestPause)); err != nil {
				yield(Event{}, err)
				return
			}
		}
	}
}

// follower reads one stream after the other.
type follower struct {
	client *Client
	path   string
	offset int64
	yield  func(Event, error) bool
	heard  bool // an event on this connection
	done   bool // the build has ended, or nobody listens
}

// connect reads one stream to its end.
func (f *follower) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(quietFor, func() { cancel(errQuiet) })
	defer silence.Stop()
	res, err := f.client.send(ctx, request{
		method: http.MethodGet, path: f.path, query: url.Values{"offset": {strconv.FormatInt(f.offset, 10)}},
		header: http.Header{"Accept": {"text/event-stream"}},
	})
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // only read
	in := bufio.NewScanner(res.Body)
	in.Buffer(make([]byte, 0, 64<<10), maxLine)
	var name, data, id string
	for in.Scan() {
		silence.Reset(quietFor)
		field, value, _ := strings.Cut(in.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			name = value
		case "data":
			data += value
		case "id":
			id = value
		case "":
			if in.Text() != "" {
				continue // a comment
			}
			if err := f.event(name, data, id); err != nil || f.done {
				return err
			}
			name, data, id = "", "", ""
		}
	}
	if errors.Is(context.Cause(ctx), errQuiet) {
		return errQuiet
	}
	if errors.Is(in.Err(), io.EOF) {
		return nil
	}
	return in.Err()
}

// event passes on what one event tells.
func (f *follower) event(name, data, id string) error {
	f.heard = true
	switch name {
	case "log":
		piece, err := decode[struct {
			Text    string `json:"text"`
			Dropped bool   `json:"dropped"`
		}](data)
		next, idErr := strconv.ParseInt(id, 10, 64)
		if err != nil || idErr != nil {
			return fmt.Errorf("the stream is %w", ErrForeign)
		}
		f.offset = next
		f.done = !f.yield(Event{Text: piece.Text, Dropped: piece.Dropped}, nil)
	case "status":
		b, err := decode[Build](data)
		if err != nil {
			return fmt.Errorf("the stream is %w", ErrForeign)
		}
		f.done = !f.yield(Event{Build: &b}, nil)
	case "end":
		f.done = true
	}
	return nil
}
