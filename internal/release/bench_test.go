package release_test

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/release"
)

// BenchmarkStore20k stores a course of 20,000 files of 50 kB in 200 folders,
// each time with 10 files changed, and compares it with walking the tree with
// lstat: x-walk is how many walks a Stage and Commit take (median over both).
// The first store, which copies everything, is not timed but reported.
func BenchmarkStore20k(b *testing.B) {
	const folders, perFolder, size = 200, 100, 50_000
	p := newPlace(b)
	data := make([]byte, size)
	if _, err := rand.Read(data); err != nil {
		b.Fatal(err)
	}
	for i := range folders {
		dir := filepath.Join(p.source, "static", fmt.Sprintf("chapter%03d", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range perFolder {
			change(b, filepath.Join(dir, fmt.Sprintf("page%02d.html", j)), data, fmt.Sprint(i, j))
		}
	}
	if err := os.WriteFile(filepath.Join(p.source, "index.yaml"), []byte("name: x"), 0o644); err != nil {
		b.Fatal(err)
	}
	d := p.open(b, func(c *release.Config) { c.Now = nil })
	store := func(build int) time.Duration {
		start := time.Now()
		stage(b, d, p.request(build))
		if err := d.Commit(b.Context(), key, version(build)); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	first := store(1)
	var walks, stores []time.Duration
	build := 1
	for b.Loop() {
		build++
		for j := range 10 {
			name := filepath.Join(p.source, "static", fmt.Sprintf("chapter%03d", (build*10+j)%folders), "page00.html")
			change(b, name, data, fmt.Sprint("again", build, j))
		}
		walks = append(walks, walk(b, p.source), walk(b, p.source))
		stores = append(stores, store(build))
	}
	slices.Sort(walks)
	slices.Sort(stores)
	median, base := stores[len(stores)/2], walks[len(walks)/2]
	b.ReportMetric(float64(median)/float64(base), "x-walk")
	b.ReportMetric(float64(base.Microseconds())/1000, "ms/walk")
	b.ReportMetric(float64(median.Microseconds())/1000, "ms/store")
	b.ReportMetric(first.Seconds(), "s/first")
}

// change writes a file whose content tells what is new about it.
func change(b *testing.B, path string, data []byte, what string) {
	b.Helper()
	copy(data, what+"\n")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		b.Fatal(err)
	}
}

// walk stats every entry below dir and tells how long that took.
func walk(b *testing.B, dir string) time.Duration {
	b.Helper()
	start := time.Now()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil {
			_, err = e.Info()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// BenchmarkPublish publishes two releases in turn; the size of a course does
// not matter, since nothing but names is touched.
func BenchmarkPublish(b *testing.B) {
	p := newPlace(b)
	d := p.open(b, func(c *release.Config) { c.Now, c.Grace = nil, time.Nanosecond })
	for build := 1; build <= 5; build++ {
		p.commit(b, d, build)
		publish(b, d, build)
	}
	var times []time.Duration
	build := 5
	for b.Loop() {
		b.StopTimer()
		build++
		p.commit(b, d, build)
		b.StartTimer()
		start := time.Now()
		_, err := d.Publish(b.Context(), course.PublishRequest{Key: key, Version: version(build)})
		if err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
		b.StopTimer()
		if _, err := d.Prune(b.Context(), key); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "µs/median")
}
