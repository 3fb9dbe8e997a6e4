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
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
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
	mu   sync.Mutex
	last map[string]int
}

// seen is the number of the commit that was seen last, 0 when none was yet.
func (r *campaignReader) seen(key string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last[key]
}

func (r *campaignReader) see(key string, number int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last[key] = number
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
// latest until the test ends. That function, for when all is final and well, first
// lets every reader come to see every course that is published.
func (c *campaign) readWhile() (finish func()) {
	ctx, cancel := context.WithCancel(c.tb.Context())
	var all sync.WaitGroup
	readers := c.readers()
	for _, r := range readers {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				r.look(ctx, c.courses[i%len(c.courses)].key)
				if pause(ctx, c.scale.glance) != nil {
					return
				}
			}
		})
	}
	stop := sync.OnceFunc(func() {
		cancel()
		all.Wait()
	})
	c.tb.Cleanup(stop)
	return func() {
		c.tb.Helper()
		c.awaitReads(readers)
		stop()
	}
}

// awaitReads reports what a reader has never seen of the courses that are published,
// and so never judged, though there was time to see it.
func (c *campaign) awaitReads(readers []*campaignReader) {
	c.tb.Helper()
	var published []string
	for _, k := range c.courses {
		if c.api.listed(k.key) != "" {
			published = append(published, k.key)
		}
	}
	c.count(ofWatch, "courses to be read", len(published))
	c.readSoon(func() []string { return unread(readers, published) })
}

// readSoon waits until nothing is wrong with what is read, and reports what still is
// when all has been well for a minute.
func (c *campaign) readSoon(look func() (wrong []string)) {
	c.tb.Helper()
	for end := time.Now().Add(time.Minute); ; {
		wrong := look()
		if len(wrong) == 0 {
			return
		}
		if time.Now().After(end) {
			for _, what := range wrong {
				c.broken("P5", "%s", what)
			}
			return
		}
		if err := pause(c.tb.Context(), c.scale.glance); err != nil {
			c.tb.Fatal(err)
		}
	}
}

// unread lists what readers have never seen.
func unread(readers []*campaignReader, keys []string) (out []string) {
	for _, r := range readers {
		for _, key := range keys {
			if r.seen(key) == 0 {
				out = append(out, fmt.Sprintf("%s, %s: nothing was ever read, though it is published", r.name, key))
			}
		}
	}
	return out
}

// look reads one course and judges what it gets.
func (r *campaignReader) look(ctx context.Context, key string) {
	well := r.c.state.well() && (r.lane == "" || r.c.state.untouched(r.lane))
	title, err := r.read(ctx, key)
	well = well && r.c.state.well() && (r.lane == "" || r.c.state.untouched(r.lane))
	number, bad := strconv.Atoi(strings.TrimPrefix(title, "Title"))
	last := r.seen(key)
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(err, errGap) && last == 0:
		r.c.count(ofWatch, "reads before the first release", 1)
		return
	case errors.Is(err, errAway) && !well:
		r.c.count(ofWatch, "reads without answer", 1)
		return
	case err != nil:
		r.c.broken("P5", "%s, %s: %v (last seen: commit %d)", r.name, key, err, last)
		return
	case bad != nil:
		r.c.broken("P5", "%s, %s: reads %q", r.name, key, title)
		return
	case number < last:
		r.c.broken("P6", "%s, %s: commit %d after %d", r.name, key, number, last)
	}
	way, _, _ := strings.Cut(r.name, " ")
	r.c.count(ofWatch, "reads judged: "+way, 1)
	r.see(key, number)
}

// checkReads looks whether all readers see in the end what was pushed last.
func (c *campaign) checkReads(courses []*campaignCourse) {
	c.tb.Helper()
	readers := c.readers()
	c.readSoon(func() []string { return misread(c.tb.Context(), readers, courses) })
}

// misread lists what readers see of courses that is not what was pushed last.
func misread(ctx context.Context, readers []*campaignReader, courses []*campaignCourse) (out []string) {
	for _, r := range readers {
		for _, k := range courses {
			title, err := r.read(ctx, k.key)
			if want := campaignTitle(k.commits); err != nil || title != want {
				out = append(out, fmt.Sprintf("%s, %s: reads %q (%v) after all, want %q", r.name, k.key, title, err, want))
			}
		}
	}
	return out
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

// A reader that has seen nothing of a course is found, whatever the others saw.
func TestUnread(t *testing.T) {
	t.Parallel()
	files, page := &campaignReader{name: "files", last: map[string]int{}}, &campaignReader{name: "page of api 0", last: map[string]int{}}
	files.see("one", 1)
	files.see("two", 3)
	page.see("two", 2)
	readers := []*campaignReader{files, page}
	if got := unread(readers, []string{"one", "two"}); !slices.Equal(got, []string{"page of api 0, one: nothing was ever read, though it is published"}) {
		t.Errorf("unread: %q", got)
	}
	if got := unread(readers, []string{"two"}); len(got) > 0 {
		t.Errorf("unread of what all have seen: %q", got)
	}
}
