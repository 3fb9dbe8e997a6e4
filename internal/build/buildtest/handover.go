package buildtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coursewright/internal/build"
)

// handedOver is a trial whose build was handed over in its midst.
type handedOver struct {
	*trial

	ending ending
	token  []byte
}

// handOver starts a build that waits for the file seen, and hands it over.
func handOver(t *testing.T, s Setup) handedOver {
	t.Helper()
	h := handedOver{trial: newTrial(t, s, "exec 3>alive\necho first\nuntil [ -e seen ]; do sleep 0.02; done\necho last\n")}
	h.request.Started = func(token []byte) { h.token = token }
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	done := h.start(ctx, t)
	h.output.waitFor(t, "first\n")
	cancel(build.ErrHandOver)
	h.ending = await(t, done)
	if !errors.Is(h.ending.err, build.ErrHandOver) || h.ending.result.ExitCode != -1 {
		t.Fatalf("got %+v, error %v, want exit code -1 and %v", h.ending.result, h.ending.err, build.ErrHandOver)
	}
	return h
}

// testHandOver hands a build over. A builder that leaves it running goes on with
// it, and no output is lost or told twice; others have stopped it and begin anew.
func testHandOver(t *testing.T, s Setup) {
	t.Helper()
	h := handOver(t, s)
	_, keeps := h.builder.(build.Keeper)
	if h.ending.result.Left != keeps {
		t.Fatalf("Left is %v of a builder whose builds outlive the service: %v", h.ending.result.Left, keeps)
	}
	if !keeps {
		h.wantAllGone(t)
	}
	before := h.output.text()
	if err := os.WriteFile(filepath.Join(h.request.Dir, "seen"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.request.Resume, h.request.Written = h.token, int64(len(before))
	e := h.run(t)
	wantSuccess(t, e, h.output)
	if e.result.Adopted != keeps {
		t.Errorf("Adopted is %v", e.result.Adopted)
	}
	want := "first\nlast\n"
	if !keeps {
		want = "first\nfirst\nlast\n"
	}
	var got strings.Builder
	for line := range strings.Lines(h.output.text()) {
		if line == "first\n" || line == "last\n" {
			got.WriteString(line)
		}
	}
	if got.String() != want {
		t.Errorf("the build printed %q, want %q", got.String(), want)
	}
	h.wantAllGone(t)
}

// testOrphans leaves a build that nobody resumes, and ends it in both ways there
// are.
func testOrphans(t *testing.T, s Setup) {
	t.Helper()
	keeper, keeps := s.Builder.(build.Keeper)
	for _, byCourse := range []bool{false, true} {
		h := handOver(t, s)
		if !keeps {
			h.wantAllGone(t)
			continue
		}
		if n, err := keeper.RemoveOrphans(t.Context(), func(int64, string) bool { return true }); n != 0 || err != nil {
			t.Fatalf("RemoveOrphans = %d, %v although all builds run", n, err)
		}
		if byCourse {
			if err := keeper.Clear(t.Context(), h.request.CourseKey); err != nil {
				t.Fatal(err)
			}
		} else {
			n, err := keeper.RemoveOrphans(t.Context(), func(id int64, _ string) bool { return id != h.request.BuildID })
			if n != 1 || err != nil {
				t.Fatalf("RemoveOrphans = %d, %v, want one", n, err)
			}
		}
		h.wantAllGone(t)
	}
}
