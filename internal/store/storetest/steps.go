package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func stepTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"in order":         stepsInOrder,
		"a retry":          stepRetry,
		"the same again":   stepAgain,
		"of a final build": stepAfterEnd,
		"odd texts":        oddSteps,
	}
}

func start(t *testing.T, s store.Store, id int64, name string) {
	t.Helper()
	if err := s.StartStep(t.Context(), id, name); err != nil {
		t.Fatalf("StartStep(%s): %v", name, err)
	}
}

func finishStep(t *testing.T, s store.Store, id int64, name string, o course.Outcome, message string) {
	t.Helper()
	if err := s.FinishStep(t.Context(), id, name, o, message); err != nil {
		t.Fatalf("FinishStep(%s): %v", name, err)
	}
}

// wantSteps compares steps but for their times.
func wantSteps(t *testing.T, got, want []course.Step) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(time.Time{})); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	for _, step := range got {
		if step.StartedAt.IsZero() || step.FinishedAt.IsZero() != (step.Outcome == "") {
			t.Errorf("step %s with outcome %q has times %v to %v", step.Name, step.Outcome, step.StartedAt, step.FinishedAt)
		}
	}
}

func stepsInOrder(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	b := request(t, s, "a", course.BuildRequest{})
	other := request(t, s, "a", course.BuildRequest{})
	before := time.Now()
	start(t, s, b.ID, "checkout")
	finishStep(t, s, b.ID, "checkout", course.OutcomeOK, "")
	start(t, s, b.ID, "build")
	start(t, s, other.ID, "build")
	start(t, s, b.ID, "anything")
	finishStep(t, s, b.ID, "build", course.OutcomeFailed, "exit code 2")
	finishStep(t, s, b.ID, "never begun", course.OutcomeOK, "")
	finishStep(t, s, b.ID, "build", course.OutcomeOK, "late")
	got := load(t, s, b.ID).Steps
	wantSteps(t, got, []course.Step{
		{Name: "checkout", Outcome: course.OutcomeOK},
		{Name: "build", Outcome: course.OutcomeFailed, Message: "exit code 2"},
		{Name: "anything"},
	})
	for _, step := range got {
		checkTime(t, "StartedAt of "+step.Name, step.StartedAt, before)
	}
	checkTime(t, "FinishedAt", got[1].FinishedAt, got[1].StartedAt)
	wantSteps(t, load(t, s, other.ID).Steps, []course.Step{{Name: "build"}})
}

func stepRetry(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	b := request(t, s, "a", course.BuildRequest{})
	start(t, s, b.ID, "build")
	first := load(t, s, b.ID).Steps
	start(t, s, b.ID, "build")
	second := load(t, s, b.ID).Steps
	wantSteps(t, second, []course.Step{{Name: "build"}})
	if !second[0].StartedAt.After(first[0].StartedAt) {
		t.Errorf("begun at %v and again at %v; want the later time", first[0].StartedAt, second[0].StartedAt)
	}
}

func stepAgain(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	b := request(t, s, "a", course.BuildRequest{})
	start(t, s, b.ID, "build")
	finishStep(t, s, b.ID, "build", course.OutcomeFailed, "first")
	start(t, s, b.ID, "build")
	finishStep(t, s, b.ID, "build", course.OutcomeOK, "")
	wantSteps(t, load(t, s, b.ID).Steps, []course.Step{
		{Name: "build", Outcome: course.OutcomeFailed, Message: "first"},
		{Name: "build", Outcome: course.OutcomeOK},
	})
}

func stepAfterEnd(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	b := request(t, s, "a", course.BuildRequest{})
	start(t, s, b.ID, "build")
	finishStep(t, s, b.ID, "build", course.OutcomeOK, "")
	start(t, s, b.ID, "store")
	finish(t, s, b.ID, course.StatusCancelled, "stopped")
	finishStep(t, s, b.ID, "store", course.OutcomeOK, "")
	if err := s.StartStep(t.Context(), b.ID, "notify"); err != nil {
		t.Errorf("StartStep of a final build = %v; want nil", err)
	}
	wantSteps(t, load(t, s, b.ID).Steps, []course.Step{
		{Name: "build", Outcome: course.OutcomeOK},
		{Name: "store", Outcome: course.OutcomeFailed, Message: "stopped"},
	})
}

func oddSteps(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	for name, text := range oddTexts() {
		b := request(t, s, "a", course.BuildRequest{})
		start(t, s, b.ID, text)
		finishStep(t, s, b.ID, text, course.OutcomeFailed, text)
		got := load(t, s, b.ID).Steps
		if len(got) != 1 || got[0].Name != text || got[0].Message != text {
			t.Errorf("%s: steps %+v", name, got)
		}
	}
}
