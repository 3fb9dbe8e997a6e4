package workflows_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"

	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/workflows"
)

// Builds that are running when a new version starts are continued by its code,
// so that code must take the same decisions as the one that recorded the
// history. cmd/coursewright's TestRecordHistories makes the files; run it from
// the commit that is deployed, never from a change that is under test.
//
// What was recorded once is never recorded anew or deleted: a build of that version
// may still run somewhere. Later histories are more files, and more lines in
// SHA256SUMS.
func TestRecordedHistoriesAreKept(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("testdata", "replay")
	sums, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(sums)) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed[name] = true
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Errorf("%v: restore it", err)
			continue
		}
		if got := sha256.Sum256(text); hex.EncodeToString(got[:]) != want {
			t.Errorf("%s was changed: restore it and add the new history under another name", name)
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded histories: %v", err)
	}
	for _, file := range files {
		if !listed[filepath.Base(file)] {
			t.Errorf("%s is not in SHA256SUMS: add it with sha256sum", file)
		}
	}
}

// Nor is one gone that any revision had since the oldest that is supported, with its
// line of SHA256SUMS or without: that much of the past nobody edits by the way.
// Support ends where OLDEST of the Makefile is moved, and these files with it.
func TestNoRecordedHistoryIsGone(t *testing.T) {
	t.Parallel()
	gitrepotest.Need(t, "git")
	oldest := oldestRevision(t)
	if out, err := git(t, "cat-file", "-e", oldest+"^{commit}"); err != nil {
		t.Skipf("the past of this tree does not reach back to %s: %v: %s", oldest, err, out)
	}
	const folder = "testdata/replay"
	revisions := append(strings.Fields(mustGit(t, "rev-list", "--full-history", oldest+"..HEAD", "--", folder)), oldest)
	had := map[[2]string]string{} // file and its name in git, and a revision that has it
	for _, revision := range revisions {
		for line := range strings.Lines(mustGit(t, "ls-tree", revision, folder+"/")) {
			about, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
			if blob := about[strings.LastIndex(about, " ")+1:]; strings.HasSuffix(file, ".json") {
				had[[2]string{file, blob}] = revision
			}
		}
	}
	for version, revision := range had {
		if now, err := git(t, "hash-object", "--no-filters", version[0]); err != nil || now != version[1] {
			t.Errorf("%s is gone or changed: git checkout %.12s -- workflows/%[1]s", version[0], revision)
		}
	}
	if len(had) == 0 {
		t.Errorf("%d revisions had no history: the test looks in the wrong place", len(revisions))
	}
}

// Each change of the order of steps is in a history that was recorded with it. That
// runs go on that were begun before it, the others show.
func TestEveryChangeIsInAHistory(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("options.go")
	if err != nil {
		t.Fatal(err)
	}
	changes := regexp.MustCompile(`(?m)^\tchange\w+ += ("[^"]+")`).FindAllSubmatch(source, -1)
	if len(changes) == 0 {
		t.Fatal("options.go names no change")
	}
	files, err := filepath.Glob(filepath.Join("testdata", "replay", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	for _, c := range changes {
		if marker := base64.StdEncoding.EncodeToString(c[1]); !bytes.Contains(all, []byte(`"`+marker+`"`)) {
			t.Errorf("the change %s is in no recorded history: record one with it", c[1])
		}
	}
}

// oldestRevision is where the support of earlier versions begins.
func oldestRevision(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^OLDEST = ([0-9a-f]{40})$`).FindSubmatch(text)
	if found == nil {
		t.Fatal("the Makefile has no OLDEST")
	}
	return string(found[1])
}

func git(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput() //nolint:gosec // of this test
	return strings.TrimSpace(string(out)), err
}

func mustGit(t *testing.T, args ...string) string {
	t.Helper()
	out, err := git(t, args...)
	if err != nil {
		t.Fatalf("git %s: %v: %s", args[0], err, out)
	}
	return out
}

// All of them replay.
func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "replay", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded histories: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			r := sdkworker.NewWorkflowReplayer()
			r.RegisterWorkflow(workflows.Build)
			r.RegisterWorkflow(workflows.Publish)
			r.RegisterWorkflow(workflows.Remove)
			r.RegisterWorkflow(workflows.CallLMS)
			r.RegisterWorkflow(workflows.Announce)
			r.RegisterWorkflow(workflows.TellCommit)
			if err := r.ReplayWorkflowHistoryFromJSONFile(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), file); err != nil {
				t.Error(err)
			}
		})
	}
}
