package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"coursewright/api"
	"coursewright/internal/aplusauth"
	"coursewright/internal/course"
)

// described is the OpenAPI document and what was seen of it.
type described struct {
	paths    map[string]map[string]operationDoc
	whole    map[string]any
	compiler *jsonschema.Compiler
	seen     map[string]bool // operation and status
}

type operationDoc struct {
	Access      string                     `json:"x-access"`
	Parameters  []map[string]any           `json:"parameters"`
	RequestBody map[string]any             `json:"requestBody"`
	Responses   map[string]json.RawMessage `json:"responses"`
}

// readDescription reads the document as clients get it. It is made strict: answers may
// have no field that it does not name.
func readDescription(t *testing.T, f *fixture) *described {
	t.Helper()
	text := f.send(t, "GET", "/api/v1/openapi.json", "").Body.Bytes()
	var whole map[string]any
	must(t, json.Unmarshal(text, &whole))
	forbidOthers(whole)
	d := &described{whole: whole, compiler: jsonschema.NewCompiler(), seen: map[string]bool{}, paths: map[string]map[string]operationDoc{}}
	must(t, d.compiler.AddResource(descriptionURL, whole))
	var parsed struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	must(t, json.Unmarshal(text, &parsed))
	for path, item := range parsed.Paths {
		d.paths[path] = map[string]operationDoc{}
		for method, raw := range item {
			var o operationDoc
			if json.Unmarshal(raw, &o) == nil && method != "parameters" {
				d.paths[path][strings.ToUpper(method)] = o
			}
		}
	}
	return d
}

// descriptionURL names the document for the references in it.
const descriptionURL = "test:openapi.json"

func forbidOthers(value any) {
	switch x := value.(type) {
	case map[string]any:
		if _, ok := x["properties"].(map[string]any); ok && x["type"] == "object" {
			x["additionalProperties"] = false
		}
		for _, y := range x {
			forbidOthers(y)
		}
	case []any:
		for _, y := range x {
			forbidOthers(y)
		}
	}
}

// check holds an answer to the document.
func (d *described) check(t *testing.T, f *fixture, method, target string, w *httptest.ResponseRecorder) {
	t.Helper()
	path := templateOf(f.routeOf(t, method, target))
	o, ok := d.paths[path][method]
	if !ok {
		t.Errorf("%s %s is not described", method, path)
		return
	}
	status := fmt.Sprint(w.Code)
	if _, ok := o.Responses[status]; !ok && w.Code >= http.StatusInternalServerError {
		status = "5XX"
	}
	d.seen[method+" "+path+" "+status] = true
	response, ok := o.Responses[status]
	if !ok {
		t.Errorf("%s %s: the status %d is not described: %s", method, target, w.Code, w.Body)
		return
	}
	kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	if w.Code != http.StatusNoContent && w.Code != http.StatusNotModified && !strings.Contains(string(response), kind) && !strings.Contains(string(response), "$ref") {
		t.Errorf("%s %s: %d is of type %q; described is %s", method, target, w.Code, kind, response)
	}
	for _, header := range []string{"ETag", "Location"} {
		if strings.Contains(string(response), `"`+header+`"`) && w.Header().Get(header) == "" {
			t.Errorf("%s %s: %d has no %s", method, target, w.Code, header)
		}
	}
	if kind != "application/json" && kind != "application/problem+json" || strings.HasSuffix(path, "openapi.json") {
		return
	}
	at, ok := d.schemaOf(path, method, status, kind)
	if !ok {
		t.Errorf("%s %s: %d has no schema for %s", method, target, w.Code, kind)
		return
	}
	schema, err := d.compiler.Compile(descriptionURL + "#" + at)
	must(t, err)
	value, err := jsonschema.UnmarshalJSON(w.Body)
	must(t, err)
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s %s (%d): %v", method, target, w.Code, err)
	}
}

// schemaOf gives the JSON pointer to the schema of an answer.
func (d *described) schemaOf(path, method, status, kind string) (string, bool) {
	escape := strings.NewReplacer("~", "~0", "/", "~1").Replace
	at := "/paths/" + escape(path) + "/" + strings.ToLower(method) + "/responses/" + status
	response, _ := d.at(at).(map[string]any)
	if ref, ok := response["$ref"].(string); ok {
		at = strings.TrimPrefix(ref, "#")
	}
	at += "/content/" + escape(kind) + "/schema"
	return at, d.at(at) != nil
}

// at follows a JSON pointer.
func (d *described) at(pointer string) any {
	var value any = d.whole
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		object, _ := value.(map[string]any)
		value = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
	}
	return value
}

var ginParameter = regexp.MustCompile(`[:*]([a-z]+)`)

func templateOf(route string) string { return ginParameter.ReplaceAllString(route, "{$1}") }

