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
		"an append made again":  appendAgain,
		"a lost append":         appendBehind,
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
	if err := s.AppendTry(t.Context(), try, course.LogAppend{Text: text, Mark: mark}); err != nil {
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
	wantKind(t, "AppendTry of a late try", s.AppendTry(t.Context(), late, course.LogAppend{Text: "late\n", Mark: "late"}), course.ErrConflict)
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
	wantKind(t, "AppendTry of what is no text", s.AppendTry(t.Context(), try, course.LogAppend{Text: "\xff", Mark: "bad"}), course.ErrInvalid)
	wantKind(t, "AppendTry of a mark that is no text", s.AppendTry(t.Context(), try, course.LogAppend{Text: "bad", Mark: "\x00"}), course.ErrInvalid)
	wantMark(t, s, id, "å 日")
	if got, want := joined(t, wholeLog(t, s, id), 0), "one\ntwo\nthree\n"; got != want {
		t.Errorf("log %q; want %q", got, want)
	}
}

// appendAgain makes appends again whose end nobody knows: each is made once.
func appendAgain(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	try := startTry(t, s, id, "build")
	add := func(number int64, text, mark string) {
		t.Helper()
		if err := s.AppendTry(t.Context(), try, course.LogAppend{Number: number, Text: text, Mark: mark}); err != nil {
			t.Fatalf("append %d: %v", number, err)
		}
	}
	add(1, "one\n", "1")
	add(1, "one\n", "1")
	appendLog(t, s, id, "from elsewhere\n")
	add(0, "", "by hand")
	add(1, "one\n", "1")
	wantMark(t, s, id, "by hand")
	add(2, "two\n", "2")
	add(4, "four\n", "") // 3 was given up
	add(3, "three\n", "3")
	add(2, "two\n", "2")
	wantMark(t, s, id, "2")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := s.AppendTry(t.Context(), try, course.LogAppend{Number: 5, Text: "five\n"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	try = startTry(t, s, id, "store") // numbers begin again
	add(1, "next\n", "")
	add(1, "next\n", "")
	if got, want := joined(t, wholeLog(t, s, id), 0), "one\nfrom elsewhere\ntwo\nfour\nfive\nnext\n"; got != want {
		t.Errorf("log %q; want %q", got, want)
	}
}

// appendBehind counts on appends that the database does not have, as after a crash
// that took them: nothing is written, and the try can add them again.
func appendBehind(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	try := startTry(t, s, id, "build")
	first, second, third := course.LogAppend{Number: 1, Text: "one\n"}, course.LogAppend{Number: 2, Text: "two\n"}, course.LogAppend{Number: 3, Text: "three\n"}
	add := func(known int64, a course.LogAppend) error {
		try.Appends = known
		return s.AppendTry(t.Context(), try, a)
	}
	if err := add(0, first); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "an append after a lost one", add(2, third), course.ErrBehind)
	wantKind(t, "RecordTryFacts", s.RecordTryFacts(t.Context(), try, course.Facts{Host: "h"}), course.ErrBehind)
	wantKind(t, "FinishTry", s.FinishTry(t.Context(), try, course.OutcomeOK, ""), course.ErrBehind)
	for known, a := range []course.LogAppend{first, second, third} {
		if err := add(int64(known), a); err != nil {
			t.Fatalf("append %d again: %v", a.Number, err)
		}
	}
	try.Appends = 3
	if err := s.FinishTry(t.Context(), try, course.OutcomeOK, ""); err != nil {
		t.Error(err)
	}
	if got, want := joined(t, wholeLog(t, s, id), 0), "one\ntwo\nthree\n"; got != want {
		t.Errorf("log %q; want %q", got, want)
	}
	late := try
	startTry(t, s, id, "store")
	wantKind(t, "a late try that counts on more", s.AppendTry(t.Context(), late, third), course.ErrConflict)
}

func tryOfNoBuild(t *testing.T, s store.Store) {
	t.Helper()
	const id = 1 << 40
	_, err := s.StartTry(t.Context(), id, "build")
	wantKind(t, "StartTry", err, course.ErrNotFound)
	_, err = s.Mark(t.Context(), id)
	wantKind(t, "Mark", err, course.ErrNotFound)
	try := course.Try{BuildID: id, Step: "build", Number: 1}
	wantKind(t, "AppendTry", s.AppendTry(t.Context(), try, course.LogAppend{Text: "text\n", Mark: "mark"}), course.ErrNotFound)
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
