package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/nginxtest"
)

// The courses that are served: one of the size of a usual real one, and one of
// a thousand exercises. About 3.6 kB of the document are an exercise's.
const (
	usualExercises = 43
	manyExercises  = 1000
)

// BenchmarkServe compares the requests for aplus-json that the program answers
// in a second with those that nginx answers with the same bytes as static file,
// both on all cores of the machine, which the load tool shares. It alternates
// between the two each second, so that what else the machine does meets both, and
// reports medians: of rps, of nginx-rps, and of the ratio of the two of a turn.
func BenchmarkServe(b *testing.B) {
	d := servedCourses(b)
	files := b.TempDir()
	for _, key := range []string{"usual", "many"} {
		document := d.document(key, "")
		must(b, os.WriteFile(filepath.Join(files, key), document, 0o600))
		must(b, os.WriteFile(filepath.Join(files, key+".gz"), d.document(key, "gzip"), 0o600))
	}
	nginx := "http://" + nginxtest.Start(b, gitrepotest.Need(b, "nginx"), `
		sendfile on; tcp_nopush on; gzip_static on; keepalive_requests 1000000; default_type application/json;
		server { listen `+nginxtest.Listen+`; root `+files+`; }`)
	for _, key := range []string{"usual", "many"} {
		for _, coding := range []string{"identity", "gzip"} {
			b.Run(key+"/"+coding, func(b *testing.B) {
				var ours, theirs, ratios []float64
				for b.Loop() {
					for range 9 {
						a := requestsPerSecond(b, d.base+"/"+key+"/aplus-json", coding)
						z := requestsPerSecond(b, nginx+"/"+key, coding)
						ours, theirs, ratios = append(ours, a), append(theirs, z), append(ratios, a/z)
					}
				}
				b.ReportMetric(median(ours), "rps")
				b.ReportMetric(median(theirs), "nginx-rps")
				b.ReportMetric(median(ratios), "ratio")
			})
		}
	}
	b.Run("memory", func(b *testing.B) { d.memoryUnderLoad(b) })
}

// BenchmarkFirstServe measures how much longer the first request for aplus-json
// takes than the median of those that follow, in milliseconds, median of some
// restarts and publishes.
func BenchmarkFirstServe(b *testing.B) {
	whole := b // a program outlives the part that started it
	data, repo := b.TempDir(), largeRepo(b, manyExercises)
	d := startDev(b, data)
	d.addCourse("many", repo.URL(), nil)
	d.pushAndPublish("many")
	for _, coding := range []string{"identity", "gzip"} {
		b.Run("restart/"+coding, func(b *testing.B) {
			var more []time.Duration
			for b.Loop() {
				for range 5 {
					d.end(b)
					d = startDev(whole, data)
					more = append(more, d.firstServed(coding))
				}
			}
			report(b, more, "more")
		})
		b.Run("publish/"+coding, func(b *testing.B) {
			var more []time.Duration
			for b.Loop() {
				for range 5 {
					d.pushAndPublish("many")
					more = append(more, d.firstServed(coding))
				}
			}
			report(b, more, "more")
		})
	}
}

// servedCourses is a running program with both courses built.
func servedCourses(b *testing.B) *dev {
	b.Helper()
	d := startDev(b, b.TempDir())
	for key, n := range map[string]int{"usual": usualExercises, "many": manyExercises} {
		d.addCourse(key, largeRepo(b, n).URL(), nil)
		d.push(key)
		if row := d.final(key)[0]; row.Status != "SUCCESS" {
			b.Fatalf("build of %s ended %s: %s", key, row.Status, row.Reason)
		}
	}
	return d
}

// pushAndPublish builds a course and waits until the result is what students see.
func (d *dev) pushAndPublish(key string) {
	d.tb.Helper()
	d.push(key)
	version := d.final(key)[0].Version
	for d.listed(key) != version {
		must(d.tb, waitShortly(d.tb.Context()))
	}
}

// largeRepo is a course of n exercises, each with a form in two languages in a
// file of its own.
func largeRepo(b *testing.B, n int) *gitrepotest.Repo {
	b.Helper()
	var index strings.Builder
	files := map[string]string{"html/index.html": "<p>chapter"}
	index.WriteString("name: {en: Course, fi: Kurssi}\nlang: [en, fi]\nstatic_dir: html\ncategories: {ex: {name: Exercises}, ch: {name: Chapters}}\nmodules:\n")
	for e := range n {
		if e%20 == 0 {
			fmt.Fprintf(&index, "- key: m%d\n  name: {en: Module, fi: Moduuli}\n  children:\n  - key: c%d\n    category: ch\n    name: Chapter\n    static_content: index.html\n    children:\n", e, e)
		}
		fmt.Fprintf(&index, "    - {key: e%d, category: ex, config: e%d.yaml, max_points: 10}\n", e, e)
		files[fmt.Sprintf("e%d.yaml", e)] = largeForm(e)
	}
	files["index.yaml"] = index.String()
	repo := gitrepotest.New(b)
	repo.Commit(files, "first")
	return repo
}

