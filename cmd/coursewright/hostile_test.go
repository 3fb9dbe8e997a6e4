package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coursewright/internal/boundstest"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// hostile is a course whose authors mean harm: what its build does in the
// folder that is published, or what its repository holds.
type hostile struct {
	build string               // lines of build.sh, in _build; $VICTIM is a folder of another course
	repo  func(r *hostileRepo) // changes the repository
	root  bool                 // only root can do it
	// refused are words of the build's reason: what is wrong, where, and what
	// helps. Empty: the course is built, and harmless is called once it is
	// published.
	refused  []string
	harmless func(t *testing.T, h *harness, key string)
}

// hostileRepo is the repository of a hostile course.
type hostileRepo struct {
	*gitrepotest.Repo

	t      *testing.T
	victim string // a folder of somebody else
}

// Limits of the system of hostile courses, small so that the tests are fast.
const (
	hostileFiles = 3000
	hostileSize  = "64MiB"
)

// Courses that try to read, write, stop or fill what is not theirs go the whole
// way: clone, build, check, store, publish, serve. Each is refused with the place
// and the remedy, or does no harm; nothing of another course changes, and other
// courses are built meanwhile. Each is held to what it may cost; HOSTILE=measured tries
// one after the other, so that what the service takes is held too; `make torture` does.
func TestHostileCourses(t *testing.T) {
	t.Parallel()
	h := newHarness(t, harnessOptions{environ: []string{
		fmt.Sprintf("COURSEWRIGHT_COURSE_FILES=%d", hostileFiles), "COURSEWRIGHT_COURSE_SIZE=" + hostileSize,
		fmt.Sprintf("COURSEWRIGHT_BUILD_TIMEOUT=%d", int(hostileTimeout.Seconds())),
	}})
	costs := hostileCosts{measured: os.Getenv("HOSTILE") == "measured"}
	t.Run("courses", func(t *testing.T) {
		for name, c := range hostileCourses() {
			t.Run(name, func(t *testing.T) {
				costs.run(t, h, name, c)
			})
		}
	})
	t.Log(costs.table())
	repo := gitrepotest.New(t)
	repo.Commit(tiny("Honest"), "honest")
	h.addCourse("honest", repo.URL(), nil)
	b := h.succeed(h.push("honest"))
	h.published("honest", b.Version)
}

// run has the course built and looks at what comes of it.
func (c hostile) run(t *testing.T, h *harness, key string) (b course.Build) {
	t.Helper()
	if c.root && os.Getuid() != 0 {
		t.Skip("only root can do this")
	}
	at := &harness{tb: t, system: h.system, base: h.base}
	victim := t.TempDir()
	if err := os.WriteFile(filepath.Join(victim, "secret"), []byte(victimText), 0o644); err != nil {
		t.Fatal(err)
	}
	r := &hostileRepo{gitrepotest.New(t), t, victim}
	files := tiny("Hostile")
	files["build.sh"] += "cd _build\nexport VICTIM='" + victim + "'\n" + c.build
	r.Commit(files, "hostile")
	if c.repo != nil {
		c.repo(r)
	}
	at.addCourse(key, r.URL(), nil)
	b = at.awaitFor(at.push(key), 2*hostileTimeout)
	log := at.log(key, b.ID)
	if len(c.refused) > 0 {
		checkRefused(t, b, log, c.refused)
	} else {
		if b.Status != course.StatusSuccess {
			t.Fatalf("ended %s: %s\n%.2000s", b.Status, b.Reason, log)
		}
		at.published(key, b.Version)
		c.harmless(t, at, key)
	}
	names, err := os.ReadDir(victim)
	text, err2 := os.ReadFile(filepath.Join(victim, "secret"))
	if err != nil || err2 != nil || len(names) != 1 || string(text) != victimText {
		t.Errorf("the other course has changed: %v, %q, %v, %v", names, text, err, err2)
	}
	return b
}

const victimText = "of another course\n"

