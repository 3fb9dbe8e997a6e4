package activities_test

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coursewright/activities"
	"coursewright/internal/course"
	"coursewright/internal/store/sqlite"
)

// clockedStore is a database whose clock the test moves.
func clockedStore(t *testing.T) (s *sqlite.Store, pass func(time.Duration)) {
	t.Helper()
	var offset atomic.Int64
	s, err := sqlite.Open(t.Context(), sqlite.Options{
		Path: filepath.Join(t.TempDir(), "db"), Migrate: true,
		Now: func() time.Time { return time.Now().Add(time.Duration(offset.Load())) },
	})
	must(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, func(d time.Duration) { offset.Add(int64(d)) }
}

func TestABuildGoesWhereItsCopyIs(t *testing.T) {
	t.Parallel()
	free := course.HostReport{Name: "builder", Slots: 2}
	busy := course.HostReport{Name: "builder", Slots: 2, Running: 2}
	failing := course.HostReport{Name: "builder", Slots: 2, Trouble: "no engine"}
	const gone = time.Minute
	for name, test := range map[string]struct {
		own, other             course.HostReport
		ownSilent, otherSilent time.Duration
		drained                bool
		want                   string // the host, or a part of the log
	}{
		"free":                       {own: free, other: free, want: "own"},
		"busy, and the other too":    {own: busy, other: busy, want: "own"},
		"busy, the other is gone":    {own: busy, other: free, otherSilent: gone, want: "own"},
		"busy, the other fails":      {own: busy, other: failing, want: "own"},
		"busy, the other is free":    {own: busy, other: free},
		"gone":                       {own: free, other: free, ownSilent: gone},
		"failing":                    {own: failing, other: busy},
		"drained":                    {own: free, other: busy, drained: true},
		"failing, the other is gone": {own: failing, other: free, otherSilent: gone, want: "builder was last heard of 1m0s ago; builder takes none: no engine"},
		"drained, the other fails":   {own: free, other: failing, drained: true, want: "builder takes none: no engine; builder is drained"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, pass := clockedStore(t)
			test.own.ID, test.other.ID = "own", "other"
			for _, r := range []struct {
				course.HostReport
				silent time.Duration
			}{{test.own, test.ownSilent}, {test.other, test.otherSilent}} {
				pass(-r.silent)
				_, err := s.ReportHost(t.Context(), r.HostReport)
				must(t, err)
				pass(r.silent)
			}
			if test.drained {
				must(t, s.DrainHost(t.Context(), "own"))
			}
			claimed, log := claimFor(t, s, "own")
			if test.want == "own" || test.want == "" {
				if claimed.Host != test.want || log != "" {
					t.Errorf("the build goes to %q, its log is %q; want %q", claimed.Host, log, test.want)
				}
			} else if claimed.Host != "" || !strings.Contains(log, test.want) {
				t.Errorf("the build goes to %q, its log is %q; want %q in it", claimed.Host, log, test.want)
			}
		})
	}
}

func TestABuildWithoutAnyHostSaysSo(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	if claimed, log := claimFor(t, s, "unknown"); claimed.Host != "" || !strings.Contains(log, "none has reported itself") {
		t.Errorf("the build goes to %q, its log is %q", claimed.Host, log)
	}
}

// claimFor claims a build of a course whose working copy is on host, and gives
// the build's log.
func claimFor(t *testing.T, s *sqlite.Store, host string) (activities.Claimed, string) {
	t.Helper()
	c := course.New("a")
	c.GitBranch, c.GitOrigin = "main", "https://me:secret@git.example.org/org/a.git"
	c, err := s.CreateCourse(t.Context(), c)
	must(t, err)
	must(t, s.SetBuildHost(t.Context(), c.ID, host))
	_, err = s.RequestBuild(t.Context(), "a", course.BuildRequest{Trigger: course.TriggerPoll})
	must(t, err)
	r := activities.Records{Store: s}
	claimed, err := r.ClaimBuild(t.Context(), activities.Claim{CourseKey: "a", RunID: "run"})
	must(t, err)
	if !claimed.OK || claimed.Job.Class != course.ClassAutomatic || claimed.Job.Owner != "git.example.org/org" {
		t.Errorf("claimed %+v", claimed)
	}
	chunks, _, err := s.ReadLog(t.Context(), claimed.Job.BuildID, 0)
	must(t, err)
	log := ""
	for _, chunk := range chunks {
		log += chunk.Text
	}
	return claimed, log
}

// TestARemovalWaitsForNoHostThatIsGone: a course can be removed while the host
// with its working copy is away.
func TestARemovalWaitsForNoHostThatIsGone(t *testing.T) {
	t.Parallel()
	s, pass := clockedStore(t)
	claimFor(t, s, "own")
	ask := func() string {
		t.Helper()
		r := activities.Records{Store: s}
		open, err := r.CancelPending(t.Context(), activities.Removal{CourseKey: "a"})
		must(t, err)
		return open.Host
	}
	if got := ask(); got != "" {
		t.Errorf("the copy is to be removed from %q, which nobody knows", got)
	}
	_, err := s.ReportHost(t.Context(), course.HostReport{ID: "own", Trouble: "no engine"})
	must(t, err)
	if got := ask(); got != "own" {
		t.Errorf("the copy is to be removed from %q; its host answers", got)
	}
	pass(time.Minute)
	if got := ask(); got != "" {
		t.Errorf("the copy is to be removed from %q, which is gone", got)
	}
}
