package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/temporaldev"
	"coursewright/internal/temporaldev/temporaltest"
)

// A process is refused with the name of the setting for what it lacks, and of
// nothing that it does not need.
func TestARoleIsRefusedForWhatItLacks(t *testing.T) {
	t.Parallel()
	temporal := temporaltest.Start(t).Address()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := taken.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, c := range map[string]struct {
		command string
		change  func(s *deploymentSettings)
		want    string
		never   string
	}{
		"api without publish folder": {"api", func(s *deploymentSettings) { s.set("COURSES_PATH", "/dev/null/none") }, "COURSES_PATH", "BUILD_PATH"},
		"api without store":          {"api", func(s *deploymentSettings) { s.set("STORE_PATH", "/dev/null/none") }, "STORE_PATH", "BUILD_PATH"},
		"worker without store":       {"worker", func(s *deploymentSettings) { s.set("STORE_PATH", "/dev/null/none") }, "STORE_PATH", "COURSES_PATH"},
		"worker without build disk":  {"worker", func(s *deploymentSettings) { s.set("BUILD_PATH", "/dev/null/none") }, "BUILD_PATH", "COURSES_PATH"},
		"an address in use":          {"api", func(s *deploymentSettings) { s.set("LISTEN", taken.Addr().String()) }, "LISTEN", "TEMPORAL"},
		"an admin address in use":    {"worker", func(s *deploymentSettings) { s.set("ADMIN_LISTEN", taken.Addr().String()) }, "ADMIN_LISTEN", "TEMPORAL"},
		"a namespace that is not":    {"worker", func(s *deploymentSettings) { s.set("TEMPORAL_NAMESPACE", "other") }, "coursewright migrate", "TLS"},
		"api's namespace":            {"api", func(s *deploymentSettings) { s.set("TEMPORAL_NAMESPACE", "other") }, "coursewright migrate", "TLS"},
		"no search attributes":       {"worker", func(*deploymentSettings) {}, "coursewright migrate", "TLS"},
		"two file systems":           {"api", func(s *deploymentSettings) { s.set("STORE_PATH", memoryFolder(t)) }, "different file systems", "BUILD_PATH"},
		"no keys":                    {"api", func(s *deploymentSettings) { s.set("DISABLE_LOGIN_CHECKS", "false") }, "PUBLIC_KEY_FILE", "BUILD_PATH"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newDeploymentSettings(t, t.TempDir())
			s.set("TEMPORAL_ADDRESS", temporal)
			s.set("DATABASE_URL", "sqlite:"+filepath.Join(t.TempDir(), "data.db"))
			s.set("DATABASE_MIGRATE", "true")
			c.change(s)
			e := runProgram(t, s.environ(), c.command)
			if e.status != 1 || !strings.Contains(e.errOut, c.want) || strings.Contains(e.errOut, c.never) {
				t.Errorf("status %d, want 1 and an error with %q and without %q:\n%s", e.status, c.want, c.never, e.errOut)
			}
		})
	}
}

// Whoever lets builds run without isolation is told so whenever a process starts,
// before anything else can go wrong.
func TestAStartWarnsOfTheLocalBuilder(t *testing.T) {
	t.Parallel()
	const warning = "builds run WITHOUT ISOLATION"
	for _, c := range []struct {
		command, builder string
		warns            bool
	}{{"worker", "local", true}, {"api", "local", true}, {"worker", "docker", false}} {
		t.Run(c.command+" "+c.builder, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := newDeploymentSettings(t, dir)
			s.set("BUILDER", c.builder)
			s.set("LOG_LEVEL", "warn")
			s.set("DATABASE_URL", "sqlite:"+filepath.Join(dir, "there is none.db"))
			e := runProgram(t, s.environ(), c.command)
			warned, failed := strings.Index(e.errOut, warning), strings.Index(e.errOut, "coursewright: ")
			if e.status != 1 || failed < 0 || warned > failed || (warned >= 0) != c.warns {
				t.Errorf("status %d, want a warning: %v\n%s", e.status, c.warns, e.errOut)
			}
		})
	}
}

