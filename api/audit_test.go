package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"

	"coursewright/api"
	"coursewright/internal/aplusauth"
	"coursewright/internal/course"
)

// audited is an API with pages whose callers show A+'s tokens, and which keeps
// its security log.
type audited struct {
	*fixture
	master, reader, writer, expired string
}

func newAudited(t *testing.T) *audited {
	t.Helper()
	service, plus := signers(t)
	sign := func(by *aplusauth.Service, name string, expires time.Time, p ...aplusauth.Permission) string {
		token, err := by.Sign(aplusauth.Claims{Subject: name, Audience: "gitmanager", Expires: expires, Permissions: p})
		must(t, err)
		return token
	}
	var never time.Time
	read, write := aplusauth.ForInstance(aplusauth.Read, 5), aplusauth.ForInstance(aplusauth.Write, 5)
	return &audited{
		fixture: withTokens(t, service),
		master:  sign(service, "admin", never),
		reader:  sign(plus, "user:reader", never, read),
		writer:  sign(plus, "user:writer", never, read, write),
		expired: sign(plus, "user:late", time.Unix(1600000000, 0), read),
	}
}

func (a *audited) ask(t *testing.T, token, request string) int {
	t.Helper()
	method, target, _ := strings.Cut(request, " ")
	target, body, _ := strings.Cut(target, " ")
	var headers []string
	if token != "" {
		headers = []string{"Authorization", "Bearer " + token}
	}
	if strings.Contains(body, "=") {
		headers = append(headers, "Content-Type", "application/x-www-form-urlencoded")
	}
	return a.send(t, method, target, body, headers...).Code
}

func TestAuditTellsWhoDidWhat(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	push := `{"ref":"refs/heads/main"}`
	requests := []struct{ token, request, kept, logged string }{
		{a.writer, "POST /login", "LOGIN done  user:writer aplus", ""},
		{a.writer, "PATCH /api/v1/courses/c5 " + `{"git_branch":"main"}`, "EDIT-COURSE done c5 user:writer aplus old_key=c5", ""},
		{a.reader, "PATCH /api/v1/courses/c5 {}", "EDIT-COURSE denied c5 user:reader aplus", ""},
		{a.master, "POST /api/v1/courses " + `{"key":"made","git_branch":"main"}`, "NEW-COURSE done made admin gitmanager", ""},
		{a.master, "POST /api/v1/courses " + `{"key":"made","git_branch":"main"}`, "NEW-COURSE refused  admin gitmanager", ""},
		{a.master, "DELETE /api/v1/courses/made?confirm=made", "DELETE-COURSE done made admin gitmanager", ""},
		{a.writer, "POST /api/v1/courses/c5/builds", "INITIATE-BUILD done c5 user:writer aplus build=2", ""},
		{a.writer, "POST /gitmanager/c5/builds", "INITIATE-BUILD done c5 user:writer aplus build=3", ""},
		{a.reader, "POST /gitmanager/c5/builds", "INITIATE-BUILD denied c5 user:reader aplus", ""},
		{a.writer, "POST /gitmanager/c5/webhook-secret keep_old_hours=24", "EDIT-COURSE done c5 user:writer aplus field=webhook_secret keep_old=24h0m0s", ""},
		{a.writer, "POST /gitmanager/c5/ key=", "EDIT-COURSE refused c5 user:writer aplus", ""},
		{a.writer, "POST /gitmanager/c5/hook", "INITIATE-BUILD done c5 user:writer aplus build=4 service=", ""},
		{a.writer, "GET /c5/publish/STORE/" + version("s"), "PUBLISH done c5 user:writer aplus grader_errors=0 source=STORE version=" + version("s"), ""},
		{a.writer, "GET /c5/publish/STORE/" + version("x"), "PUBLISH refused c5 user:writer aplus source=STORE version=" + version("x"), ""},
		{a.writer, "PUT /api/gitmanager/id/5 key=c5&git_branch=main&remote_id=6", "EDIT-COURSE denied  user:writer aplus reason=No access to instance 6", ""},
		{a.writer, "PUT /api/gitmanager/id/5 key=c5&git_branch=main&remote_id=5", "EDIT-COURSE done c5 user:writer aplus asked_for=id '5'", ""},
		{a.reader, "GET /c5/aplus-json", "", "action=APLUS-JSON outcome=done course=c5 caller=user:reader"},
		{a.reader, "GET /api/v1/courses/c6", "", "action=ACCESS outcome=denied course=c6 caller=user:reader"},
		{a.expired, "GET /gitmanager/", "", `action=TOKEN outcome=denied course="" caller=""`},
		{a.expired, "GET /static/c5/nosuch.html", "", `action=TOKEN outcome=denied course=c5 caller=""`},
		{a.expired, "POST /login", "", `action=LOGIN outcome=denied course="" caller=""`},
		{"", "POST /gitmanager/c5/builds", "", `action=INITIATE-BUILD outcome=denied course=c5 caller=""`},
		{"", "POST /gitmanager/c5/hook " + push, "", `action=INITIATE-BUILD outcome=refused course=c5 caller=""`},
		{a.reader, "GET /gitmanager/", "", ""},
	}
	for _, r := range requests {
		before, logged := a.kept(t), a.log.Len()
		status := a.ask(t, r.token, r.request)
		got := a.kept(t)[len(before):]
		var want []string
		if r.kept != "" {
			want = []string{r.kept}
		}
		if diff := cmp.Diff(want, got, cmp.Transformer("nil", func(s []string) string { return strings.Join(s, "\n") })); diff != "" {
			t.Errorf("%s: status %d, kept (-want +got):\n%s", r.request, status, diff)
		}
		lines := strings.Count(a.log.String()[logged:], "event=audit")
		if said := a.log.String()[logged:]; !strings.Contains(said, r.logged) || lines != min(1, len(r.kept)+len(r.logged)) {
			t.Errorf("%s: the log says %s", r.request, said)
		}
	}
	for _, secret := range []string{a.master, a.reader, a.expired, "s3cret"} {
		if strings.Contains(a.log.String(), secret) {
			t.Errorf("%.20s… is in the log", secret)
		}
	}
}

