package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"coursewright/internal/course"
	"coursewright/internal/settings"
	"coursewright/internal/store"
)

// campaignWatch looks at the rows while the campaign goes on. It has connections
// of its own, which no fault cuts.
type campaignWatch struct {
	c     *campaign
	store store.Store
	// lost has the rows that are RUNNING though their workflow has ended, and
	// forgotten the courses that have requests and no workflow: how much of the
	// time that counts had passed when that was seen first.
	lost      map[int64]time.Duration
	forgotten map[string]time.Duration
	told      map[string]bool // what was reported
}

const watchEvery = time.Second

// rowsFinal is how long a row may be RUNNING after its workflow has ended.
const rowsFinal = time.Minute

// watchWhile looks until the returned function is called, at the latest until the
// test ends.
func (c *campaign) watchWhile() (stop func()) {
	c.tb.Helper()
	s, err := settings.Load(settings.Sources{Environ: c.d.settings.environ()})
	if err != nil {
		c.tb.Fatal(err)
	}
	st, err := openDatabase(c.tb.Context(), s, "campaign", false)
	if err != nil {
		c.tb.Fatal(err)
	}
	w := &campaignWatch{c: c, store: st, lost: map[int64]time.Duration{}, forgotten: map[string]time.Duration{}, told: map[string]bool{}}
	ctx, cancel := context.WithCancel(c.tb.Context())
	var all sync.WaitGroup
	all.Go(func() {
		for pause(ctx, watchEvery) == nil {
			w.look(ctx)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		all.Wait()
		if err := st.Close(); err != nil {
			c.tb.Error(err)
		}
	})
	c.tb.Cleanup(stop)
	return stop
}

// checkWatch fails when the watch, or a way of reading, has seen nothing that it could
// judge.
func (c *campaign) checkWatch() {
	c.tb.Helper()
	c.count(ofWatch, "seconds judged", int(c.state.ableFor().Seconds()))
	looks, rows := c.report.of(ofWatch, "looks judged"), c.report.of(ofWatch, "running rows judged")
	if looks == 0 || rows == 0 {
		c.broken("P3", "was not judged: %d looks at %d running rows while the database, Temporal and an api were there", looks, rows)
	}
	for _, way := range []string{"files", "page", "document"} {
		if c.report.of(ofWatch, "reads judged: "+way) == 0 {
			c.broken("P5", "was not judged: no %s of a course was ever read", way)
		}
	}
}

// look looks at all open builds once: a course has one that runs, and the workflow
// of each that runs is there.
func (w *campaignWatch) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before := w.c.state.ableFor()
	open, err := w.store.OpenBuilds(ctx, 10_000)
	if err != nil {
		return // the database is away
	}
	running, waiting := map[string]course.Build{}, map[string]course.Build{}
	for _, b := range open {
		if b.Status != course.StatusRunning {
			waiting[b.CourseKey] = b
			continue
		}
		if other, twice := running[b.CourseKey]; twice {
			w.c.broken("P1", "%s: builds %d and %d are RUNNING", b.CourseKey, other.ID, b.ID)
		}
		running[b.CourseKey] = b
	}
	w.c.count(ofWatch, "looks at the rows", 1)
	if w.judge(ctx, running, waiting) && w.c.state.ableFor() > before {
		w.c.count(ofWatch, "looks judged", 1)
		w.c.count(ofWatch, "running rows judged", len(running))
	}
}

// judge counts for how long rows have waited for their end, and requests for a
// workflow. No when Temporal did not answer.
func (w *campaignWatch) judge(ctx context.Context, running, waiting map[string]course.Build) bool {
	lost, forgotten := map[int64]time.Duration{}, map[string]time.Duration{}
	for key, b := range running {
		goesOn, err := w.goesOn(ctx, key, b.RunID)
		if err != nil {
			return false
		}
		if goesOn {
			continue
		}
		since, seen := w.lost[b.ID]
		if !seen {
			since = w.c.state.ableFor()
			w.c.count(ofWatch, "running rows without a workflow", 1)
		}
		lost[b.ID] = since
		w.tooLong("P3", since, "%s: build %d is RUNNING, its workflow has ended", key, b.ID)
	}
	for key, b := range waiting {
		if _, builds := running[key]; builds {
			continue
		}
		goesOn, err := w.goesOn(ctx, key, "")
		if err != nil {
			return false
		}
		if goesOn {
			continue
		}
		since, seen := w.forgotten[key]
		if !seen {
			since = w.c.state.ableFor()
		}
		forgotten[key] = since
		w.tooLong("P4", since, "%s: build %d is PENDING, and there is no workflow", key, b.ID)
	}
	w.lost, w.forgotten = lost, forgotten
	return true
}

// tooLong reports, once, what should have been over.
func (w *campaignWatch) tooLong(promise string, since time.Duration, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	if waited := w.c.state.ableFor() - since; waited > rowsFinal && !w.told[what] {
		w.told[what] = true
		w.c.broken(promise, "%s, for %s in which the database, Temporal and an api were there", what, waited.Round(time.Second))
	}
}

// goesOn says whether a run of a course's workflow has not ended, or goes on in the
// one to which it was reset; of no run in particular, whether there is any.
func (w *campaignWatch) goesOn(ctx context.Context, key, run string) (bool, error) {
	running, _, err := w.describe(ctx, key, run)
	if running || err != nil || run == "" {
		return running, err
	}
	running, present, err := w.describe(ctx, key, "")
	if !running || err != nil {
		return false, err
	}
	first, err := w.c.firstEvent(ctx, key, present)
	return first.GetOriginalExecutionRunId() == run, err
}

// describe asks Temporal for a run of a course's workflow, without an id for the
// newest.
func (w *campaignWatch) describe(ctx context.Context, key, run string) (running bool, id string, err error) {
	d, err := w.c.temporal.DescribeWorkflowExecution(ctx, "build/"+key, run)
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return false, "", nil
	}
	info := d.GetWorkflowExecutionInfo()
	return info.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, info.GetExecution().GetRunId(), err
}
