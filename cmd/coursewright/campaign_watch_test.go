package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	final map[int64]string        // how a build ended, when that was seen
	lost  map[int64]time.Duration // how long rows were RUNNING without their workflow, while all was well
}

const watchEvery = time.Second

// rowsFinal is how long a row may be RUNNING after its workflow has ended.
const rowsFinal = time.Minute

// watchWhile looks until the returned function is called.
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
	w := &campaignWatch{c: c, store: st, final: map[int64]string{}, lost: map[int64]time.Duration{}}
	ctx, cancel := context.WithCancel(c.tb.Context())
	var all sync.WaitGroup
	all.Go(func() {
		for pause(ctx, watchEvery) == nil {
			w.look(ctx)
		}
	})
	return func() {
		cancel()
		all.Wait()
		if err := st.Close(); err != nil {
			c.tb.Error(err)
		}
	}
}

// look looks at all open builds once: a course has one that runs, none of them had
// ended before, and the workflow of each that runs is there.
func (w *campaignWatch) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	open, err := w.store.OpenBuilds(ctx, 10_000)
	if err != nil {
		return // the database is away
	}
	running := map[string]int64{}
	for _, b := range open {
		if b.Status != course.StatusRunning {
			continue
		}
		if other, twice := running[b.CourseKey]; twice {
			w.c.broken("P1", "%s: builds %d and %d are RUNNING", b.CourseKey, other, b.ID)
		}
		running[b.CourseKey] = b.ID
		w.workflowOf(ctx, b)
	}
	w.c.count("looks at the rows", 1)
}

// workflowOf counts for how long a row has waited for its end.
func (w *campaignWatch) workflowOf(ctx context.Context, b course.Build) {
	d, err := w.c.temporal.DescribeWorkflowExecution(ctx, "build/"+b.CourseKey, b.RunID)
	var gone *serviceerror.NotFound
	if err != nil && !errors.As(err, &gone) {
		return // Temporal is away
	}
	if err == nil && d.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return
	}
	for _, i := range w.c.state.interferences(b.CourseKey) {
		if i.kind == faultReset {
			return // it may go on in another run
		}
	}
	if !w.c.state.well() {
		return
	}
	w.lost[b.ID] += watchEvery
	if w.lost[b.ID] == rowsFinal {
		w.c.broken("P3", "%s: build %d is RUNNING, its workflow has ended %s ago", b.CourseKey, b.ID, rowsFinal)
	}
}

// recordStatuses has PostgreSQL keep every status that a row ever had.
func (c *campaign) recordStatuses() {
	c.tb.Helper()
	c.base.Exec(c.database, `
		CREATE TABLE statuses (n bigserial, at timestamptz DEFAULT clock_timestamp(), build_id bigint, before text, after text);
		CREATE FUNCTION keep_status() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO statuses (build_id, before, after) VALUES (NEW.id, OLD.status, NEW.status); RETURN NEW;
		END $$;
		CREATE TRIGGER keep_status AFTER UPDATE OF status ON builds FOR EACH ROW EXECUTE FUNCTION keep_status();`)
}

// checkStatuses looks whether a row had more than one final status.
func (c *campaign) checkStatuses() {
	c.tb.Helper()
	if c.base == nil {
		return
	}
	again := c.base.Exec(c.database, `SELECT build_id, before, after FROM statuses WHERE before NOT IN ('PENDING', 'RUNNING') AND before <> after`)
	if again != "" {
		c.broken("P3", "rows had a final status and got another: %s", strings.ReplaceAll(again, "\n", ", "))
	}
	changes := c.base.Exec(c.database, "SELECT count(*) FROM statuses")
	var n int
	if _, err := fmt.Sscan(changes, &n); err != nil || n == 0 {
		c.violation("no change of a status was recorded: %s", changes)
	}
	c.count("changes of status", n)
}