// kept are the entries of the security log, the oldest first.
func (a *audited) kept(t *testing.T) []string {
	t.Helper()
	list, err := a.store.ListAudit(t.Context(), course.AuditFilter{}, course.Page{Limit: 1000})
	must(t, err)
	var out []string
	for _, e := range slices.Backward(list) {
		line := strings.Join([]string{e.Action, string(e.Outcome), e.Course, e.Caller, e.Issuer}, " ")
		var details []string
		for name, value := range e.Details {
			details = append(details, name+"="+value)
		}
		slices.Sort(details)
		out = append(out, strings.TrimSpace(line+" "+strings.Join(details, " ")))
		if e.Address != "192.0.2.1" {
			t.Errorf("%s came from %q", line, e.Address)
		}
	}
	return out
}

func TestAuditIsForAdministrators(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	for token, want := range map[string]int{"": 401, a.reader: 403, a.writer: 403, a.master: 200} {
		if got := a.ask(t, token, "GET /api/v1/audit"); got != want {
			t.Errorf("%.20q: status %d, want %d", token, got, want)
		}
	}
	for range 3 {
		a.ask(t, a.writer, "POST /api/v1/courses/c5/builds")
	}
	a.ask(t, a.master, "POST /api/v1/courses/c6/builds")
	var got []string
	for at := "/api/v1/audit?course=c5&limit=2"; at != ""; {
		w := a.send(t, "GET", at, "", "Authorization", "Bearer "+a.master)
		var list struct {
			Items []struct {
				Course, Action, Outcome, Caller string
				Details                         map[string]string
			}
			Next string
		}
		must(t, json.Unmarshal(w.Body.Bytes(), &list))
		for _, e := range list.Items {
			got = append(got, strings.Join([]string{e.Course, e.Action, e.Outcome, e.Caller, e.Details["build"]}, " "))
		}
		at = list.Next
	}
	want := []string{"c5 INITIATE-BUILD done user:writer 4", "c5 INITIATE-BUILD done user:writer 3", "c5 INITIATE-BUILD done user:writer 2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries of c5 (-want +got):\n%s", diff)
	}
}

