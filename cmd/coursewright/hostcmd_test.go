package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coursewright/client"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// hostCLI runs a command about build hosts.
func (h *harness) hostCLI(args ...string) (out string, ok bool) {
	h.tb.Helper()
	var stdout, stderr bytes.Buffer
	status := execute(h.tb.Context(), append([]string{"host", "--server", h.base}, args...), &stdout, &stderr)
	return stdout.String() + stderr.String(), status == 0
}

// mustHost runs a command about build hosts that has to work.
func (h *harness) mustHost(args ...string) string {
	h.tb.Helper()
	out, ok := h.hostCLI(args...)
	if !ok {
		h.tb.Fatalf("coursewright host %s: %s", strings.Join(args, " "), out)
	}
	return out
}

// waitFor waits until what is true.
func (h *harness) waitFor(what string, is func() bool) {
	h.tb.Helper()
	for end := time.Now().Add(time.Minute); !is(); {
		if time.Now().After(end) {
			h.tb.Fatalf("%s: waited for a minute", what)
		}
		if err := waitShortly(h.tb.Context()); err != nil {
			h.tb.Fatal(err)
		}
	}
}

// TestADrainedHostFinishesAndTakesNothingNew drains the only host while it
// builds: the build ends well, the next one waits until the host is resumed.
func TestADrainedHostFinishesAndTakesNothingNew(t *testing.T) {
	t.Parallel()
	h := newHarness(t, harnessOptions{})
	repo, gate := gitrepotest.New(t), filepath.Join(t.TempDir(), "gate")
	repo.Commit(gated(t, gate), "slow")
	h.addCourse("slow", repo.URL(), nil)
	h.addCourse("next", repo.URL(), nil)
	first := h.push("slow")
	h.running("slow", first)

	var list []client.Host
	if err := json.Unmarshal([]byte(h.mustHost("list", "--json")), &list); err != nil || len(list) != 1 {
		t.Fatalf("host list --json gives %d hosts: %v", len(list), err)
	}
	id := list[0].ID
	if out := h.mustHost("list"); !strings.Contains(out, id) || !strings.Contains(out, "active") {
		t.Errorf("host list:\n%s", out)
	}
	if out := h.mustHost("drain", id[:8]); !strings.Contains(out, "draining") {
		t.Errorf("host drain:\n%s", out)
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		if out, ok := h.hostCLI("drain", id[:8], "--wait"); !ok {
			t.Errorf("host drain --wait:\n%s", out)
		}
	}()
	if b := h.build(first); b.Status != course.StatusRunning {
		t.Errorf("the build of a host that is drained is %s", b.Status)
	}
	must(t, os.WriteFile(gate, nil, 0o600))
	<-drained
	if b := h.build(first); b.Status != course.StatusSuccess {
		t.Errorf("the build that ran is %s; --wait returned before its end", b.Status)
	}
	next := h.push("next")
	h.waitFor("the build's log", func() bool { return strings.Contains(h.log("next", next), "is drained") })
	if b := h.build(next); b.Host != "" || b.Status != course.StatusRunning {
		t.Errorf("the build is %s on host %q; want it to wait", b.Status, b.Host)
	}
	h.mustHost("resume", id)
	h.succeed(next)
	if out, ok := h.hostCLI("forget", id); ok || !strings.Contains(out, "still reports itself") {
		t.Errorf("host forget of a host that lives: %s", out)
	}
	if out, ok := h.hostCLI("drain", "none"); ok || !strings.Contains(out, "there is no build host") {
		t.Errorf("host drain of nothing: %s", out)
	}
}

func TestHostCommandsTellWhatIsWrong(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]string{
		"http://127.0.0.1:1":    "--server",
		"127.0.0.1:8070":        "is none",
		"ftp://git.example.org": "is none",
	} {
		var out bytes.Buffer
		if status := execute(t.Context(), []string{"host", "list", "--server", server}, &out, &out); status == 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%s: status %d, %s; want %q", server, status, out.String(), want)
		}
	}
}
