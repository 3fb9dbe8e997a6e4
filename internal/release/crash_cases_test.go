package release_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/release"
)

// crashCase is an operation that is killed at each of its steps in turn.
type crashCase struct {
	prepare       func(t *testing.T, p *place, d *release.Depot)
	run           func(ctx context.Context, p *place, d *release.Depot) error
	before, after moment
	bare          bool                                                          // what is live may be without static files meanwhile
	also          func(t *testing.T, where string, d *release.Depot, done bool) // looks at more; done: run has succeeded
	meanwhile     func(t *testing.T, s *scene, op, path string)                 // what others do just before a step of a garbage collection

	seen *seen
	now  time.Time
}

// moment tells which builds a course has: the newest one, of which A+ would be
// told, and the one that students see; 0 for none.
type moment struct{ newest, live int }

// published publishes builds in turn.
func published(builds ...int) func(*testing.T, *place, *release.Depot) {
	return func(t *testing.T, p *place, d *release.Depot) {
		t.Helper()
		for _, b := range builds {
			p.commit(t, d, b)
			publish(t, d, b)
		}
	}
}

func ask(build int, rollback bool) func(context.Context, *place, *release.Depot) error {
	return func(ctx context.Context, _ *place, d *release.Depot) error {
		_, err := d.Publish(ctx, course.PublishRequest{Key: key, Version: version(build), Rollback: rollback})
		return err
	}
}

func stageAndCommit(build int) func(context.Context, *place, *release.Depot) error {
	return func(ctx context.Context, p *place, d *release.Depot) error {
		// A worker asks first, lest it does again what is done.
		if done, err := d.Committed(key, version(build)); done || err != nil {
			return err
		}
		remote := int64(9)
		r := p.request(build)
		r.RemoteID, r.HasUnprotected, r.UnprotectedPaths = &remote, true, []string{"a.html", "b.html", "deep/er"}
		if _, err := d.Stage(ctx, r); err != nil {
			return err
		}
		return d.Commit(ctx, key, version(build))
	}
}

func allCases() map[string]crashCase {
	all := buildCases()
	maps.Copy(all, publishCases())
	maps.Copy(all, takeoverCases())
	maps.Copy(all, cleaningCases())
	maps.Copy(all, besideCases())
	return all
}

func buildCases() map[string]crashCase {
	return map[string]crashCase{
		"first build": {
			prepare: func(t *testing.T, p *place, _ *release.Depot) { t.Helper(); p.course(t, 1) },
			run:     stageAndCommit(1),
			after:   moment{1, 0},
		},
		"build": {
			prepare: func(t *testing.T, p *place, d *release.Depot) { t.Helper(); published(1)(t, p, d); p.course(t, 2) },
			run:     stageAndCommit(2),
			before:  moment{1, 1}, after: moment{2, 1},
		},
		"build over a stored one": {
			prepare: func(t *testing.T, p *place, d *release.Depot) {
				t.Helper()
				published(1)(t, p, d)
				p.commit(t, d, 2)
				p.now = p.now.Add(time.Hour)
				p.course(t, 3)
			},
			run:    stageAndCommit(3),
			before: moment{2, 1}, after: moment{3, 1},
		},
	}
}

func publishCases() map[string]crashCase {
	return map[string]crashCase{
		"first publish": {
			prepare: func(t *testing.T, p *place, d *release.Depot) { t.Helper(); p.commit(t, d, 1) },
			run:     ask(1, false),
			before:  moment{1, 0}, after: moment{1, 1},
		},
		"publish": {
			prepare: func(t *testing.T, p *place, d *release.Depot) {
				t.Helper()
				published(1)(t, p, d)
				p.course(t, 2)
				if err := stageAndCommit(2)(t.Context(), p, d); err != nil {
					t.Fatal(err)
				}
			},
			run:    ask(2, false),
			before: moment{2, 1}, after: moment{2, 2},
		},
		"rollback": {
			prepare: published(1, 2), run: ask(1, true),
			before: moment{2, 2}, after: moment{1, 1},
		},
	}
}

// takeoverCases begin with what another service has left, or change what leads to
// a course.
func takeoverCases() map[string]crashCase {
	adopt := func(ctx context.Context, p *place, d *release.Depot) error {
		r := p.request(1)
		r.Adopt, r.Link = true, true
		return toTheEnd(ctx, d, r)
	}
	asRemote := func(remote *int64) func(context.Context, *place, *release.Depot) error {
		return func(ctx context.Context, p *place, d *release.Depot) error {
			r := p.request(2)
			r.RemoteID = remote
			return toTheEnd(ctx, d, r)
		}
	}
	publishedBefore := func(t *testing.T, p *place, d *release.Depot) {
		t.Helper()
		p.course(t, 1)
		if err := stageAndCommit(1)(t.Context(), p, d); err != nil {
			t.Fatal(err)
		}
		publish(t, d, 1)
		p.course(t, 2)
	}
	other := int64(12)
	return map[string]crashCase{
		"adopt": {
			prepare: func(t *testing.T, p *place, _ *release.Depot) { t.Helper(); p.course(t, 1) },
			run:     adopt,
			after:   moment{1, 1},
		},
		"publish over folders": {
			prepare: func(t *testing.T, p *place, d *release.Depot) {
				t.Helper()
				for _, dir := range []string{filepath.Join(p.publish, key, "static"), filepath.Join(p.static, key)} {
					if err := os.MkdirAll(dir, 0o755); err != nil {
						t.Fatal(err)
					}
				}
				p.commit(t, d, 1)
			},
			run:    ask(1, false),
			before: moment{1, 0}, after: moment{1, 1},
			bare: true,
		},
		"another remote id": {
			prepare: publishedBefore, run: asRemote(&other),
			before: moment{1, 1}, after: moment{2, 2},
		},
		"no remote id any more": {
			prepare: publishedBefore, run: asRemote(nil),
			before: moment{1, 1}, after: moment{2, 2},
		},
	}
}

