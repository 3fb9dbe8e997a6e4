package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

const (
	loadCourses = 10
	loadTime    = 30 * time.Second
)

// BenchmarkLoad pushes to ten trivial courses without pause, on one host: a
// course always has a request that waits. It prints the builds that succeeded a
// minute; the processor time of one build, in milliseconds, of the service with
// git and the build commands, and of Temporal's server; and the memory at the
// end, in MB. A small part of the service's is the test's own. The processor
// time tells how far the machine's processors can take it even when others use
// them too.
func BenchmarkLoad(b *testing.B) {
	repo := gitrepotest.New(b)
	repo.Commit(chapterOnly(), "first")
	h := newHarness(b, harnessOptions{})
	for i := range loadCourses {
		h.addCourse(fmt.Sprint("course", i), repo.URL(), nil)
		h.succeed(h.push2(fmt.Sprint("course", i)))
	}
	for b.Loop() {
		service, temporal := usedTime(b)
		begun := time.Now()
		built := h.pushWithoutPause(begun.Add(loadTime))
		took := time.Since(begun)
		serviceAfter, temporalAfter := usedTime(b)
		perBuild := func(before, after time.Duration) float64 {
			return float64((after - before).Microseconds()) / 1000 / float64(built)
		}
		b.ReportMetric(float64(built)/took.Minutes(), "builds/min")
		b.ReportMetric(perBuild(service, serviceAfter), "service-cpu-ms/build")
		b.ReportMetric(perBuild(temporal, temporalAfter), "temporal-cpu-ms/build")
	}
	b.ReportMetric(resident(b, os.Getpid()), "service-rss-MB")
	b.ReportMetric(resident(b, temporalChild(b)), "temporal-rss-MB")
}

// chapterOnly are the files of a trivial course: no grader answers here.
func chapterOnly() map[string]string {
	files := tiny("One")
	files["index.yaml"] = strings.Replace(files["index.yaml"], "      - {key: ex1", "      #", 1)
	return files
}

// pushWithoutPause pushes until end and waits for the last builds. It gives the
// number of builds that succeeded; any other end fails the benchmark.
func (h *harness) pushWithoutPause(end time.Time) int {
	h.tb.Helper()
	counts := make([]int, loadCourses)
	var all sync.WaitGroup
	for i := range loadCourses {
		all.Go(func() {
			key := fmt.Sprint("course", i)
			for time.Now().Before(end) && !h.tb.Failed() {
				running := h.push2(key)
				if h.reaches(running, func(b course.Build) bool { return b.Status != course.StatusPending }) == course.StatusSkipped {
					continue
				}
				counts[i]++
			}
			latest, err := h.system.store.LatestBuilds(h.tb.Context(), h.courseIDs(key))
			if err != nil {
				h.tb.Error(err)
			}
			for _, b := range latest {
				h.reaches(b.ID, func(b course.Build) bool { return b.Status.Final() })
			}
		})
	}
	all.Wait()
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

func (h *harness) courseIDs(key string) []int64 {
	c, err := h.system.store.Course(h.tb.Context(), key)
	if err != nil {
		h.tb.Error(err)
	}
	return []int64{c.ID}
}

// reaches waits until a build is as wanted; a build that failed is an error.
func (h *harness) reaches(id int64, wanted func(course.Build) bool) course.Status {
	ctx, cancel := context.WithCancel(h.tb.Context())
	defer cancel()
	changes := h.system.store.Changes(ctx, id)
	for {
		b, err := h.system.store.Build(ctx, id)
		if err != nil {
			h.tb.Error(err)
			return ""
		}
		if b.Status == course.StatusFailed {
			h.tb.Errorf("build %d: %s", id, b.Reason)
		}
		if wanted(b) || h.tb.Failed() {
			return b.Status
		}
		for change := range changes {
			if change.Kind != course.ChangeLog {
				break
			}
		}
	}
}

// usedTime is the processor time that this process and its ended children have
// used, and that of Temporal's server.
func usedTime(tb testing.TB) (service, temporal time.Duration) {
	tb.Helper()
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var r syscall.Rusage
		if err := syscall.Getrusage(who, &r); err != nil {
			tb.Fatal(err)
		}
		service += time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	fields := procFields(tb, temporalChild(tb))
	const tick = 10 * time.Millisecond // USER_HZ is 100 on all Linux that Go knows
	for _, i := range []int{11, 12} {  // utime and stime
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		temporal += time.Duration(n) * tick
	}
	return service, temporal
}

// procFields are the fields of /proc/PID/stat behind the command's name.
func procFields(tb testing.TB, pid int) []string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Fields(string(text)[strings.LastIndexByte(string(text), ')')+1:])
}

