package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// campaignReader reads all courses again and again, in one way, and keeps the
// number of the commit that it saw last: that must never go back, and what has
// been there must never be missing.
type campaignReader struct {
	c    *campaign
	name string
	lane string // of the process that answers; empty: none, the files are read
	read func(ctx context.Context, key string) (title string, err error)
	last map[string]int
}

// errGap says that a course is not there.
var errGap = errors.New("it is not there")

// errAway says that nobody answered, which may be.
var errAway = errors.New("no answer")

// readers are all ways in which courses are read.
func (c *campaign) readers() []*campaignReader {
	out := []*campaignReader{{c: c, name: "files", read: c.readFiles}}
	for _, a := range c.apis {
		out = append(out,
			&campaignReader{c: c, name: "page of " + a.name, lane: a.name, read: a.readPage},
			&campaignReader{c: c, name: "document of " + a.name, lane: a.name, read: a.readDocument})
	}
	for _, r := range out {
		r.last = map[string]int{}
	}
	return out
}

// readWhile reads with all readers until the returned function is called, at the
// latest until the test ends.
func (c *campaign) readWhile() (stop func()) {
	ctx, cancel := context.WithCancel(c.tb.Context())
	var all sync.WaitGroup
	for _, r := range c.readers() {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				r.look(ctx, c.courses[i%len(c.courses)].key)
				if pause(ctx, c.scale.glance) != nil {
					return
				}
			}
		})
	}
	stop = sync.OnceFunc(func() {
		cancel()
		all.Wait()
	})
	c.tb.Cleanup(stop)
	return stop
}

// look reads one course and judges what it gets.
func (r *campaignReader) look(ctx context.Context, key string) {
	well := r.c.state.well() && (r.lane == "" || r.c.state.untouched(r.lane))
	title, err := r.read(ctx, key)
	well = well && r.c.state.well() && (r.lane == "" || r.c.state.untouched(r.lane))
	number, bad := strconv.Atoi(strings.TrimPrefix(title, "Title"))
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(err, errGap) && r.last[key] == 0:
		return // nothing was published yet
	case errors.Is(err, errAway) && !well:
		r.c.count(ofWatch, "reads without answer", 1)
		return
	case err != nil:
		r.c.broken("P5", "%s, %s: %v (last seen: commit %d)", r.name, key, err, r.last[key])
		return
	case bad != nil:
		r.c.broken("P5", "%s, %s: reads %q", r.name, key, title)
		return
	case number < r.last[key]:
		r.c.broken("P6", "%s, %s: commit %d after %d", r.name, key, number, r.last[key])
	}
	r.c.count(ofWatch, "reads", 1)
	r.last[key] = number
}

// readFiles reads several files of the published release as nginx does, all by
// one look at the link.
func (c *campaign) readFiles(_ context.Context, key string) (title string, err error) {
	root, err := os.OpenRoot(c.d.path("releases/courses/" + key))
	if errors.Is(err, fs.ErrNotExist) {
		return "", errGap
	}
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	page, err := root.ReadFile("_build/index.html")
	if err != nil {
		return "", err
	}
	index, err := root.ReadFile("index.yaml")
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(string(index), "\n")
	title = strings.TrimPrefix(first, "name: ")
	if string(page) != "<p>"+title+"</p>\n" {
		return "", fmt.Errorf("a mix: %q beside %q", first, page)
	}
	return title, nil
}

func (a *campaignAPI) readPage(ctx context.Context, key string) (string, error) {
	text, err := a.fetch(ctx, "/static/"+key+"/index.html")
	if err != nil {
		return "", err
	}
	title, whole := strings.CutSuffix(strings.TrimPrefix(string(text), "<p>"), "</p>\n")
	if !whole {
		return "", fmt.Errorf("a torn page: %q", text)
	}
	return title, nil
}

func (a *campaignAPI) readDocument(ctx context.Context, key string) (string, error) {
	text, err := a.fetch(ctx, "/"+key+"/aplus-json")
	if err != nil {
		return "", err
	}
	var document struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return "", err
	}
	if document.Name == "" {
		return "", errGap // the answer says why, as gitmanager's does
	}
	return document.Name, nil
}

// fetch reads an address. Only a whole answer of status 200 counts.
func (a *campaignAPI) fetch(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base()+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAway, err)
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close() // it is read
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errAway, err)
	case res.StatusCode == http.StatusNotFound:
		return nil, errGap
	case res.StatusCode >= http.StatusInternalServerError:
		return nil, fmt.Errorf("%w: status %s", errAway, res.Status)
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("status %s: %.200s", res.Status, text)
	}
	return text, nil
}