// toTheEnd stages, commits and publishes.
func toTheEnd(ctx context.Context, d *release.Depot, r release.StageRequest) error {
	if _, err := d.Stage(ctx, r); err != nil {
		return err
	}
	if err := d.Commit(ctx, key, r.Version); err != nil {
		return err
	}
	_, err := d.Publish(ctx, course.PublishRequest{Key: key, Version: r.Version})
	return err
}

func cleaningCases() map[string]crashCase {
	return map[string]crashCase{
		"prune": {
			prepare: func(t *testing.T, p *place, d *release.Depot) {
				t.Helper()
				published(1, 2, 3)(t, p, d)
				p.now = p.now.Add(time.Hour)
			},
			run: func(ctx context.Context, _ *place, d *release.Depot) error {
				_, err := d.Prune(ctx, key)
				return err
			},
			before: moment{3, 3}, after: moment{3, 3},
			also: checkKept,
		},
		"garbage": {
			prepare: func(t *testing.T, p *place, d *release.Depot) {
				t.Helper()
				published(1, 2)(t, p, d)
				p.now = p.now.Add(time.Hour)
				if _, err := d.Prune(t.Context(), key); err != nil {
					t.Fatal(err)
				}
				p.course(t, 3)
				stage(t, d, p.request(3))
				p.now = p.now.Add(48 * time.Hour)
			},
			run: func(ctx context.Context, _ *place, d *release.Depot) error {
				_, err := d.CollectGarbage(ctx)
				return err
			},
			before: moment{2, 2}, after: moment{2, 2},
		},
		"garbage that is wanted meanwhile": {
			prepare: func(t *testing.T, p *place, d *release.Depot) {
				t.Helper()
				published(1, 2)(t, p, d)
				p.course(t, 3)
				stage(t, d, p.request(3))
				if err := d.Discard(t.Context(), key, version(3)); err != nil {
					t.Fatal(err)
				}
				if _, err := d.Prune(t.Context(), key); err != nil {
					t.Fatal(err)
				}
				p.now = p.now.Add(48 * time.Hour)
			},
			run: func(ctx context.Context, _ *place, d *release.Depot) error {
				_, err := d.CollectGarbage(ctx)
				return err
			},
			meanwhile: func(t *testing.T, s *scene, op, path string) {
				t.Helper()
				if op != "rename" || !strings.Contains(path, "/.objects/") {
					return
				}
				if err := keepPreview(3)(t.Context(), s.place, s.open(t, nil)); err != nil {
					t.Error(err)
				}
			},
			before: moment{2, 2}, after: moment{2, 2},
		},
		"discard": {
			prepare: func(t *testing.T, p *place, d *release.Depot) {
				t.Helper()
				published(1)(t, p, d)
				p.course(t, 2)
				stage(t, d, p.request(2))
			},
			run:    func(ctx context.Context, _ *place, d *release.Depot) error { return d.Discard(ctx, key, version(2)) },
			before: moment{1, 1}, after: moment{1, 1},
		},
		"remove": {
			prepare: func(t *testing.T, p *place, d *release.Depot) { t.Helper(); published(1)(t, p, d); p.commit(t, d, 2) },
			run:     func(ctx context.Context, _ *place, d *release.Depot) error { return d.Remove(ctx, key) },
			before:  moment{2, 1},
			bare:    true,
		},
	}
}

// checkKept looks at the releases that can be rolled back to.
func checkKept(t *testing.T, where string, d *release.Depot, _ bool) {
	t.Helper()
	kept, err := d.Releases(key)
	if err != nil {
		t.Errorf("%s: %v", where, err)
	}
	for _, rel := range kept {
		checkWhole(t, where, d, rel)
	}
}

func keepPreview(build int) func(context.Context, *place, *release.Depot) error {
	return func(ctx context.Context, p *place, d *release.Depot) error {
		if kept, err := d.HasPreview(key, version(build)); kept || err != nil {
			return err
		}
		r := p.request(build)
		r.Preview = "draft"
		if _, err := d.Stage(ctx, r); err != nil {
			return err
		}
		return d.CommitPreview(ctx, key, version(build))
	}
}

// besideCases change what lies beside the newest and the live release.
func besideCases() map[string]crashCase {
	live := moment{1, 1}
	return map[string]crashCase{
		"preview": {
			prepare: func(t *testing.T, p *place, d *release.Depot) { t.Helper(); published(1)(t, p, d); p.course(t, 2) },
			run:     keepPreview(2),
			before:  live, after: live,
			also: func(t *testing.T, where string, d *release.Depot, done bool) {
				t.Helper()
				all, err := d.Previews(key)
				if err != nil || done && len(all) != 1 {
					t.Errorf("%s: previews: %+v, %v", where, all, err)
				}
				for _, rel := range all {
					checkWhole(t, where, d, rel)
				}
			},
		},
		"approve": {
			prepare: published(1),
			run: func(_ context.Context, _ *place, d *release.Depot) error {
				rel, err := d.Published(key)
				if err != nil {
					return err
				}
				return d.Approve(rel, course.Approval{By: "teacher"})
			},
			before: live, after: live,
			also: func(t *testing.T, where string, d *release.Depot, done bool) {
				t.Helper()
				rel, err := d.Published(key)
				if err != nil {
					t.Fatalf("%s: %v", where, err)
				}
				a, err := d.Approval(rel)
				if missing := !done && errors.Is(err, course.ErrNotFound); !missing && (err != nil || a.By != "teacher") {
					t.Errorf("%s: approval: %+v, %v", where, a, err)
				}
			},
		},
	}
}
