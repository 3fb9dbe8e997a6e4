package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"coursewright/internal/build/docker"
	"coursewright/internal/course"
	"coursewright/internal/host"
)

// notes keeps what a log is told.
type notes struct{ text string }

func (n *notes) Printf(format string, args ...any) { n.text += fmt.Sprintf(format, args...) + "\n" }

// An engine that does not come back ends a build for good, or sends it to another
// host where one takes builds; a build that no host was chosen for does not wait.
func TestAnEngineThatStaysAway(t *testing.T) {
	t.Parallel()
	engine, err := docker.New(docker.Options{Disk: "a", Host: "unix://" + filepath.Join(t.TempDir(), "none.sock")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, c := range map[string]struct {
		others, chosen bool
		kind           string
	}{
		"alone":          {false, true, ServiceErrorType},
		"another host":   {true, true, HostUnfitType},
		"no host chosen": {false, false, HostUnfitType},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := startedTry(t)
			agent := host.NewAgent(host.Config{
				ID: "a", Name: "a", Path: t.TempDir(), Slots: host.NewSlots(1), Store: s, Log: slog.New(slog.DiscardHandler), MaxFailures: 5, Pause: time.Hour,
			})
			if err := agent.Report(t.Context()); err != nil {
				t.Fatal(err)
			}
			if c.others {
				if _, err := s.ReportHost(t.Context(), course.HostReport{ID: "b", Name: "b", Slots: 1}); err != nil {
					t.Fatal(err)
				}
			}
			b := &BuildSteps{Host: "a", Store: s, Builder: engine, Agent: agent, Patience: EnginePatience{Alone: 50 * time.Millisecond, Others: time.Millisecond, Pause: time.Millisecond}}
			log := &notes{}
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			broken := errors.New("broken")
			step := func(ctx context.Context) error {
				if c.chosen {
					return forTemporal(b.waitForEngine(ctx, "course", log, broken))
				}
				return forTemporal(b.awaitEngine(ctx, "course", log, broken))
			}
			env.RegisterActivity(step)
			var app *temporal.ApplicationError
			if _, err := env.ExecuteActivity(step); !errors.As(err, &app) || app.Type() != c.kind || app.Type() == ServiceErrorType && !app.NonRetryable() {
				t.Errorf("the step ended with %v, want an error of type %s", err, c.kind)
			}
			if waited := strings.Contains(log.text, "waiting for up to"); waited != c.chosen {
				t.Errorf("the log has %q", log.text)
			}
			if agent.Takes() == nil {
				t.Error("the host takes builds still")
			}
		})
	}
}
