package coursediff_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/coursediff"
	"coursewright/internal/release"
)

func version(build int) string { return fmt.Sprintf("V%0*d", course.VersionLength-1, build) }

// depot is a real one; its course has the documents as releases of the builds 1, 2, ….
func depot(t *testing.T, documents ...string) *release.Depot {
	t.Helper()
	store, publish := t.TempDir(), t.TempDir()
	d, err := release.Open(release.Config{StorePath: store, PublishPath: publish})
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range documents {
		r := release.StageRequest{
			Key: "c", Version: version(i + 1), BuildID: int64(i + 1), SourceDir: t.TempDir(), Docs: map[string][]byte{"lms.json": []byte(text)},
		}
		if _, err := d.Stage(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if err := d.Commit(t.Context(), "c", r.Version); err != nil {
			t.Fatal(err)
		}
		if i < len(documents)-1 {
			if _, err := d.Publish(t.Context(), course.PublishRequest{Key: "c", Version: r.Version}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return d
}

func compared(t *testing.T, d *release.Depot) *coursediff.Releases {
	t.Helper()
	r, err := coursediff.NewReleases(d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDiffOfReleases(t *testing.T) {
	t.Parallel()
	one, two, three := document(module("m", exercise("e"))), document(module("m", exercise("e")+","+exercise("f"))), document(module("m", exercise("f")))
	r := compared(t, depot(t, one, two, three))
	for name, test := range map[string]struct{ version, against, want string }{
		"the stored one with the published one": {"", "", "! removed exercise m:e > -\n"},
		"the same, named":                       {version(3), version(2), "! removed exercise m:e > -\n"},
		"backwards":                             {version(1), version(2), "! removed exercise m:f > -\n"},
		"an older one with the published one":   {version(1), "", "! removed exercise m:f > -\n"},
		"with itself":                           {version(2), version(2), ""},
	} {
		for range 2 { // the second time it is known
			d, err := r.Diff("c", test.version, test.against)
			if err != nil || told(d.Items) != test.want {
				t.Errorf("%s: %v\n%swant\n%s", name, err, told(d.Items), test.want)
			}
		}
	}
	for _, v := range []string{version(9), "..", "x"} {
		if _, err := r.Diff("c", v, ""); !errors.Is(err, course.ErrNotFound) {
			t.Errorf("release %s: %v", v, err)
		}
		if _, err := r.Diff("c", "", v); !errors.Is(err, course.ErrNotFound) {
			t.Errorf("against %s: %v", v, err)
		}
	}
	if _, err := r.Diff("none", "", ""); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("a course without releases: %v", err)
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	one, removes := document(module("m", exercise("e"))), document(module("m", ""))
	gated := course.Course{Key: "c", ApproveRemovals: true}
	for name, test := range map[string]struct {
		documents []string
		course    course.Course
		want      bool
	}{
		"removes":                  {[]string{one, removes}, gated, true},
		"where nobody asks for it": {[]string{one, removes}, course.Course{Key: "c"}, false},
		"adds":                     {[]string{removes, one}, gated, false},
		"the first":                {[]string{one}, gated, false},
		"damaged":                  {[]string{one, "{"}, gated, true},
		"after damage":             {[]string{"{", one}, gated, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := depot(t, test.documents...)
			r := compared(t, d)
			diff, waits, err := r.Waiting(test.course, "")
			if err != nil || waits != test.want {
				t.Fatalf("waits = %t, %v, %+v; want %t", waits, err, diff, test.want)
			}
			if !waits {
				return
			}
			approve := func(against string) {
				t.Helper()
				if err := d.Approve(diff.New, course.Approval{By: "me", At: time.Now(), Against: against}); err != nil {
					t.Fatal(err)
				}
			}
			approve(version(9)) // something else was published then
			if _, waits, err := r.Waiting(test.course, ""); err != nil || !waits {
				t.Errorf("approved against another: waits = %t, %v", waits, err)
			}
			approve(diff.Old.Version)
			if _, waits, err := r.Waiting(test.course, ""); err != nil || waits {
				t.Errorf("approved: waits = %t, %v", waits, err)
			}
		})
	}
}
