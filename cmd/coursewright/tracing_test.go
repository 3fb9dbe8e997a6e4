package main

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// traceCollector takes spans as OpenTelemetry's collector does.
type traceCollector struct {
	tb  testing.TB
	url string

	mu    sync.Mutex
	spans []sentSpan
	raw   strings.Builder // all that was sent
}

// sentSpan is a span that a process has sent.
type sentSpan struct {
	*tracepb.Span
	service string
}

func newTraceCollector(tb testing.TB) *traceCollector {
	tb.Helper()
	c := &traceCollector{tb: tb}
	server := httptest.NewServer(http.HandlerFunc(c.take))
	tb.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *traceCollector) take(w http.ResponseWriter, r *http.Request) {
	var in io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(r.Body)
		if err != nil {
			c.tb.Error(err)
			return
		}
		in = unzip
	}
	body, err := io.ReadAll(in)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		c.tb.Errorf("%s is sent what is no spans: %v", r.URL, err)
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(body)
	for _, resource := range request.GetResourceSpans() {
		service := attribute(resource.GetResource().GetAttributes(), "service.name")
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, sentSpan{s, service})
			}
		}
	}
}

// trace gives the spans of the trace that a root span of the name begins, by name.
// The one whose build has the number is meant.
func (c *traceCollector) trace(root, build string) map[string][]sentSpan {
	c.tb.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, first := range c.spans {
		if first.GetName() != root || len(first.GetParentSpanId()) != 0 {
			continue
		}
		found := map[string][]sentSpan{}
		for _, s := range c.spans {
			if string(s.GetTraceId()) == string(first.GetTraceId()) {
				found[s.GetName()] = append(found[s.GetName()], s)
			}
		}
		if of := found["build"]; len(of) > 0 && attribute(of[0].GetAttributes(), "coursewright.build") == build {
			return found
		}
	}
	c.tb.Fatalf("no trace of build %s begins with %s; there are %d spans", build, root, len(c.spans))
	return nil
}

// A trace leads from the hook to the publishing through all processes and the
// database: nothing in it hangs in the air, and nothing that is sent is secret.
func TestATraceLeadsFromTheHookToThePublishing(t *testing.T) {
	t.Parallel()
	const password, hookSecret = "opensesame-7391", "hush-hush-hush-4711"
	traces := newTraceCollector(t)
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 1, settings: map[string]string{"TRACES_ENDPOINT": traces.url}})
	api := d.apis[0]
	repo := gitrepotest.New(t)
	repo.Commit(tiny("1"), "first")
	origin := strings.Replace(gitrepotest.ServeHTTPAuth(t, "teacher", password, repo), "//", "//teacher:"+password+"@", 1)
	api.addCourse("course", origin+"/0.git", map[string]any{"skip_build_failsafes": true, "webhook_secret": hookSecret})
	api.addCourse("wrong", origin+"/1.git", map[string]any{"webhook_secret": hookSecret})
	api.addCourse("byaplus", repo.URL(), nil)
	good := api.finished("course", api.push("course"), course.StatusSuccess)
	api.waitFor("published", func() bool { return api.listed("course") == good.Version })
	bad := api.finished("wrong", api.push("wrong"), course.StatusFailed)
	late := api.finished("byaplus", api.push("byaplus"), course.StatusSuccess)
	api.publish("byaplus", late.Version)
	for _, p := range []*program{d.workers[0], api} { // what they have not sent yet
		if err := p.stop(); err != nil {
			t.Fatal(err)
		}
	}

	const hook = "POST /gitmanager/:key/hook"
	found := traces.trace(hook, number(good.ID))
	wantChain(t, found, "RunActivity:Checkout", "StartActivity:Checkout", "build", hook)
	wantChain(t, found, "queue", "build")
	wantChain(t, found, "step checkout", "RunActivity:Checkout")
	wantChain(t, found, "build", hook)
	for _, step := range []string{"validate", "store", "commit"} {
		wantChain(t, found, "step "+step, "RunActivity:BuildRelease", "StartActivity:BuildRelease", "build")
	}
	wantChain(t, found, "RunActivity:Switch", "StartActivity:Switch", "RunWorkflow:Publish", "StartWorkflow:Publish",
		"RunActivity:PublishAtOnce", "StartActivity:PublishAtOnce", "build")
	services := map[string]bool{}
	for _, spans := range found {
		for _, s := range spans {
			services[s.service] = true
		}
	}
	if !services["coursewright-api"] || !services["coursewright-worker"] {
		t.Errorf("the trace has spans of %v only", services)
	}
	if of := found["build"][0]; attribute(of.GetAttributes(), "coursewright.course") != "course" ||
		attribute(of.GetAttributes(), "coursewright.status") != "SUCCESS" {
		t.Errorf("the build's span has the attributes %v", of.GetAttributes())
	}
	failed := traces.trace(hook, number(bad.ID))["build"][0]
	if failed.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("the span of a build that failed has the status %v", failed.GetStatus())
	}
	// Published by another request: that has its own trace, and the two are linked.
	publish := traces.trace(hook, number(late.ID))["publish"]
	if len(publish) != 1 || len(publish[0].GetLinks()) != 1 {
		t.Errorf("in the trace of a push whose release A+ publishes there is %v", publish)
	}
	for _, secret := range []string{password, hookSecret} {
		if strings.Contains(traces.raw.String(), secret) {
			t.Errorf("%q is sent", secret)
		}
	}
}

// wantChain fails unless one of the spans of the first name has a parent of the
// second one, and so on.
func wantChain(t *testing.T, found map[string][]sentSpan, names ...string) {
	t.Helper()
	id := ""
	for i, name := range names {
		var at []sentSpan
		for _, s := range found[name] {
			if (i == 0 || string(s.GetSpanId()) == id) && s.GetStartTimeUnixNano() <= s.GetEndTimeUnixNano() {
				at = append(at, s)
			}
		}
		if len(at) == 0 {
			var all []string
			for n, spans := range found {
				for _, s := range spans {
					all = append(all, hex.EncodeToString(s.GetSpanId())+" "+n+" in "+hex.EncodeToString(s.GetParentSpanId()))
				}
			}
			slices.Sort(all)
			t.Fatalf("%v is no chain: no %s with the id %x\n%s", names, name, id, strings.Join(all, "\n"))
		}
		id = string(at[0].GetParentSpanId())
	}
}

func number(id int64) string { return strconv.FormatInt(id, 10) }

func attribute(all []*commonpb.KeyValue, name string) string {
	for _, a := range all {
		if a.GetKey() == name {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}