// TestDescriptionIsSound checks what validators of OpenAPI documents look for
// first: references lead somewhere, names are used once, schemas compile, and
// both forms say the same.
func TestDescriptionIsSound(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	d := readDescription(t, f)
	var asYAML, asJSON any
	must(t, yaml.Unmarshal(f.send(t, "GET", "/api/v1/openapi.yaml", "").Body.Bytes(), &asYAML))
	again, err := json.Marshal(asYAML)
	must(t, err)
	must(t, json.Unmarshal(again, &asYAML))
	must(t, json.Unmarshal(f.send(t, "GET", "/api/v1/openapi.json", "").Body.Bytes(), &asJSON))
	if diff := cmp.Diff(asJSON, asYAML); diff != "" {
		t.Errorf("the forms differ (-json +yaml):\n%.2000s", diff)
	}
	ids := map[string]bool{}
	var walk func(value any)
	walk = func(value any) {
		switch x := value.(type) {
		case map[string]any:
			if ref, ok := x["$ref"].(string); ok && d.at(strings.TrimPrefix(ref, "#")) == nil {
				t.Errorf("%s leads nowhere", ref)
			}
			if id, ok := x["operationId"].(string); ok {
				if ids[id] {
					t.Errorf("two operations are called %s", id)
				}
				ids[id] = true
			}
			for _, y := range x {
				walk(y)
			}
		case []any:
			for _, y := range x {
				walk(y)
			}
		}
	}
	walk(d.whole)
	schemas, _ := d.at("/components/schemas").(map[string]any)
	for name := range schemas {
		if _, err := d.compiler.Compile(descriptionURL + "#/components/schemas/" + name); err != nil {
			t.Errorf("schema %s: %v", name, err)
		}
	}
}

// TestDescriptionHasAllRoutes compares the routes with the document, both ways.
// HEAD is GET's twin.
func TestDescriptionHasAllRoutes(t *testing.T) {
	t.Parallel()
	service, _ := signers(t)
	f := withTokens(t, service)
	d := readDescription(t, f)
	var routes, paths []string
	for _, r := range f.routes(t) {
		if strings.HasPrefix(r.Path, "/api/v1/") && r.Method != http.MethodHead {
			routes = append(routes, r.Method+" "+templateOf(r.Path))
		}
	}
	for path, item := range d.paths {
		for method, o := range item {
			paths = append(paths, method+" "+path)
			if !slices.Contains([]string{"everybody", "caller", "read", "write", "administrator"}, o.Access) {
				t.Errorf("%s %s: x-access is %q", method, path, o.Access)
			}
		}
	}
	slices.Sort(routes)
	slices.Sort(paths)
	if diff := cmp.Diff(routes, paths); diff != "" {
		t.Errorf("the document (-routes +paths):\n%s", diff)
	}
}

// example fills the parameters of a path with those of what the fixture has.
func example(path string) string {
	id := "1"
	if strings.Contains(path, "/hosts/") {
		id = "a"
	}
	return strings.NewReplacer("{key}", "c5", "{id}", id, "{version}", version("s"), "{kind}", "index").Replace(path)
}

// exampleBody is a body for operations that need one.
func exampleBody(o operationDoc, path string) string {
	switch {
	case o.RequestBody == nil:
		return ""
	case path == "/api/v1/courses":
		return `{"key": "made", "git_branch": "main"}`
	case path == "/api/v1/courses/{key}":
		return `{"key": "c5", "git_branch": "main", "remote_id": 5}`
	case strings.HasPrefix(path, "/api/v1/origins"):
		return `{"git_origin": "https://git.example.org/a.git", "git_branch": "main"}`
	}
	return "{}"
}

// brokenAuthorizer cannot tell who anybody is.
type brokenAuthorizer struct{}

func (brokenAuthorizer) Caller(*http.Request) (api.Caller, error) {
	return api.Caller{}, errUnreadable
}