// memoryFolder is a folder on another file system than the test's.
func memoryFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "roles-test-") //nolint:usetesting // has to be elsewhere
	if err != nil {
		t.Skip("no file system in memory")
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// An api needs the database alone to accept a push. What it accepted without
// Temporal is built when Temporal is there.
func TestAnAPIStartsWithoutTemporal(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	start := func(port int) *temporaldev.Server {
		s, err := temporaldev.Start(t.Context(), temporaldev.Config{
			CLI: temporaltest.CLI(t), DataFile: filepath.Join(data, "temporal.db"), Port: port, UIPort: -1, AnyPort: true,
			Output: io.Discard, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	temporal := start(0)
	d := newDeployment(t, deploymentOptions{settings: map[string]string{"TEMPORAL_ADDRESS": temporal.Address()}})
	if err := temporal.Close(); err != nil {
		t.Fatal(err)
	}
	api := d.addAPI()
	if got := string(api.get("/readyz", http.StatusOK)); !strings.Contains(got, "without temporal") {
		t.Errorf("readyz says %q", got)
	}
	repo := gitrepotest.New(t)
	repo.Commit(tiny("One"), "first")
	api.addCourse("course", repo.URL(), nil)
	id := api.push("course")
	look := fmt.Sprintf(`{"git_origin": %q, "git_branch": "main"}`, repo.URL())
	if got := string(api.do(http.MethodPost, "/api/v1/origins/check", look, http.StatusOK)); !strings.Contains(got, `"branch_exists":true`) {
		t.Errorf("the origin of the course: %s", got)
	}

	_, port, err := net.SplitHostPort(temporal.Address())
	if err != nil {
		t.Fatal(err)
	}
	again, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	start(again)
	d.addWorker()
	b := api.finished("course", id, course.StatusSuccess)
	api.awaitReady()
	api.publish("course", b.Version)
	if got := string(api.get("/readyz", http.StatusOK)); got != "ok\n" {
		t.Errorf("readyz says %q", got)
	}
}

// awaitReady waits until everything that the process depends on answers.
func (p *program) awaitReady() {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(p.tb.Context(), time.Minute)
	defer cancel()
	for string(p.get("/readyz", http.StatusOK)) != "ok\n" {
		if err := waitShortly(ctx); err != nil {
			p.tb.Fatal("not ready after a minute")
		}
	}
}

// awaitStatus waits until an address answers with a status.
func (h *harness) awaitStatus(path string, want int) {
	h.tb.Helper()
	ctx, cancel := context.WithTimeout(h.tb.Context(), time.Minute)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.base+path, nil)
		if err != nil {
			h.tb.Fatal(err)
		}
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			h.tb.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			h.tb.Fatal(err)
		}
		if res.StatusCode == want {
			return
		}
		if err := waitShortly(ctx); err != nil {
			h.tb.Fatalf("%s: status %d after a minute, want %d", path, res.StatusCode, want)
		}
	}
}

// The admin listener tells what the public one keeps to itself.
func TestAdminListener(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 1})
	alone := startDev(t, t.TempDir(), "--admin-listen", "127.0.0.1:0")
	for name, p := range map[string]*program{"api": d.apis[0], "worker": d.workers[0], "dev": alone.program} {
		h := &harness{tb: t, base: p.admin}
		for path, want := range map[string]string{
			"/healthz":               "ok",
			"/readyz":                "database: ok\ntemporal: ok\nSTORE_PATH: ok\n",
			"/metrics":               "go_goroutines",
			"/debug/pprof/":          "goroutine",
			"/debug/pprof/cmdline":   name,
			"/debug/pprof/heap?gc=1": "",
		} {
			if got := string(h.get(path, http.StatusOK)); !strings.Contains(got, want) {
				t.Errorf("%s %s lacks %q: %s", name, path, want, got)
			}
		}
	}
	public := d.apis[0]
	public.get("/debug/pprof/", http.StatusNotFound)
	public.get("/readyz", http.StatusOK)
	probe := d.settings.environ("COURSEWRIGHT_ADMIN_LISTEN=" + strings.TrimPrefix(public.admin, "http://"))
	if e := runProgram(t, probe, "probe", "--ready"); e.status != 0 || !strings.Contains(e.out, "temporal: ok") {
		t.Errorf("probe --ready of a sound process: %+v", e)
	}
	if err := os.Rename(d.path("courses"), d.path("gone")); err != nil {
		t.Fatal(err)
	}
	admin := &harness{tb: t, base: public.admin}
	admin.awaitStatus("/readyz", http.StatusServiceUnavailable)
	if got := string(admin.get("/readyz", http.StatusServiceUnavailable)); !strings.Contains(got, "COURSES_PATH: open "+d.path("courses")) {
		t.Errorf("the admin listener does not tell what is missing: %s", got)
	}
	if got := string(public.get("/readyz", http.StatusServiceUnavailable)); got != "not ready\n" {
		t.Errorf("the public address says %q", got)
	}
	if e := runProgram(t, probe, "probe", "--ready"); e.status != 1 || !strings.Contains(e.errOut, "COURSES_PATH: open") {
		t.Errorf("probe --ready without the publish folder: %+v", e)
	}
	if e := runProgram(t, probe, "probe"); e.status != 0 || e.out != "ok\n" {
		t.Errorf("probe of a process that answers: %+v", e)
	}
	public.kill()
	if e := runProgram(t, probe, "probe"); e.status != 1 || !strings.Contains(e.errOut, "no answer at ADMIN_LISTEN") {
		t.Errorf("probe of a dead process: %+v", e)
	}
	if e := runProgram(t, d.settings.environ("COURSEWRIGHT_ADMIN_LISTEN="), "probe"); e.status != 1 || !strings.Contains(e.errOut, "ADMIN_LISTEN is missing") {
		t.Errorf("probe without an address: %+v", e)
	}
}

