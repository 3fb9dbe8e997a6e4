package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"coursewright/internal/browsertest"
	"coursewright/internal/gitrepo/gitrepotest"
)

// printing is a course whose build prints the time, in nanoseconds, so many
// times a second for so many lines: of fast ones, some at once ten times a second.
func printing(lines, perSecond int) map[string]string {
	files := tiny("One")
	atOnce := max(perSecond/10, 1)
	files["build.sh"] = fmt.Sprintf("i=0; while [ $i -lt %d ]; do now=$(date +%%s%%N); k=0; while [ $k -lt %d ]; do echo at $now; k=$((k+1)); done; i=$((i+k)); sleep %f; done\n",
		lines, atOnce, float64(atOnce)/float64(perSecond)) + files["build.sh"]
	return files
}

// printingBuild is a system with a build that prints.
func printingBuild(b *testing.B, lines, perSecond int) (h *harness, page string) {
	b.Helper()
	repo := gitrepotest.New(b)
	h = newHarness(b, harnessOptions{})
	repo.Commit(printing(lines, perSecond), "print")
	h.addCourse("watched", repo.URL(), nil)
	return h, fmt.Sprintf("courses/watched/builds/%d", h.push("watched"))
}

// BenchmarkLineOnScreen measures how long after a build printed a line it is on
// the screen of somebody who watches: from the time that the line itself tells
// to the frame after the browser put it into the page.
func BenchmarkLineOnScreen(b *testing.B) {
	browser := browsertest.New(b)
	h, at := printingBuild(b, 100, 10)
	page := browser.Open(b, browsertest.Options{})
	page.Go(h.base + "/gitmanager/" + strings.TrimPrefix(at, "courses/"))
	browsertest.Eval[bool](page, `(window.delays = [], new MutationObserver((changes) => {
		for (const change of changes) for (const node of change.addedNodes) {
			const found = /at (\d{19})/.exec(node.textContent);
			if (found) requestAnimationFrame(() => window.delays.push(Date.now() - Number(found[1]) / 1e6));
		}
	}).observe(document.getElementById("output"), {subtree: true, childList: true}), true)`)
	page.Wait(`document.querySelector("#head").dataset.state === "success"`)
	delays := browsertest.Eval[[]float64](page, `window.delays`)
	if len(delays) < 50 {
		b.Fatalf("only %d lines were seen", len(delays))
	}
	slices.Sort(delays)
	b.ReportMetric(delays[len(delays)/2], "ms-median")
	b.ReportMetric(delays[len(delays)*95/100], "ms-p95")
}

// BenchmarkHundredFollowers measures how many processors the service uses while
// a hundred readers follow one log, the build itself and other programs aside: a
// build that prints as people read, and one that prints as compilers do.
func BenchmarkHundredFollowers(b *testing.B) {
	for _, perSecond := range []int{10, 100} {
		b.Run(fmt.Sprintf("lines-per-s=%d", perSecond), func(b *testing.B) { followTogether(b, 100, perSecond) })
	}
}

func followTogether(b *testing.B, readers, perSecond int) {
	b.Helper()
	lines := 10 * perSecond
	h, at := printingBuild(b, lines, perSecond)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var all sync.WaitGroup
	seen := make([]int, readers)
	began, used := time.Now(), processorTime(b)
	for i := range readers {
		all.Go(func() { seen[i] = follow(ctx, h.base+"/api/v1/"+at+"/events") })
	}
	all.Wait()
	took := time.Since(began).Seconds()
	cores := (processorTime(b) - used).Seconds() / took
	if least := slices.Min(seen); least != lines {
		b.Errorf("a reader has seen %d lines of %d", least, lines)
	}
	b.ReportMetric(cores, "cores")
	b.ReportMetric(float64(lines)/took, "lines/s")
}

// follow reads a stream of events to its end and counts the lines of the build.
func follow(ctx context.Context, address string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return -1
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return -1
	}
	defer res.Body.Close() //nolint:errcheck // only read
	lines := 0
	scanner := bufio.NewScanner(res.Body)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		if text := scanner.Text(); strings.HasPrefix(text, "data: ") {
			lines += strings.Count(text, `at 1`)
		}
	}
	return lines
}

// processorTime is what this process has used by now.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
