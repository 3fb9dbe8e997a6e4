package storetest

import (
	"sync"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func tryTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"steps and log":         triesOfOneWorker,
		"a late try is refused": lateTry,
		"the mark":              marks,
		"of an unknown build":   tryOfNoBuild,
		"at the same time":      triesRace,
	}
}

func startTry(t *testing.T, s store.Store, id int64, step string) course.Try {
	t.Helper()
	try, err := s.StartTry(t.Context(), id, step)
	if err != nil || try.BuildID != id || try.Step != step || try.Number < 1 {
		t.Fatalf("StartTry(%s) = %+v, %v", step, try, err)
	}
	return try
}

func appendTry(t *testing.T, s store.Store, try course.Try, text, mark string) {
	t.Helper()
	if err := s.AppendTry(t.Context(), try, text, mark); err != nil {
		t.Fatalf("AppendTry(%q, %q): %v", text, mark, err)
	}
}

func wantMark(t *testing.T, s store.Store, id int64, want string) {
	t.Helper()
	if got, err := s.Mark(t.Context(), id); err != nil || got != want {
		t.Errorf("Mark = %q, %v; want %q", got, err, want)
	}
}

func triesOfOneWorker(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	first := startTry(t, s, id, "checkout")
	appendTry(t, s, first, "cloning\n", "")
	if err := s.FinishTry(t.Context(), first, course.OutcomeOK, ""); err != nil {
		t.Fatal(err)
	}
	second := startTry(t, s, id, "build")
	if second.Number <= first.Number {
		t.Errorf("a later try has number %d after %d", second.Number, first.Number)
	}
	appendTry(t, s, second, "building\n", "")
	appendLog(t, s, id, "from elsewhere\n")
	if err := s.FinishTry(t.Context(), second, course.OutcomeFailed, "no"); err != nil {
		t.Fatal(err)
	}
	if got, want := joined(t, wholeLog(t, s, id), 0), "cloning\nbuilding\nfrom elsewhere\n"; got != want {
		t.Errorf("log %q; want %q", got, want)
	}
	wantSteps(t, load(t, s, id).Steps, []course.Step{
		{Name: "checkout", Outcome: course.OutcomeOK},
		{Name: "build", Outcome: course.OutcomeFailed, Message: "no", LogStart: 8},
	})
}

func lateTry(t *testing.T, s store.Store) {
	t.Helper()
	id, other := newBuild(t, s, "a"), newBuild(t, s, "b")
	late := startTry(t, s, id, "build")
	appendTry(t, s, late, "one\n", "1")
	apart := startTry(t, s, other, "build")
	again := startTry(t, s, id, "build")
	wantKind(t, "AppendTry of a late try", s.AppendTry(t.Context(), late, "late\n", "late"), course.ErrConflict)
	wantKind(t, "FinishTry of a late try", s.FinishTry(t.Context(), late, course.OutcomeFailed, "late"), course.ErrConflict)
	wantKind(t, "RecordTryFacts of a late try", s.RecordTryFacts(t.Context(), late, course.Facts{Host: "late"}), course.ErrConflict)
	if err := s.RecordTryFacts(t.Context(), again, course.Facts{}); err != nil {
		t.Errorf("the newest try does not count: %v", err)
	}
	appendTry(t, s, again, "two\n", "2")
	appendTry(t, s, apart, "other\n", "3")
	if got, want := joined(t, wholeLog(t, s, id), 0), "one\ntwo\n"; got != want {
		t.Errorf("log %q; want %q", got, want)
	}
	wantMark(t, s, id, "2")
	wantSteps(t, load(t, s, id).Steps, []course.Step{{Name: "build"}})
}

func marks(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	wantMark(t, s, id, "")
	try := startTry(t, s, id, "build")
	for _, step := range []struct{ text, mark, want string }{
		{"one\n", "", ""},
		{"", `{"written": 4}`, `{"written": 4}`},
		{"two\n", "", `{"written": 4}`},
		{"", "", `{"written": 4}`},
		{"three\n", "å 日", "å 日"},
	} {
		appendTry(t, s, try, step.text, step.mark)
		wantMark(t, s, id, step.want)
	}
	// A refused text changes nothing.
	wantKind(t, "AppendTry of what is no text", s.AppendTry(t.Context(), try, "\xff", "bad"), course.ErrInvalid)
	wantKind(t, "AppendTry of a mark that is no text", s.AppendTry(t.Context(), try, "bad", "\x00"), course.ErrInvalid)
	wantMark(t, s, id, "å 日")
	if got, want := joined(t, wholeLog(t, s, id), 0), "one\ntwo\nthree\n"; got != want {
		t.Errorf("log %q; want %q", got, want)
	}
}

func tryOfNoBuild(t *testing.T, s store.Store) {
	t.Helper()
	const id = 1 << 40
	_, err := s.StartTry(t.Context(), id, "build")
	wantKind(t, "StartTry", err, course.ErrNotFound)
	_, err = s.Mark(t.Context(), id)
	wantKind(t, "Mark", err, course.ErrNotFound)
	try := course.Try{BuildID: id, Step: "build", Number: 1}
	wantKind(t, "AppendTry", s.AppendTry(t.Context(), try, "text\n", "mark"), course.ErrNotFound)
	wantKind(t, "RecordTryFacts", s.RecordTryFacts(t.Context(), try, course.Facts{}), course.ErrNotFound)
	wantKind(t, "FinishTry", s.FinishTry(t.Context(), try, course.OutcomeOK, ""), course.ErrNotFound)
}

// triesRace begins many tries at once: each has a number of its own.
func triesRace(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	const workers = 20
	numbers := make([]bool, workers+1)
	var mu sync.Mutex
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			try, err := s.StartTry(t.Context(), id, "build")
			mu.Lock()
			defer mu.Unlock()
			if err != nil || try.Number < 1 || try.Number > workers || numbers[try.Number] {
				t.Errorf("StartTry = %+v, %v; want numbers from 1 to %d, each once", try, err, workers)
				return
			}
			numbers[try.Number] = true
		})
	}
	group.Wait()
	wantSteps(t, load(t, s, id).Steps, []course.Step{{Name: "build"}})
}
