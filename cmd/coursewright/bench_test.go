package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

const rounds = 40

// BenchmarkPush measures a push to a trivial course on an idle system, as dev
// runs it. All figures are medians in milliseconds, counted from the moment
// before the hook was called: hook, its answer; running, the row is RUNNING;
// command, build.sh has begun; success, the row is SUCCESS.
func BenchmarkPush(b *testing.B) {
	h, mark := benchHarness(b, "")
	var hook, running, command, success []time.Duration
	for b.Loop() {
		for range rounds {
			begun := time.Now()
			id := h.push2("course")
			hook = append(hook, time.Since(begun))
			row := h.succeed(id)
			running = append(running, row.StartedAt.Sub(begun))
			command = append(command, h.marked(mark).Sub(begun))
			success = append(success, row.FinishedAt.Sub(begun))
			h.idle("course")
		}
	}
	report(b, hook, "hook")
	report(b, running, "running")
	report(b, command, "command")
	report(b, success, "success")
}

// BenchmarkBusyCourse measures how long a request that waits for a running
// build waits after that one's end, in milliseconds, median.
func BenchmarkBusyCourse(b *testing.B) {
	h, _ := benchHarness(b, "sleep 0.1\n")
	var gap []time.Duration
	for b.Loop() {
		for range rounds / 4 {
			first := h.push2("course")
			for h.build(first).Status == course.StatusPending {
				if err := waitShortly(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			next := h.push2("course")
			end := h.succeed(first).FinishedAt
			gap = append(gap, h.succeed(next).StartedAt.Sub(end))
		}
	}
	report(b, gap, "next-start")
}

// BenchmarkPublishRequest measures a whole publish request, in milliseconds,
// median, by publishing two releases in turns.
func BenchmarkPublishRequest(b *testing.B) {
	h, _ := benchHarness(b, "")
	versions := []string{h.succeed(h.push2("course")).Version, h.succeed(h.push2("course")).Version}
	h.published("course", versions[1])
	var request []time.Duration
	for b.Loop() {
		for i := range rounds {
			begun := time.Now()
			h.do("POST", "/api/v1/courses/course/releases/"+versions[i%2]+"/publish", `{"rollback": true}`, 200)
			request = append(request, time.Since(begun))
		}
	}
	report(b, request, "publish")
}

func benchHarness(b *testing.B, more string) (h *harness, mark string) {
	b.Helper()
	mark = filepath.Join(b.TempDir(), "mark")
	repo := gitrepotest.New(b)
	files := chapterOnly()
	files["build.sh"] = "echo $EPOCHREALTIME > " + mark + "\n" + more + files["build.sh"]
	repo.Commit(files, "first")
	h = newHarness(b, harnessOptions{})
	h.addCourse("course", repo.URL(), nil)
	h.succeed(h.push2("course"))
	h.idle("course")
	return h, mark
}

// push2 calls the hook and finds its row without another request.
func (h *harness) push2(key string) int64 {
	h.tb.Helper()
	h.do("POST", "/gitmanager/"+key+"/hook", "", 200)
	rows, err := h.system.store.ListBuilds(h.tb.Context(), key, course.Page{Limit: 1})
	if err != nil {
		h.tb.Fatal(err)
	}
	return rows[0].ID
}

func (h *harness) build(id int64) course.Build {
	h.tb.Helper()
	b, err := h.system.store.Build(h.tb.Context(), id)
	if err != nil {
		h.tb.Fatal(err)
	}
	return b
}

// marked reads the moment that build.sh wrote down.
func (h *harness) marked(file string) time.Time {
	h.tb.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		h.tb.Fatal(err)
	}
	micros, err := strconv.ParseInt(strings.Replace(strings.TrimSpace(string(text)), ".", "", 1), 10, 64)
	if err != nil {
		h.tb.Fatal(err)
	}
	return time.UnixMicro(micros)
}

func report(b *testing.B, all []time.Duration, name string) {
	b.Helper()
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, name+"-ms")
}

// BenchmarkMemory measures the resident memory of `coursewright dev`, without
// its Temporal child, after a hundred builds, in MB.
func BenchmarkMemory(b *testing.B) {
	repo := gitrepotest.New(b)
	repo.Commit(tiny("One"), "first")
	d := startDev(b, b.TempDir())
	d.addCourse("course", repo.URL(), nil)
	for b.Loop() {
		for range 100 {
			d.push("course")
			d.final("course")
		}
	}
	b.ReportMetric(resident(b, d.cmd.Process.Pid), "rss-MB")
}

// resident is the memory that a process holds, in MB.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	must(b, err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			must(b, err)
			return kb / 1024
		}
	}
	b.Fatalf("no resident memory of process %d is told:\n%s", pid, status)
	return 0
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
