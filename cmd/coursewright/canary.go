package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"coursewright/internal/course"
	"coursewright/internal/gitorigin"
)

const (
	canaryOrigin   = ".canary.git" // in STORE_PATH, which api and workers see
	canaryPatience = 10 * time.Minute
	canaryLook     = 250 * time.Millisecond
)

// canary pushes to a course of the service's own every few minutes, as a git host
// does, and measures how long it takes until students would see the change.
type canary struct {
	y       *system
	base    string // address of this process
	key     string
	origin  *gitorigin.Origin
	course  course.Course
	metrics canaryMetrics
}

type canaryMetrics struct {
	delay   prometheus.Histogram
	runs    *prometheus.CounterVec // outcome
	success prometheus.Gauge
}

func newCanaryMetrics(reg prometheus.Registerer) (canaryMetrics, error) {
	m := canaryMetrics{
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "coursewright_canary_published_delay_seconds", Help: "Time from a push to the canary course until its page shows the change.",
			Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600},
		}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "coursewright_canary_pushes_total", Help: "Pushes to the canary course, by outcome: published, failed.",
		}, []string{"outcome"}),
		success: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "coursewright_canary_success_timestamp_seconds", Help: "When a push to the canary course was last published, by this process; 0: never.",
		}),
	}
	return m, errors.Join(reg.Register(m.delay), reg.Register(m.runs), reg.Register(m.success))
}

// startCanary begins with the canary course, if the deployment wants one. The
// process answers at l.
func (y *system) startCanary(l net.Listener) error {
	w := y.settings.Watching
	if w.CanaryInterval <= 0 {
		return nil
	}
	metrics, err := newCanaryMetrics(y.registry)
	if err != nil {
		return err
	}
	c := &canary{y: y, base: "http://" + reachable(l.Addr().String()), key: w.CanaryCourse, metrics: metrics}
	y.asLeader(context.Background(), "canary course", w.CanaryInterval, func(ctx context.Context) error {
		err := c.sing(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			c.metrics.runs.WithLabelValues("failed").Inc()
		default:
			c.metrics.runs.WithLabelValues("published").Inc()
			c.metrics.success.SetToCurrentTime()
		}
		return err
	})
	return nil
}

// reachable is a listener's address for clients of the same machine.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return address
}

// prepare makes the course and its repository, once.
func (c *canary) prepare(ctx context.Context) error {
	if c.origin != nil {
		return nil
	}
	path := filepath.Join(c.y.settings.StorePath, canaryOrigin)
	found, err := c.y.store.Course(ctx, c.key)
	switch {
	case errors.Is(err, course.ErrNotFound):
		wanted := course.New(c.key)
		wanted.GitOrigin, wanted.GitBranch = path, gitorigin.Branch
		wanted.SkipBuildFailsafes = true // it publishes by itself
		wanted.EmailOnError, wanted.UpdateAutomatically = false, false
		if found, err = c.y.store.CreateCourse(ctx, wanted); err != nil {
			return err
		}
	case err != nil:
		return err
	case filepath.Base(found.GitOrigin) != canaryOrigin:
		return fmt.Errorf("there is a course %s that is not the canary's; give another key in CANARY_COURSE", c.key)
	case found.GitOrigin != path:
		found.GitOrigin = path
		if found, err = c.y.store.UpdateCourse(ctx, found); err != nil {
			return err
		}
	}
	origin, err := gitorigin.Create(path)
	if err != nil {
		return err
	}
	c.course, c.origin = found, origin
	return nil
}

// sing pushes a change and waits until it is published.
func (c *canary) sing(ctx context.Context) error {
	if err := c.prepare(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, canaryPatience, fmt.Errorf("not published within %s", canaryPatience))
	defer cancel()
	began := time.Now()
	words := "sung at " + began.UTC().Format(time.RFC3339Nano)
	if _, err := c.origin.Commit(canaryFiles(words), "The canary is well", began); err != nil {
		return err
	}
	if err := c.push(ctx); err != nil {
		return err
	}
	for {
		heard, err := c.heard(ctx, words)
		if heard {
			c.metrics.delay.Observe(time.Since(began).Seconds())
			return nil
		}
		if pause(ctx, canaryLook) != nil {
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// push calls the hook as GitLab does.
func (c *canary) push(ctx context.Context) error {
	body := fmt.Sprintf(`{"object_kind": "push", "ref": "refs/heads/%s"}`, gitorigin.Branch)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/gitmanager/"+c.key+"/hook", strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Gitlab-Event", "Push Hook")
	r.Header.Set("X-Gitlab-Token", c.course.WebhookSecret)
	status, text, err := answerTo(r)
	if err == nil && status == http.StatusForbidden {
		c.origin = nil // the secret may have been renewed: read it again
	}
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the hook answers %d: %.200s", status, text)
	}
	return err
}

// heard says whether students would see the words.
func (c *canary) heard(ctx context.Context, words string) (bool, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/static/"+c.key+"/index.html", http.NoBody)
	if err != nil {
		return false, err
	}
	_, text, err := answerTo(r)
	return strings.Contains(text, words), err
}

// answerTo sends a request and reads the beginning of the answer.
func answerTo(r *http.Request) (status int, text string, err error) {
	const most = 1 << 16
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, most))
	return res.StatusCode, string(body), errors.Join(err, res.Body.Close())
}

// canaryFiles are the files of the course. No build command is run: what images
// there are is the deployment's affair.
func canaryFiles(words string) map[string]string {
	return map[string]string{
		"apps.meta": "build_image=\n",
		"index.yaml": "name: Canary\nlang: en\nstatic_dir: html\ncategories: {chapter: {name: Chapters}}\n" +
			"modules:\n- key: m\n  name: Module\n  children:\n  - {key: c, category: chapter, name: Chapter, static_content: index.html}\n",
		"html/index.html": "<p>" + words + "</p>\n",
	}
}