// temporalChild finds the Temporal server among this process's children.
func temporalChild(tb testing.TB) int {
	tb.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range commands {
		name, err := os.ReadFile(file)
		if err != nil || strings.TrimSpace(string(name)) != "temporal" {
			continue // it may have ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			tb.Fatal(err)
		}
		if procFields(tb, pid)[1] == strconv.Itoa(os.Getpid()) {
			return pid
		}
	}
	tb.Fatal("the Temporal server is not a child of this process")
	return 0
}

// BenchmarkMachinery measures what a build of an empty course costs besides its
// steps, in milliseconds, medians: build, from the request to the result; steps,
// the sum of its steps; machinery, the rest. Of that, dispatch is how long tasks
// lay in Temporal until a worker had them, and workflow how long workflow tasks
// took, with the local activities that claim and record a build in them. A round
// trip is a task that Temporal handed to a worker.
func BenchmarkMachinery(b *testing.B) {
	repo := gitrepotest.New(b)
	repo.Commit(chapterOnly(), "first")
	h := newHarness(b, harnessOptions{})
	h.addCourse("course", repo.URL(), nil)
	h.succeed(h.push2("course"))
	h.idle("course")
	var build, steps, machinery, dispatch, workflow []time.Duration
	trips := 0
	for b.Loop() {
		for range rounds {
			row := h.build(h.succeed(h.push2("course")).ID)
			h.idle("course")
			whole, inside := row.FinishedAt.Sub(row.RequestedAt), time.Duration(0)
			for _, s := range row.Steps {
				inside += s.FinishedAt.Sub(s.StartedAt)
			}
			t := h.roundTrips("build/course", row.FinishedAt)
			build, steps, machinery = append(build, whole), append(steps, inside), append(machinery, whole-inside)
			dispatch, workflow, trips = append(dispatch, t.dispatch), append(workflow, t.workflow), t.count
		}
	}
	report(b, build, "build")
	report(b, steps, "steps")
	report(b, machinery, "machinery")
	report(b, dispatch, "dispatch")
	report(b, workflow, "workflow")
	b.ReportMetric(float64(trips), "round-trips")
}

// trips is what a workflow's history tells of Temporal's part.
type trips struct {
	count              int
	dispatch, workflow time.Duration
}

// roundTrips adds up the latest run of a workflow until the build's end.
func (h *harness) roundTrips(id string, end time.Time) trips {
	h.tb.Helper()
	var out trips
	at := map[int64]time.Time{}
	events := h.system.temporal.GetWorkflowHistory(h.tb.Context(), id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			h.tb.Fatal(err)
		}
		now := e.GetEventTime().AsTime()
		at[e.GetEventId()] = now
		if now.After(end) {
			continue
		}
		scheduled, started := before(e)
		if scheduled > 0 {
			out.count++
			out.dispatch += now.Sub(at[scheduled])
		}
		if started > 0 {
			out.workflow += now.Sub(at[started])
		}
	}
	return out
}

// before gives the event that scheduled a task which the event e starts, and
// the event that started the workflow task which e ends; 0 for none.
func before(e *history.HistoryEvent) (scheduled, started int64) {
	if a := e.GetWorkflowTaskStartedEventAttributes(); a != nil {
		return a.GetScheduledEventId(), 0
	}
	if a := e.GetActivityTaskStartedEventAttributes(); a != nil {
		return a.GetScheduledEventId(), 0
	}
	return 0, e.GetWorkflowTaskCompletedEventAttributes().GetStartedEventId()
}