func largeForm(e int) string {
	var s strings.Builder
	fmt.Fprintf(&s, "title|i18n: {en: Exercise %d, fi: Tehtävä %d}\nview_type: access.types.stdsync.createForm\nfieldgroups:\n- fields:\n", e, e)
	for f := range 5 {
		fmt.Fprintf(&s, "  - key: f%d\n    type: radio\n    title|i18n: {en: 'What is the answer to question %d of exercise %d, as the chapter tells it?', fi: 'Mikä on tehtävän %d kysymyksen %d vastaus?'}\n", f, f, e, e, f)
		fmt.Fprintf(&s, "    options:\n    - {label: '%d', value: a%d}\n    - {label|i18n: {en: 'none of these %d', fi: 'ei mikään näistä %d'}, value: none}\n", f*e, f, f, f)
	}
	return s.String()
}

// document reads a course's aplus-json as it is sent in the coding.
func (d *dev) document(key, coding string) []byte {
	d.tb.Helper()
	var body bytes.Buffer
	d.receive(key, coding, &body)
	plain := body.Bytes()
	if coding == "gzip" {
		unzip, err := gzip.NewReader(bytes.NewReader(plain))
		must(d.tb, err)
		plain, err = io.ReadAll(unzip)
		must(d.tb, err)
	}
	if !bytes.Contains(plain, []byte(`"exercise_info"`)) {
		d.tb.Fatalf("aplus-json of %s: %.300s", key, plain)
	}
	return body.Bytes()
}

// receive puts the body of a course's aplus-json, as it is sent, into a buffer, and
// tells how long it took until the last byte was there.
func (d *dev) receive(key, coding string, body *bytes.Buffer) time.Duration {
	d.tb.Helper()
	r, err := http.NewRequestWithContext(d.tb.Context(), http.MethodGet, d.base+"/"+key+"/aplus-json", http.NoBody)
	must(d.tb, err)
	r.Header.Set("Accept-Encoding", coding)
	begun := time.Now()
	res, err := http.DefaultTransport.RoundTrip(r)
	must(d.tb, err)
	_, err = body.ReadFrom(res.Body)
	took := time.Since(begun)
	must(d.tb, err)
	must(d.tb, res.Body.Close())
	return took
}

// firstServed is how much longer the first request takes than later ones. What the
// client does with the bytes is not measured.
func (d *dev) firstServed(coding string) time.Duration {
	d.tb.Helper()
	// Nor what it needs for its own first request: a connection, and memory.
	d.get("/healthz", http.StatusOK)
	body := bytes.NewBuffer(bytes.Repeat([]byte{1}, 8<<20))
	took := func() time.Duration {
		body.Reset()
		return d.receive("many", coding, body)
	}
	first := took()
	var warm []time.Duration
	for range 21 {
		warm = append(warm, took())
	}
	slices.Sort(warm)
	return first - warm[len(warm)/2]
}

// end stops the program as Ctrl-C does.
func (d *dev) end(tb testing.TB) {
	tb.Helper()
	must(tb, d.cmd.Process.Signal(syscall.SIGINT))
	for d.out.Scan() {
		continue // what it prints on its way out is read, so that it never waits
	}
	must(tb, d.cmd.Wait())
}

var requestsLine = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// requestsPerSecond loads an address for a second.
func requestsPerSecond(b *testing.B, address, coding string) float64 {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), gitrepotest.Need(b, "wrk"),
		"--threads", "2", "--connections", "64", "--duration", "1s", "--header", "Accept-Encoding: "+coding, address).CombinedOutput()
	if err != nil {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	found := requestsLine.FindSubmatch(out)
	if found == nil || bytes.Contains(out, []byte("Non-2xx")) {
		b.Fatalf("wrk said:\n%s", out)
	}
	n, err := strconv.ParseFloat(string(found[1]), 64)
	must(b, err)
	return n
}

// memoryUnderLoad reports the resident memory after a first load and by how
// much four more of the same raise it, in MB.
func (d *dev) memoryUnderLoad(b *testing.B) {
	b.Helper()
	load := func() float64 {
		requestsPerSecond(b, d.base+"/many/aplus-json", "identity")
		return resident(b, d.cmd.Process.Pid)
	}
	var first, last float64
	for b.Loop() {
		first = load()
		for range 4 {
			last = load()
		}
	}
	b.ReportMetric(first, "rss-MB")
	b.ReportMetric(last-first, "growth-MB")
}