// Of several processes that serve one polls; another takes over when it dies.
func TestOneAPIPolls(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, deploymentOptions{apis: 2, workers: 1, settings: map[string]string{"POLL_INTERVAL": "1s"}})
	repo := gitrepotest.New(t)
	repo.Commit(tiny("0"), "first")
	d.apis[0].addCourse("course", repo.URL(), nil)
	survivor := d.apis[1]
	polled := func(want int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for len(survivor.final("course")) < want {
			if err := waitShortly(ctx); err != nil {
				t.Fatalf("the push of commit %d was not found", want)
			}
		}
	}
	polled(1)
	d.apis[0].kill()
	for i := 2; i <= 4; i++ {
		repo.Commit(tiny(strings.Repeat("I", i)), "next")
		polled(i)
	}
	if rows := survivor.builds("course"); len(rows) != 4 {
		t.Errorf("%d builds of 4 commits: %+v", len(rows), rows)
	}
}

// A stop that is asked for ends with status 0, whatever the role, also while a
// browser has opened a connection in advance.
func TestRolesStopInOrder(t *testing.T) {
	t.Parallel()
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 1})
	repo := gitrepotest.New(t)
	repo.Commit(tiny("One"), "first")
	api, worker := d.apis[0], d.workers[0]
	api.addCourse("course", repo.URL(), nil)
	api.finished("course", api.push("course"), course.StatusSuccess)
	for _, p := range []*program{worker, api} {
		if p == api {
			c, err := net.Dial("tcp", strings.TrimPrefix(api.base, "http://"))
			must(t, err)
			t.Cleanup(func() { must(t, c.Close()) })
		}
		if err := p.stop(); err != nil {
			t.Errorf("%v: %v", p.cmd.Args[1:], err)
		}
		if err := syscall.Kill(-p.cmd.Process.Pid, 0); err == nil {
			t.Errorf("%v: a process of the group is left", p.cmd.Args[1:])
		}
	}
}
