package storetest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// childVariable names the database of a child process; see KilledChild.
const childVariable = "COURSEWRIGHT_TEST_DATABASE"

// Kill kills processes that write to the database, and looks in s, a store of
// the same one, for every row that they had been told is written. The test
// binary has a test TestKilledChild, which calls KilledChild.
func Kill(t *testing.T, s store.Store, database string) {
	t.Helper()
	newCourse(t, s, "a")
	for round := range 3 {
		for _, w := range killedWriter(t, database, 20+10*round) {
			checkAcknowledged(t, s, w)
		}
	}
	// The claim of the killed process does not stop the next one.
	request(t, s, "a", course.BuildRequest{})
	if _, ok, err := s.ClaimBuild(t.Context(), "a", "next", nil); !ok || err != nil {
		t.Errorf("ClaimBuild after the kills = %v, %v", ok, err)
	}
}

// written is what a child has been told is written: a build, and perhaps more.
type written struct {
	id   int64
	what string // "requested", "logged" or "finished"
}

func checkAcknowledged(t *testing.T, s store.Store, w written) {
	t.Helper()
	b, err := s.Build(t.Context(), w.id)
	if err != nil {
		t.Errorf("build %d was acknowledged: %v", w.id, err)
		return
	}
	switch w.what {
	case "logged":
		chunks, _, err := s.ReadLog(t.Context(), w.id, 0)
		if err != nil || len(chunks) == 0 || !strings.HasPrefix(chunks[0].Text, "line\n") {
			t.Errorf("log of build %d: %v, %v; want its line", w.id, chunks, err)
		}
	case "finished":
		if b.Status != course.StatusSuccess || len(b.Steps) != 1 || b.Steps[0].Outcome != course.OutcomeOK {
			t.Errorf("build %d is %s with steps %+v; want the acknowledged end", w.id, b.Status, b.Steps)
		}
	}
}

// killedWriter runs a child that writes until it has told so many lines, kills
// it and returns all that it told.
func killedWriter(t *testing.T, database string, after int) []written {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel() // SIGKILL
	cmd := exec.CommandContext(ctx, self, "-test.run=^TestKilledChild$")
	cmd.Env = append(os.Environ(), childVariable+"="+database)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var told []written
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var w written
		if n, err := fmt.Sscanf(lines.Text(), "written %d %s", &w.id, &w.what); n == 2 && err == nil {
			told = append(told, w)
		} else if len(told) < after {
			t.Logf("child: %s", lines.Text())
		}
		if len(told) == after {
			cancel()
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Errorf("the child ended by itself after %d lines; it should have been killed", len(told))
	}
	if len(told) < after {
		t.Fatalf("the child told %d writes; want at least %d", len(told), after)
	}
	return told
}

// KilledChild is the process that Kill kills: it writes until then. By itself,
// where no database is given, it does nothing.
func KilledChild(t *testing.T, open func(database string) store.Store) {
	t.Helper()
	database := os.Getenv(childVariable)
	if database == "" {
		t.Skip("runs as a child of Kill only")
	}
	for s := open(database); ; {
		writeOne(t, s, os.Stdout)
	}
}

// writeOne takes one build through its life and tells each thing once the
// store says that it is written.
func writeOne(t *testing.T, s store.Store, out io.Writer) {
	t.Helper()
	ctx := t.Context()
	b := request(t, s, "a", course.BuildRequest{})
	fmt.Fprintf(out, "written %d requested\n", b.ID)
	b, ok, err := s.ClaimBuild(ctx, "a", fmt.Sprintf("%d-%d", os.Getpid(), b.ID), nil)
	if !ok || err != nil {
		t.Fatalf("ClaimBuild = %v, %v", ok, err)
	}
	for _, err := range []error{
		s.StartStep(ctx, b.ID, "build"),
		s.AppendLog(ctx, b.ID, "line\n"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintf(out, "written %d logged\n", b.ID)
	if _, err := s.FinishBuild(ctx, b.ID, course.BuildResult{Status: course.StatusSuccess}); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(out, "written %d finished\n", b.ID)
}
