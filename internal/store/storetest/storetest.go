// Package storetest is the suite that every implementation of store.Store
// passes: one test for each promise of the contract. It knows no database.
// Start at Run.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// Caps are the log caps that a store under test is opened with: small, so that
// the tests reach them.
func Caps() store.LogCaps { return store.LogCaps{Head: 4 << 10, Tail: 8 << 10} }

// Run holds a store to its contract. Each test calls open for a store of its
// own, empty and with the log caps of Caps; open sees to its end.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	groups := []struct {
		name  string
		tests map[string]func(t *testing.T, s store.Store)
	}{
		{"courses", courseTests()},
		{"holds", holdTests()},
		{"requests", requestTests()},
		{"claims", claimTests()},
		{"previews", previewTests()},
		{"results", resultTests()},
		{"lists", listTests()},
		{"searches", searchTests()},
		{"idempotency", idempotencyTests()},
		{"steps", stepTests()},
		{"logs", logTests()},
		{"tries", tryTests()},
		{"reports", reportTests()},
		{"deliveries", deliveryTests()},
		{"hosts", hostTests()},
		{"audit", auditTests()},
		{"takeovers", takeoverTests()},
		{"sweeps", sweepTests()},
		{"changes", changeTests()},
		{"races", raceTests()},
	}
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for name, test := range group.tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, open(t))
				})
			}
		})
	}
}

// oddTexts are texts that a careless layer would change or refuse.
func oddTexts() map[string]string {
	long := make([]rune, 0, 100_000)
	for i := range 100_000 {
		long = append(long, rune(0x4e00+i%1000))
	}
	return map[string]string{
		"quotes":    `it's "quoted" ` + "`back`" + ` \ -- ; DROP TABLE courses; $1 ?1 :a %s`,
		"emoji":     "käynnissä 🚀👩‍👩‍👧 \u202e אבג",
		"lines":     "one\ntwo\r\nthree\ttab",
		"long":      string(long),
		"not a key": "\x01\x1b[31mred\x1b[0m",
	}
}

func newCourse(t *testing.T, s store.Store, key string) course.Course {
	t.Helper()
	c := course.New(key)
	c.GitOrigin, c.GitBranch = "https://git.example.org/"+key+".git", "main"
	got, err := s.CreateCourse(t.Context(), c)
	if err != nil {
		t.Fatalf("CreateCourse(%s): %v", key, err)
	}
	return got
}

func request(t *testing.T, s store.Store, key string, r course.BuildRequest) course.Build {
	t.Helper()
	b, err := s.RequestBuild(t.Context(), key, r)
	if err != nil {
		t.Fatalf("RequestBuild(%s): %v", key, err)
	}
	return b
}

func claim(t *testing.T, s store.Store, key, run string) course.Build {
	t.Helper()
	b, ok, err := s.ClaimBuild(t.Context(), key, run, nil)
	if err != nil || !ok {
		t.Fatalf("ClaimBuild(%s, %s) = ok %v, %v; want a build", key, run, ok, err)
	}
	return b
}

func claimNothing(t *testing.T, s store.Store, key, run string) {
	t.Helper()
	b, ok, err := s.ClaimBuild(t.Context(), key, run, nil)
	if err != nil || ok {
		t.Fatalf("ClaimBuild(%s, %s) = build %d, ok %v, %v; want nothing", key, run, b.ID, ok, err)
	}
}

func finish(t *testing.T, s store.Store, id int64, status course.Status, reason string) {
	t.Helper()
	ended, err := s.FinishBuild(t.Context(), id, course.BuildResult{Status: status, Reason: reason})
	if err != nil || !ended {
		t.Fatalf("FinishBuild(%d, %s) = %v, %v; want true", id, status, ended, err)
	}
}

// ended makes a build with a final status.
func ended(t *testing.T, s store.Store, key string, status course.Status) course.Build {
	t.Helper()
	b := request(t, s, key, course.BuildRequest{Trigger: course.TriggerAPI})
	if status == course.StatusSuccess || status == course.StatusFailed {
		claim(t, s, key, fmt.Sprintf("run-%d", b.ID))
	}
	finish(t, s, b.ID, status, "")
	return load(t, s, b.ID)
}

func load(t *testing.T, s store.Store, id int64) course.Build {
	t.Helper()
	b, err := s.Build(t.Context(), id)
	if err != nil {
		t.Fatalf("Build(%d): %v", id, err)
	}
	return b
}

func wantKind(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s = %v; want an error of kind %q", what, err, kind)
	}
}

func asFieldErrors(err error) (*course.FieldErrors, bool) {
	return errors.AsType[*course.FieldErrors](err)
}

func buildIDs(list []course.Build) []int64 {
	ids := make([]int64, 0, len(list))
	for _, b := range list {
		ids = append(ids, b.ID)
	}
	return ids
}

// readAll reads a log to its end in as many calls as it takes.
func readAll(ctx context.Context, s store.Store, id, offset int64) ([]course.LogChunk, int64, error) {
	var out []course.LogChunk
	for {
		chunks, next, err := s.ReadLog(ctx, id, offset)
		if err != nil || len(chunks) == 0 {
			return out, offset, err
		}
		out, offset = append(out, chunks...), next
	}
}
