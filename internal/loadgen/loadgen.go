// Package loadgen puts load on a running service as its users do: git hosts push,
// A+ and students read, teachers follow the logs of builds. It measures how long
// the answers take and counts what goes wrong. It knows the service's addresses,
// nothing of its inside. Start at Run.
package loadgen

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Config says who does what for how long.
type Config struct {
	Base    string   // address of the service, such as http://127.0.0.1:8070
	Token   string   // shown with every request; empty: none
	Courses []string // keys of courses that are there and published

	// Clients of each kind. Each makes one request after the other.
	Pushers, Readers, Followers int
	// Pauses between two requests of one client, on average; a follower is
	// without a pause.
	PushPause, ReadPause time.Duration

	Length time.Duration
	Seed   uint64
	// BeforePush is called before each push of a course, such as to commit
	// something to its origin. nil: nothing is done.
	BeforePush func(key string) error
}

// The kinds of requests.
const (
	KindPush     = "push"     // a hook is called
	KindDocument = "document" // A+ reads aplus-json
	KindStatic   = "static"   // a student reads a page of a course
	KindREST     = "rest"     // a script lists builds
	KindPage     = "page"     // a teacher looks at a course's page
	KindFollow   = "follow"   // a teacher follows a log until the build's end; the time to its first event
)

// ReadKinds are the kinds that only read.
func ReadKinds() []string { return []string{KindDocument, KindStatic, KindREST, KindPage} }

// Run puts the load on and gives what was measured. It fails only when the load
// itself is impossible; what the service does wrong is in the report.
func Run(ctx context.Context, c Config) (*Report, error) {
	if len(c.Courses) == 0 {
		return nil, errors.New("load: no courses are given")
	}
	transport := &http.Transport{MaxIdleConns: 0, MaxIdleConnsPerHost: c.Pushers + c.Readers + c.Followers}
	defer transport.CloseIdleConnections()
	g := &generator{Config: c, http: &http.Client{Transport: transport}, report: newReport()}
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.Length)
	defer cancel()
	var all sync.WaitGroup
	for kind, n := range map[int]int{0: c.Pushers, 1: c.Readers, 2: c.Followers} {
		for i := range n {
			r := rand.New(rand.NewPCG(c.Seed, uint64(kind)<<32|uint64(i)))
			all.Go(func() {
				g.client(ctx, r, []func(context.Context, *rand.Rand) (time.Duration, error){g.push, g.read, g.follow}[kind])
			})
		}
	}
	all.Wait()
	g.report.Took = time.Since(begin)
	return g.report, nil
}

// generator is a load under way.
type generator struct {
	Config

	http   *http.Client
	report *Report
}

// client does one thing again and again until the time is over. What is cut off by
// the end of the time is not counted.
func (g *generator) client(ctx context.Context, r *rand.Rand, do func(context.Context, *rand.Rand) (time.Duration, error)) {
	// Not all begin at once.
	wait := time.Duration(r.Float64() * float64(time.Second))
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		mean, err := do(ctx, r)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			g.report.failed(err)
		}
		wait = time.Duration(r.Float64() * 2 * float64(mean))
	}
}

func (g *generator) course(r *rand.Rand) string { return g.Courses[r.IntN(len(g.Courses))] }

// push calls a course's hook as a script with a token does.
func (g *generator) push(ctx context.Context, r *rand.Rand) (time.Duration, error) {
	key := g.course(r)
	if g.BeforePush != nil {
		if err := g.BeforePush(key); err != nil {
			return g.PushPause, fmt.Errorf("before a push to %s: %w", key, err)
		}
	}
	_, err := g.ask(ctx, KindPush, http.MethodPost, "/gitmanager/"+key+"/hook")
	return g.PushPause, err
}

// read reads something; the weights are those of a term, roughly.
func (g *generator) read(ctx context.Context, r *rand.Rand) (time.Duration, error) {
	key := g.course(r)
	kind, path := KindStatic, "/static/"+key+"/index.html"
	switch n := r.IntN(10); {
	case n < 3:
		kind, path = KindDocument, "/"+key+"/aplus-json"
	case n < 4:
		kind, path = KindREST, "/api/v1/courses/"+key+"/builds"
	case n < 5:
		kind, path = KindPage, "/gitmanager/"+key+"/updates"
	}
	_, err := g.ask(ctx, kind, http.MethodGet, path)
	return g.ReadPause, err
}

// follow follows the newest build of a course to its end.
func (g *generator) follow(ctx context.Context, r *rand.Rand) (time.Duration, error) {
	const pause = time.Second // a build that has ended is read to its end at once
	key := g.course(r)
	id, err := g.newest(ctx, key)
	if err != nil || id == 0 {
		return pause, err
	}
	begin := time.Now()
	res, err := g.send(ctx, http.MethodGet, fmt.Sprintf("/api/v1/courses/%s/builds/%d/events", key, id))
	if err != nil {
		return pause, fmt.Errorf("%s: %w", KindFollow, err)
	}
	defer res.Body.Close() //nolint:errcheck // only read
	if err := g.events(res, func() { g.report.took(KindFollow, time.Since(begin)) }); err != nil {
		return pause, fmt.Errorf("%s of build %d of %s: %w", KindFollow, id, key, err)
	}
	return pause, nil
}

// ask makes a request, reads the whole answer and measures it. Any status but
// 200 is an error.
func (g *generator) ask(ctx context.Context, kind, method, path string) ([]byte, error) {
	begin := time.Now()
	res, err := g.send(ctx, method, path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	body, err := readAll(res)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, path, err)
	}
	g.report.took(kind, time.Since(begin))
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s: %.200s", kind, path, res.Status, body)
	}
	return body, nil
}

func (g *generator) send(ctx context.Context, method, path string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(g.Base, "/")+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	if g.Token != "" {
		r.Header.Set("Authorization", "Bearer "+g.Token)
	}
	return g.http.Do(r)
}