// A log that cannot be written does not keep people from their work; the
// administrators are told.
func TestAuditThatCannotBeKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *api.Config) { c.Audit = brokenAudit{} })
	f.addCourse(t, "intro")
	if w := f.send(t, "POST", "/api/v1/courses/intro/builds", ""); w.Code != http.StatusAccepted {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if log := f.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "was not kept") {
		t.Errorf("log: %s", log)
	}
}

// TestEveryChangeIsAudited walks the router: a new route that changes something
// must be known to the security log.
func TestEveryChangeIsAudited(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	for _, r := range a.routes(t) {
		if r.Method == "GET" || r.Method == "HEAD" || r.Method == "OPTIONS" || anyMethodReads(r.Path) {
			continue
		}
		before := a.log.Len()
		status := a.ask(t, a.master, r.Method+" "+exampleOf(r.Path))
		if said := a.log.String()[before:]; !strings.Contains(said, "event=audit") && status != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: status %d, the security log says nothing", r.Method, r.Path, status)
		}
	}
}

// anyMethodReads names the routes that answer any method, as gitmanager's do,
// and change nothing.
func anyMethodReads(route string) bool {
	return slices.Contains([]string{
		"/", "/:key", "/:key/", "/gitmanager", "/gitmanager/", "/gitmanager/:key/updates", "/gitmanager/new", "/gitmanager/:key", "/gitmanager/:key/build_log-json",
		"/model/:key/:exercise", "/model/:key/:exercise/:basename", "/exercise_template/:key/:exercise", "/exercise_template/:key/:exercise/:basename",
		"/protected/:key/*filepath", "/robots.txt",
	}, route)
}

// routes are the routes of the service.
func (f *fixture) routes(t *testing.T) gin.RoutesInfo {
	t.Helper()
	r, ok := f.handler.(interface{ Routes() gin.RoutesInfo })
	if !ok {
		t.Fatalf("%T does not tell its routes", f.handler)
	}
	list := r.Routes()
	if len(list) < 50 {
		t.Fatalf("%d routes", len(list))
	}
	return list
}

// routeOf gives the route that answers a request, empty if none does. Fixed
// parts come before parameters, as in gin.
func (f *fixture) routeOf(t *testing.T, method, target string) string {
	t.Helper()
	path, _, _ := strings.Cut(target, "?")
	best, most := "", -1
	for _, r := range f.routes(t) {
		if fixed, ok := matches(r.Path, path); ok && r.Method == method && fixed > most {
			best, most = r.Path, fixed
		}
	}
	return best
}

// matches says whether a route takes a path, and how many of its parts are
// fixed.
func matches(route, path string) (fixed int, ok bool) {
	parts, given := strings.Split(route, "/"), strings.Split(path, "/")
	for i, part := range parts {
		switch {
		case strings.HasPrefix(part, "*"):
			return fixed, len(given) > i
		case len(given) <= i:
			return fixed, false
		case strings.HasPrefix(part, ":"):
			if given[i] == "" {
				return fixed, false
			}
		case part != given[i]:
			return fixed, false
		default:
			fixed++
		}
	}
	return fixed, len(given) == len(parts)
}

// exampleOf gives an address of the route, about the course c5.
func exampleOf(route string) string {
	for name, value := range map[string]string{
		":key": "c5", ":id": "1", ":version": version("s"), ":source": "STORE", ":name": "style.css",
		":exercise": "exercise", ":basename": "file.py", "*at": "c5/",
	} {
		route = strings.Replace(route, name, value, 1)
	}
	if route == "/static/*filepath" {
		return "/static/c5/file.html"
	}
	return strings.Replace(route, "*filepath", "file.html", 1)
}
