package activities

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coursewright/internal/build"
	"coursewright/internal/build/docker"
	"coursewright/internal/build/local"
	"coursewright/internal/course"
	"coursewright/internal/host"
	"coursewright/internal/store/sqlite"
)

// waiting is a log that tells when a build begins to wait.
type waiting struct {
	notes

	begun func()
}

func (w *waiting) Printf(format string, args ...any) {
	w.notes.Printf(format, args...)
	if strings.Contains(format, "waiting for that") {
		w.begun()
	}
}

// absent is an engine that is not there: its builds would outlive the worker.
func absent(t *testing.T) *docker.Builder {
	t.Helper()
	b, err := docker.New(docker.Options{Disk: "a", Host: "unix://" + filepath.Join(t.TempDir(), "none.sock")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// holder is the host that the database has noted for the course, by asking for it in
// the name of one that is never let have it.
func holder(t *testing.T, s *sqlite.Store) string {
	t.Helper()
	got, err := s.HoldCourse(t.Context(), "a", "nobody", "")
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A course that another host may still run something of is not begun before that one
// has said that it does not, is gone, or has had its time.
func TestABuildWaitsForTheHostThatMayRunAnother(t *testing.T) {
	t.Parallel()
	outlasting := absent(t)
	ending, err := local.New(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		builder  build.Builder
		holder   string // before
		listed   bool   // and is in the list of hosts
		releases bool   // once it is waited for
		want     string // in the log; empty: nothing is said
		then     string // the holder
	}{
		"nobody":                    {outlasting, "", false, false, "", "a"},
		"nobody, nothing outlives":  {ending, "", false, false, "", "a"},
		"itself":                    {outlasting, "a", true, false, "", "a"},
		"itself, nothing outlives":  {ending, "a", true, false, "", "a"},
		"one that is not known":     {outlasting, "b", false, false, "is not known any more", "a"},
		"one that says so":          {outlasting, "b", true, true, "(no engine); waiting for that", "a"},
		"one that says so, then no": {ending, "b", true, true, "No other host builds the course any more", "a"},
		"one that never says":       {outlasting, "b", true, false, "has not said in time", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := startedTry(t)
			if _, err := s.HoldCourse(t.Context(), "a", c.holder, ""); err != nil {
				t.Fatal(err)
			}
			if c.listed {
				if _, err := s.ReportHost(t.Context(), course.HostReport{ID: c.holder, Name: "builder-" + c.holder, Trouble: "no engine"}); err != nil {
					t.Fatal(err)
				}
			}
			slots := host.NewSlots(1)
			b := &BuildSteps{
				Host: "a", Store: s, Builder: c.builder, Slots: slots,
				Agent:    host.NewAgent(host.Config{ID: "a", Slots: slots, Store: s, Log: slog.New(slog.DiscardHandler)}),
				Patience: EnginePatience{Others: time.Hour, Pause: time.Millisecond},
			}
			if !c.releases {
				b.Patience.Others = 20 * time.Millisecond
			}
			log := &waiting{begun: func() {
				if !c.releases {
					return
				}
				if err := s.ReleaseCourse(t.Context(), "a", c.holder); err != nil {
					t.Error(err)
				}
			}}
			if err := b.hold(t.Context(), Job{CourseKey: "a"}, log); err != nil {
				t.Fatal(err)
			}
			if c.want == "" && log.text != "" || !strings.Contains(log.text, c.want) {
				t.Errorf("the log has %q, want %q", log.text, c.want)
			}
			if got := holder(t, s); got != c.then {
				t.Errorf("the course is held by %s, want %s", got, c.then)
			}
		})
	}
}

// The wait ends with the build.
func TestTheWaitForAHostEndsWithTheBuild(t *testing.T) {
	t.Parallel()
	s, _ := startedTry(t)
	if _, err := s.HoldCourse(t.Context(), "a", "b", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReportHost(t.Context(), course.HostReport{ID: "b", Name: "b"}); err != nil {
		t.Fatal(err)
	}
	slots := host.NewSlots(1)
	b := &BuildSteps{
		Host: "a", Store: s, Builder: absent(t), Slots: slots,
		Agent: host.NewAgent(host.Config{ID: "a", Slots: slots, Store: s, Log: slog.New(slog.DiscardHandler)}),
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	log := &waiting{begun: func() { cancel(errGone) }}
	if err := b.hold(ctx, Job{CourseKey: "a"}, log); err != errGone { //nolint:errorlint // the cause itself
		t.Errorf("the wait ended with %v", err)
	}
	if got := holder(t, s); got != "b" {
		t.Errorf("the course is held by %s", got)
	}
}

// Silence counts where the database has answered all the time.
func TestLetGo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		silent            time.Duration
		steady, impatient bool
		want              string
	}{
		{time.Second, true, false, ""},
		{goneAfter - 1, true, false, ""},
		{goneAfter, true, false, "last heard of 45s ago"},
		{goneAfter, false, false, ""},
		{goneAfter, false, true, "not said in time"},
		{time.Second, true, true, "not said in time"},
	} {
		got := letGo(course.Host{Silent: c.silent}, c.steady, c.impatient)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("silent for %s, steady %v, impatient %v: %q, want %q", c.silent, c.steady, c.impatient, got, c.want)
		}
	}
}