// TestAnswersAreAsDescribed provokes every status that the document has, and
// holds each answer to it.
func TestAnswersAreAsDescribed(t *testing.T) {
	t.Parallel()
	service, plus := signers(t)
	token := func(by *aplusauth.Service, expires time.Time) string {
		text, err := by.Sign(aplusauth.Claims{Subject: "user:jdoe", Audience: "gitmanager", Expires: expires})
		must(t, err)
		return "Bearer " + text
	}
	master, nobody, expired := token(service, time.Time{}), token(plus, time.Time{}), token(plus, time.Unix(1600000000, 0))
	d := readDescription(t, withTokens(t, service))
	broken := newFixture(t, func(c *api.Config) { describedParts(t, c); c.Auth = brokenAuthorizer{} })
	foreign := newFixture(t, describedPartsOf(t))
	limited := newFixture(t, func(c *api.Config) {
		describedParts(t, c)
		c.Auth, c.Limits = tokens{service}, api.Limits{LoginFailures: 1}
	})
	for path, item := range d.paths {
		for method, o := range item {
			f := withTokens(t, service)
			target, body := example(path), exampleBody(o, path)
			send := func(to *fixture, target, body string, headers ...string) *httptest.ResponseRecorder {
				w := to.send(t, method, target, body, headers...)
				d.check(t, to, method, target, w)
				return w
			}
			send(f, target+"?nosuch=1", body, "Authorization", master)
			if o.Access != "everybody" {
				send(f, target, body)
				send(broken, target, body)
				send(foreign, target, body, "Host", "evil.example")
				for range 11 {
					if w := limited.send(t, method, target, body, "Authorization", expired); w.Code == http.StatusTooManyRequests {
						d.check(t, limited, method, target, w)
						break
					}
				}
			}
			if _, ok := o.Responses["403"]; ok {
				send(f, target, body, "Authorization", nobody)
				send(f, target, body, "Authorization", master, "Sec-Fetch-Site", "cross-site")
			}
			if strings.Contains(path, "{key}") {
				send(f, strings.Replace(target, "c5", "none", 1), body, "Authorization", master, "If-Match", "*")
			}
			if o.RequestBody != nil {
				send(f, target, "{"+strings.Repeat(" ", 1<<20)+"}", "Authorization", master, "If-Match", "*")
				send(f, target, body, "Authorization", master, "If-Match", "*", "Content-Type", "text/xml")
			}
			if _, ok := o.Responses["412"]; ok {
				send(f, target, body, "Authorization", master, "If-Match", `"r1.99-x"`)
			}
			if _, ok := o.Responses["428"]; ok {
				send(f, target, body, "Authorization", master)
			}
			if path != "/api/v1/courses/{key}/builds/{id}/cancel" {
				prepareDelivery(t, f)
				w := send(f, target, body, "Authorization", master, "If-Match", "*")
				if _, ok := o.Responses["304"]; ok {
					send(f, target, body, "Authorization", master, "If-None-Match", w.Header().Get("ETag"))
				}
			}
		}
	}
	d.specials(t, service, master)
	var missing []string
	for path, item := range d.paths {
		for method, o := range item {
			for status := range o.Responses {
				if at := method + " " + path + " " + status; !d.seen[at] {
					missing = append(missing, at)
				}
			}
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("no request here is answered as described:\n%s", strings.Join(missing, "\n"))
	}
}

// describedParts gives an API all its routes.
func describedParts(t *testing.T, c *api.Config) {
	t.Helper()
	var ok [3]bool
	c.Audit, ok[0] = c.Courses.(api.AuditStore)
	c.BuildHosts, ok[1] = c.Courses.(api.BuildHosts)
	c.Sweeps, ok[2] = c.Courses.(api.Sweeps)
	if ok != [3]bool{true, true, true} {
		t.Fatalf("%T is not all that the API needs", c.Courses)
	}
	c.Origins, c.DeployKey = origins{}, testDeployKey
}

func describedPartsOf(t *testing.T) func(*api.Config) {
	t.Helper()
	return func(c *api.Config) { describedParts(t, c) }
}

// prepareDelivery records a delivery with id 1 that made a build.
func prepareDelivery(t *testing.T, f *fixture) {
	t.Helper()
	_, err := f.store.RequestBuild(t.Context(), "c5", course.BuildRequest{
		Trigger: course.TriggerHook, Delivery: &course.Delivery{Service: "github", Event: "push", Verdict: course.DeliveryAccepted, Headers: []course.Header{{Name: "A", Value: "b"}}},
	})
	must(t, err)
}

// specials are the answers that need a story of their own.
func (d *described) specials(t *testing.T, service *aplusauth.Service, master string) {
	t.Helper()
	f := withTokens(t, service)
	send := func(method, target, body string, headers ...string) *httptest.ResponseRecorder {
		w := f.send(t, method, target, body, append([]string{"Authorization", master}, headers...)...)
		d.check(t, f, method, target, w)
		return w
	}
	const builds = "/api/v1/courses/c5/builds"
	for _, method := range []string{"PUT", "PATCH"} { // key of another course
		send(method, "/api/v1/courses/c5", `{"key": "c6", "git_branch": "main"}`, "If-Match", "*")
	}
	send("POST", "/api/v1/courses", `{"key": "c5", "git_branch": "main"}`)
	send("GET", "/api/v1/schema/nosuch", "")
	send("POST", "/api/v1/origins/check", `{"git_origin": "https://git.example.org/a.git", "course": "none"}`)
	// Builds.
	open := `/api/v1/courses/c5/builds/2`
	send("POST", builds, `{"rebuild_all": true}`, "Idempotency-Key", "k")
	send("POST", builds, `{"skip_git": true}`, "Idempotency-Key", "k")
	send("POST", open+"/retry", "") // not ended
	send("POST", open+"/cancel", "")
	send("POST", open+"/cancel", "")
	send("POST", open+"/retry", `{"rebuild_all": false}`, "Idempotency-Key", "k")
	send("GET", open, "")
	// Deliveries that cannot be delivered again.
	ignored, err := f.store.RecordDelivery(t.Context(), "c5", course.Delivery{Verdict: course.DeliveryIgnored, Reason: "another branch"})
	must(t, err)
	send("POST", fmt.Sprintf("/api/v1/courses/c5/deliveries/%d/redeliver", ignored.ID), "")
	// Releases that cannot be published.
	publish := "/api/v1/courses/c5/releases/" + version("s") + "/publish"
	for _, f.builds.err = range []error{fmt.Errorf("build 9 is published: %w", course.ErrConflict), course.Authorf("The release cannot be read.")} {
		send("POST", publish, "")
	}
	f.builds.err = nil
	send("DELETE", "/api/v1/courses/noid?confirm=noid", "")
	// Hosts.
	send("DELETE", "/api/v1/hosts/a", "")
	for _, at := range []string{"GET /api/v1/hosts/none", "DELETE /api/v1/hosts/none", "POST /api/v1/hosts/none/drain", "POST /api/v1/hosts/none/resume"} {
		method, target, _ := strings.Cut(at, " ")
		send(method, target, "")
	}
	d.forget(t, service, master)
	// A release that removes an exercise.
	f = removing(t)
	for _, at := range []string{"GET %s/diff", "POST %s/approve", "GET %s/diff"} {
		method, target, _ := strings.Cut(fmt.Sprintf(at, "/api/v1/courses/intro/releases/"+version("s")), " ")
		send(method, target, "", "X-Caller", "owner")
	}
}

// forget has a host be silent for long enough to be forgotten.
func (d *described) forget(t *testing.T, service *aplusauth.Service, master string) {
	t.Helper()
	gone := newFixture(t, func(c *api.Config) {
		describedParts(t, c)
		c.Auth, c.BuildHosts = tokens{service}, silentHosts{c.BuildHosts}
	})
	const target = "/api/v1/hosts/a"
	d.check(t, gone, "DELETE", target, gone.send(t, "DELETE", target, "", "Authorization", master))
}

// silentHosts has one host that has not been heard of for long.
type silentHosts struct{ api.BuildHosts }

func (silentHosts) ForgetHost(context.Context, string, time.Duration) error { return nil }

// TestParametersAreAsDescribed gives every parameter a value that it cannot have,
// or one that nothing has.
func TestParametersAreAsDescribed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *api.Config) { describedParts(t, c); c.Log = slog.New(slog.DiscardHandler) })
	c := f.addCourse(t, "c5")
	_, err := f.store.UpdateCourse(t.Context(), c)
	must(t, err)
	f.endedBuild(t, "c5", course.StatusSuccess, "built\n")
	must(t, f.store.RecordAudit(t.Context(), course.AuditEntry{Action: "LOGIN", Caller: "a", Course: "c5", Outcome: course.AuditDone}))
	d := readDescription(t, f)
	text := []string{"q", "host", "commit", "course", "action", "caller"}
	for path, item := range d.paths {
		for method, o := range item {
			known := f.send(t, method, example(path)+"?nosuch=1", exampleBody(o, path))
			var refusal struct {
				Errors []struct {
					Parameter string `json:"parameter"`
					Message   string `json:"message"`
				} `json:"errors"`
			}
			must(t, json.Unmarshal(known.Body.Bytes(), &refusal))
			for _, name := range namedIn(refusal.Errors[0].Message) {
				if name == "confirm" || name == "against" {
					continue // see TestConversations and TestReleaseDiff
				}
				w := f.send(t, method, example(path)+"?"+name+"=%00nothing", exampleBody(o, path))
				switch want := `"parameter":"` + name + `"`; {
				case slices.Contains(text, name) && (w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"items":[]`)):
					t.Errorf("%s %s: %s of nothing finds %s", method, path, name, w.Body)
				case !slices.Contains(text, name) && (w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want)):
					t.Errorf("%s %s: a bad %s gives %d %s", method, path, name, w.Code, w.Body)
				}
			}
		}
	}
}

// namedIn gives the parameters that the refusal of an unknown one names. They
// are those of the document.
func namedIn(message string) []string {
	_, names, ok := strings.Cut(message, "Known are ")
	if !ok {
		return nil
	}
	return strings.Split(strings.TrimSuffix(names, "."), ", ")
}
