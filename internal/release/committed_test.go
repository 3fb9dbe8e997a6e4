package release_test

import (
	"errors"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/release"
)

// storeAlone is the configuration of a build worker.
func storeAlone(c *release.Config) { c.PublishPath, c.StaticRoot = "", "" }

// A worker that has no publish folder knows, after a commit that died anywhere,
// whether to do it again, and never stores again what was published meanwhile.
func TestCommittedAfterACommitThatDiedAnywhere(t *testing.T) {
	t.Parallel()
	for n, died := int64(0), true; died; n++ {
		died = committedAfterDeath(t, n)
	}
}

func committedAfterDeath(t *testing.T, n int64) (died bool) {
	t.Helper()
	p := memoryPlace(t)
	p.course(t, 2)
	p.commit(t, p.open(t), 1)
	worker := p.open(t, storeAlone)
	stage(t, worker, p.request(2))
	wasKilled := dieAt(worker, n)
	if err := worker.Commit(t.Context(), key, version(2)); err != nil && !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	worker = p.open(t, storeAlone)
	committed := func() bool {
		done, err := worker.Committed(key, version(2))
		if err != nil {
			t.Fatalf("killed after %d steps: %v", n, err)
		}
		return done
	}
	stored, err := worker.Stored(key)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := committed(), stored.Version == version(2); got != want {
		t.Errorf("killed after %d steps: committed is %v, but stored is %s", n, got, stored.Version)
	}
	p.commit(t, worker, 2)
	publish(t, p.open(t), 2)
	if !committed() {
		t.Errorf("killed after %d steps: the published release does not count as committed", n)
	}
	if r, err := worker.Stored(key); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("killed after %d steps: stored after the publish: %s, %v", n, r.Version, err)
	}
	return wasKilled()
}
