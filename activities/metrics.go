package activities

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"coursewright/internal/build"
	"coursewright/internal/buildlog"
	"coursewright/internal/course"
	"coursewright/internal/release"
)

// Metrics are the figures of builds and publishing. Labels are names of steps,
// statuses and outcomes, never courses or builds. A nil *Metrics takes and
// forgets everything.
type Metrics struct {
	steps    *prometheus.HistogramVec // step, outcome
	builds   *prometheus.HistogramVec // status
	start    prometheus.Histogram
	stored   prometheus.Histogram
	publish  *prometheus.HistogramVec // outcome
	delay    prometheus.Histogram
	logBytes prometheus.Counter
	files    *prometheus.CounterVec // how
	digests  *prometheus.CounterVec // how
	git      prometheus.Counter
	visible  prometheus.Histogram
}

// NewMetrics makes the figures and registers them.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	// From what one look at a database takes to a build of an hour and more.
	long := []float64{.01, .05, .1, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200}
	histogram := func(name, help string) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Name: "coursewright_" + name, Help: help, Buckets: long}
	}
	m := &Metrics{
		steps: prometheus.NewHistogramVec(histogram("build_step_duration_seconds",
			"Time of one try of a step of a build, by outcome: ok; course (its authors have to act); service (trouble of the service or another one); stopped."), []string{"step", "outcome"}),
		builds: prometheus.NewHistogramVec(histogram("build_duration_seconds",
			"Time from the request for a build to its final status, by status. Requests that a newer one replaced are not counted."), []string{"status"}),
		start:  prometheus.NewHistogram(histogram("build_start_delay_seconds", "Time from the request for a build to its start.")),
		stored: prometheus.NewHistogram(histogram("build_stored_delay_seconds", "Time from the request for a build to its stored release.")),
		publish: prometheus.NewHistogramVec(histogram("publish_duration_seconds",
			"Time of making a release the one that students see, without telling graders, by outcome: ok, failed."), []string{"outcome"}),
		delay: prometheus.NewHistogram(histogram("publish_delay_seconds", "Time from a stored release to its publishing; rollbacks are not counted.")),
		logBytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "coursewright_build_log_bytes_total", Help: "Bytes that were added to the logs of builds.",
		}),
		files: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "coursewright_release_files_total", Help: "Files of stored releases, by how they came in: linked (the same as before) or added.",
		}, []string{"how"}),
	}
	m.digests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "coursewright_release_digests_total", Help: "Digests of files of stored releases, by how they were had: kept (the file had not changed) or computed.",
	}, []string{"how"})
	m.git = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "coursewright_git_received_bytes_total", Help: "About how many bytes came from the origins of courses, without files in Git LFS.",
	})
	m.visible = prometheus.NewHistogram(histogram("build_published_delay_seconds",
		"Time from the request for a build to the publishing of its release; rollbacks are not counted."))
	for _, c := range []prometheus.Collector{
		m.steps, m.builds, m.start, m.stored, m.publish, m.delay, m.logBytes, m.files, m.digests, m.git, m.visible,
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// step notes a try of a step that began at a time.
func (m *Metrics) step(name string, began time.Time, err error) {
	if m == nil {
		return
	}
	kind, _, _ := strings.Cut(name, " ") // graders are numbered
	m.steps.WithLabelValues(kind, outcomeOf(err)).Observe(time.Since(began).Seconds())
}

// outcomeOf names whose turn it is after an error.
func outcomeOf(err error) string {
	var author *course.AuthorError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &author):
		return "course"
	case errors.Is(err, context.Canceled), errors.Is(err, build.ErrHandOver), errors.Is(err, buildlog.ErrRefused):
		return "stopped"
	}
	return "service"
}

func (m *Metrics) started(requested time.Time) {
	if m != nil {
		m.start.Observe(time.Since(requested).Seconds())
	}
}

// ended notes a final status. Jobs of earlier versions do not know when they
// were requested.
func (m *Metrics) ended(in Ending) {
	if m != nil && !in.Job.RequestedAt.IsZero() {
		m.builds.WithLabelValues(string(in.Status)).Observe(time.Since(in.Job.RequestedAt).Seconds())
	}
}

func (m *Metrics) committed(job Job) {
	if m != nil && !job.RequestedAt.IsZero() {
		m.stored.Observe(time.Since(job.RequestedAt).Seconds())
	}
}

func (m *Metrics) published(began time.Time, in Publish, r course.Release, err error) {
	if m == nil {
		return
	}
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	m.publish.WithLabelValues(outcome).Observe(time.Since(began).Seconds())
	if err == nil && !in.Rollback && !r.StoredAt.IsZero() {
		m.delay.Observe(time.Since(r.StoredAt).Seconds())
	}
}

// requested notes the publishing of a release whose build was requested at a time.
func (m *Metrics) requested(at time.Time) {
	if m != nil {
		m.visible.Observe(time.Since(at).Seconds())
	}
}

func (m *Metrics) received(bytes int64) {
	if m != nil {
		m.git.Add(float64(bytes))
	}
}

func (m *Metrics) logged(text string) {
	if m != nil {
		m.logBytes.Add(float64(len(text)))
	}
}

func (m *Metrics) staged(s release.Staged) {
	if m != nil {
		m.files.WithLabelValues("added").Add(float64(s.Added))
		m.files.WithLabelValues("linked").Add(float64(s.Files - s.Added))
		m.digests.WithLabelValues("computed").Add(float64(s.Hashed))
		m.digests.WithLabelValues("kept").Add(float64(s.Files - s.Hashed))
	}
}
