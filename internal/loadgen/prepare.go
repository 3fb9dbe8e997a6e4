package loadgen

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Course is a course that a load makes.
type Course struct {
	Key    string
	Origin string // address of its repository
	Branch string
}

// preparers bounds how many courses are made at once.
const preparers = 50

// Prepare makes the courses, those that are there already are kept, builds each
// once and gives how long all that took. Each publishes what it builds by itself.
func Prepare(ctx context.Context, c Config, courses []Course) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	g := &generator{Config: c, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: preparers}}, report: newReport()}
	defer g.http.CloseIdleConnections()
	begin := time.Now()
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(preparers, len(courses)) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(courses)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := g.prepare(ctx, courses[i]); err != nil {
					cancel(fmt.Errorf("course %s: %w", courses[i].Key, err))
				}
			}
		})
	}
	all.Wait()
	return time.Since(begin), context.Cause(ctx)
}

// prepare makes one course and builds it.
func (g *generator) prepare(ctx context.Context, c Course) error {
	text, err := json.Marshal(map[string]any{
		"key": c.Key, "git_origin": c.Origin, "git_branch": c.Branch, "skip_build_failsafes": true, "email_on_error": false,
	})
	if err != nil {
		return err
	}
	if err := g.change(ctx, http.MethodPost, "/api/v1/courses", text, http.StatusCreated, http.StatusConflict); err != nil {
		return err
	}
	// One that was there may have another origin, such as that of an earlier load.
	if err := g.change(ctx, http.MethodPatch, "/api/v1/courses/"+c.Key, text, http.StatusOK); err != nil {
		return err
	}
	if _, err := g.ask(ctx, KindPush, http.MethodPost, "/gitmanager/"+c.Key+"/hook"); err != nil {
		return err
	}
	id, err := g.newest(ctx, c.Key)
	if err != nil {
		return err
	}
	return g.await(ctx, c.Key, id)
}

// change sends a body and wants one of the statuses.
func (g *generator) change(ctx context.Context, method, path string, body []byte, want ...int) error {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(g.Base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if g.Token != "" {
		r.Header.Set("Authorization", "Bearer "+g.Token)
	}
	res, err := g.http.Do(r)
	if err != nil {
		return err
	}
	text, err := readAll(res)
	for _, status := range want {
		if err == nil && res.StatusCode == status {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("%s %s: %s: %.300s", method, path, res.Status, text), err)
}

// await waits until a build is a success and its release is served.
func (g *generator) await(ctx context.Context, key string, id int64) error {
	const look = 200 * time.Millisecond
	for {
		body, err := g.ask(ctx, KindREST, http.MethodGet, fmt.Sprintf("/api/v1/courses/%s/builds/%d", key, id))
		if err != nil {
			return err
		}
		var b struct{ Status, Reason string }
		if err := json.Unmarshal(body, &b); err != nil {
			return err
		}
		switch b.Status {
		case "FAILED", "CANCELLED":
			return fmt.Errorf("build %d ended as %s: %s", id, b.Status, b.Reason)
		case "SUCCESS", "SKIPPED": // a skipped one was replaced by a newer one
			if published, err := g.published(ctx, key); published || err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(look):
		}
	}
}

// published says whether students can read the course.
func (g *generator) published(ctx context.Context, key string) (bool, error) {
	res, err := g.send(ctx, http.MethodGet, "/static/"+url.PathEscape(key)+"/index.html")
	if err != nil {
		return false, err
	}
	_, err = readAll(res)
	return res.StatusCode == http.StatusOK, err
}

// Remove removes courses that a load made, with all that was built of them.
func Remove(ctx context.Context, c Config, courses []Course) error {
	g := &generator{Config: c, http: &http.Client{}, report: newReport()}
	defer g.http.CloseIdleConnections()
	var failures []error
	for _, made := range courses {
		failures = append(failures, g.change(ctx, http.MethodDelete, "/api/v1/courses/"+made.Key+"?confirm="+made.Key, nil,
			http.StatusOK, http.StatusNoContent, http.StatusAccepted, http.StatusNotFound))
	}
	return errors.Join(failures...)
}

// SampleFiles are the files of a course to put load on; each version of it has
// another page. The build command is run in the image, unless that is empty: then
// nothing is run.
func SampleFiles(version, image, command string) map[string]string {
	return map[string]string{
		"apps.meta": "build_image=" + image + "\nbuild_command=" + command + "\n",
		"index.yaml": "name: Load\nlang: en\nstatic_dir: html\n" +
			"categories: {chapter: {name: Chapters}}\n" +
			"modules:\n- key: m1\n  name: Module\n  children:\n" +
			"  - {key: c1, category: chapter, name: Chapter, static_content: index.html}\n",
		"html/index.html": "<p>" + version + "</p>\n" + strings.Repeat("<p>A chapter has some text.</p>\n", 300),
	}
}