func checkRefused(t *testing.T, b course.Build, log string, words []string) {
	t.Helper()
	if b.Status != course.StatusFailed {
		t.Errorf("ended %s", b.Status)
	}
	for _, w := range words {
		if !strings.Contains(b.Reason+log, w) {
			t.Errorf("the reason %q has not %q\n%.3000s", b.Reason, w, log)
		}
	}
	if strings.ContainsAny(b.Reason, "\r\n\x00") {
		t.Errorf("the reason %q is not one line", b.Reason)
	}
}

// serves checks a file of a published course.
func serves(path, want string) func(t *testing.T, h *harness, key string) {
	return func(t *testing.T, h *harness, key string) {
		t.Helper()
		if got := string(h.get("/static/"+key+"/"+path, http.StatusOK)); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}

// bomb commits folders in folders, ten each, in so many levels: a few kilobytes
// of git with ten to the power of that many files.
func (r *hostileRepo) bomb(levels int, content string) {
	r.t.Helper()
	entry := "100644 blob " + r.Git("hash-object", "-w", r.file(content))
	for range levels {
		var list strings.Builder
		for i := range 10 {
			fmt.Fprintf(&list, "%s\tf%d\n", entry, i)
		}
		entry = "040000 tree " + r.mktree(list.String())
	}
	_, tree, _ := strings.Cut(entry, "tree ")
	r.commitTree(r.Git("ls-tree", "HEAD") + "\n040000 tree " + tree + "\tbomb\n")
}

func (r *hostileRepo) file(content string) string {
	r.t.Helper()
	path := filepath.Join(r.t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// mktree makes a tree of git from lines as ls-tree prints them.
func (r *hostileRepo) mktree(list string) string {
	r.t.Helper()
	return r.GitInput(list, "mktree")
}

// commitTree makes a tree the branch's newest commit, as it is: git would not
// make some from a work tree.
func (r *hostileRepo) commitTree(list string) {
	r.t.Helper()
	r.Git("update-ref", "refs/heads/main", r.Git("commit-tree", "-m", "odd", r.mktree(list)))
}

// A course of a million files, in full: set MILLION. Its memory is bounded, that of the
// service by what the test process had at most meanwhile; what it took is printed.
func TestAMillionFiles(t *testing.T) {
	if os.Getenv("MILLION") == "" {
		t.Skip("MILLION is not set; TestHostileCourses has a short form")
	}
	t.Parallel()
	for name, tt := range map[string]struct {
		environ []string
		want    course.Status
	}{
		"beyond the limit": {nil, course.StatusFailed},
		"within the limit": {[]string{"COURSEWRIGHT_COURSE_FILES=2000000"}, course.StatusSuccess},
	} {
		h := newHarness(t, harnessOptions{environ: tt.environ})
		repo := gitrepotest.New(t)
		files := tiny("Million")
		files["build.sh"] += "cd _build\nfor i in $(seq 1000); do mkdir d$i; (cd d$i; seq 1000 | xargs touch); done\n"
		repo.Commit(files, "million")
		h.addCourse("course", repo.URL(), nil)
		boundstest.Forget(t)
		began, before, resident := time.Now(), boundstest.ProcessorTime(t), boundstest.MostResident(t)
		var b course.Build
		most := watchedCost(t, h.system.settings.BuildPath, "course", func() { b = h.awaitFor(h.push("course"), 20*time.Minute) })
		if b.Status != tt.want {
			t.Errorf("%s: ended %s: %s", name, b.Status, b.Reason)
		}
		const mostMemory = 1536 << 20 // one and a half kilobytes a file
		service := boundstest.MostResident(t)
		if service > mostMemory || most.memory > mostMemory {
			t.Errorf("%s: the service took %d MB of memory and its commands %d MB, more than %d", name, service>>20, most.memory>>20, mostMemory>>20)
		}
		t.Logf("%s: %s, at most %d MB of memory (%d when it began) and %d MB of commands', %s of processors: %s", name, time.Since(began).Round(time.Second),
			service>>20, resident>>20, most.memory>>20, (boundstest.ProcessorTime(t) - before).Round(time.Second), b.Reason)
		h.stop()
	}
}

// escaped is a path as an address has it.
func escaped(path string) string { return (&url.URL{Path: path}).EscapedPath() }
