package main

import (
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"coursewright/api"
	"coursewright/internal/temporaldev"
)

// readRoutes are all addresses that can be read: those that the program answers
// and those that its description names, with {name} for what varies.
func (s *secretive) readRoutes() []string {
	s.t.Helper()
	addresses, err := api.NewAddresses("", nil)
	must(s.t, err)
	handler, err := api.New(api.Config{ // whatever adds routes
		Log: slog.New(slog.DiscardHandler), Addresses: addresses, Registry: prometheus.NewRegistry(), DeployKey: "key",
		Audit: struct{ api.AuditStore }{}, BuildHosts: struct{ api.BuildHosts }{}, Sweeps: struct{ api.Sweeps }{}, Origins: struct{ api.Origins }{},
		Metrics: http.NotFoundHandler(), Pages: http.NotFoundHandler(),
	})
	must(s.t, err)
	table, ok := handler.(interface{ Routes() gin.RoutesInfo })
	if !ok {
		s.t.Fatalf("%T does not tell its routes", handler)
	}
	all := map[string]bool{}
	for _, route := range table.Routes() {
		if route.Method == http.MethodGet {
			all[regexp.MustCompile(`[:*](\w+)`).ReplaceAllString(route.Path, "{$1}")] = true
		}
	}
	var description struct {
		Paths map[string]map[string]any
	}
	s.get("/api/v1/openapi.json", &description)
	for path, methods := range description.Paths {
		if methods["get"] != nil {
			all[path] = true
		}
	}
	if len(all) < 60 {
		s.t.Fatalf("%d addresses can be read: %v", len(all), all)
	}
	return slices.Sorted(maps.Keys(all))
}

// statusOf is how an administrator's request for an address is answered.
func statusOf(route string) int {
	switch route {
	case "/{key}", "/gitmanager", "/gitmanager/new", "/gitmanager/{key}", "/model/{key}/{exercise}", "/exercise_template/{key}/{exercise}", "/preview/{key}/{version}":
		return http.StatusMovedPermanently
	case "/preview/{key}/{version}/":
		return http.StatusFound
	}
	return http.StatusOK
}

// look asks for all that is shown to somebody, of all courses, whose builds are
// given. The course named live is published.
func (s *secretive) look(keys []string, builds map[string]buildJSON) {
	s.t.Helper()
	asked := 0
	for _, route := range s.readRoutes() {
		of := keys
		if !strings.Contains(route, "{key}") && !strings.Contains(route, "{at}") || onlyPublished(route) {
			of = []string{"live"}
		}
		for _, key := range of {
			path := s.fill(route, key, builds[key])
			asked++
			if status, text := s.asAdmin(http.MethodGet, path, ""); status != statusOf(route) {
				s.t.Errorf("GET %s: status %d, want %d: %.300s", path, status, statusOf(route), text)
			}
			s.ask(http.MethodGet, path, "", map[string]string{"Authorization": "Bearer " + s.reader})
			if key == "live" {
				s.ask(http.MethodGet, path, "", nil)
				s.ask(http.MethodGet, path, "", map[string]string{"Authorization": "Bearer " + s.plant("token that does not hold")})
				s.ask(http.MethodGet, path, "", map[string]string{"Cookie": "AuthToken=" + s.plant("cookie that does not hold")})
			}
		}
	}
	if asked < 200 {
		s.t.Errorf("%d addresses only were asked for", asked)
	}
	for name, p := range map[string]*program{"api": s.api, "worker": s.worker} {
		for _, path := range []string{"metrics", "healthz", "readyz", "debug/pprof/", "debug/pprof/cmdline", "debug/pprof/goroutine?debug=2", "debug/pprof/heap?debug=1", "debug/pprof/trace?seconds=0.1"} {
			status, text, _ := s.send(http.MethodGet, strings.TrimSuffix(p.admin, "/")+"/"+path, "", nil)
			if status != http.StatusOK || text == "" {
				s.t.Errorf("%s of the %s: status %d", path, name, status)
			}
			s.saw(path+" of the "+name, text)
		}
	}
}

// onlyPublished says whether an address is there for courses with a release.
func onlyPublished(route string) bool {
	return strings.Contains(route, "{version}") || strings.Contains(route, "{exercise}") || strings.Contains(route, "{filepath}") ||
		route == "/{key}/" || strings.HasSuffix(route, "/aplus-json") || strings.Contains(route, "/publish/")
}

// fill puts what there is of a course into an address.
func (s *secretive) fill(route, key string, build buildJSON) string {
	s.t.Helper()
	id := fmt.Sprint(build.ID)
	var list struct{ Items []struct{ ID any } }
	switch {
	case strings.Contains(route, "/deliveries/"):
		s.get("/api/v1/courses/"+key+"/deliveries", &list)
	case strings.Contains(route, "/hosts/"):
		s.get("/api/v1/hosts", &list)
	}
	if len(list.Items) > 0 {
		id = fmt.Sprint(list.Items[0].ID)
	}
	file, name := "index.html", "model.py"
	switch {
	case strings.HasPrefix(route, "/static/"):
		file = key + "/index.html"
	case strings.Contains(route, "/exercise_template/"):
		name = "template.py"
	}
	return strings.NewReplacer("{key}", key, "{id}", id, "{version}", build.Version, "{source}", "STORE", "{kind}", "index", "{name}", "style.css",
		"{filepath}", file, "{exercise}", "ex1", "{basename}", name, "{at}", key+"/", "/lines", "/lines?q=e").Replace(route)
}

// dump keeps the whole database, but for the columns that are there to keep a
// secret.
func (s *secretive) dump() {
	s.t.Helper()
	for table := range strings.SplitSeq(s.database.Exec(s.name, "select tablename from pg_tables where schemaname = 'public'"), "\n") {
		if table == "" {
			continue
		}
		row := "to_jsonb(x)"
		if table == "courses" {
			row += " - 'git_origin' - 'webhook_secret' - 'old_webhook_secret'"
		}
		s.saw("table "+table, s.database.Exec(s.name, fmt.Sprintf("select %s::text from %q x", row, table)))
	}
}

// folders keeps all files of the deployment's folders. What is not of the service's
// making lies beside them.
func (s *secretive) folders() {
	s.t.Helper()
	files := 0
	must(s.t, filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Dir(path) == s.dir {
			return err
		}
		text, err := os.ReadFile(path)
		s.saw("file "+path, string(text))
		files++
		return err
	}))
	if files < 100 {
		s.t.Errorf("%d files only", files)
	}
}

// histories keeps all histories of workflows, as JSON and as they lie in
// Temporal.
func (s *secretive) histories() {
	s.t.Helper()
	c, err := client.Dial(client.Options{HostPort: s.front.behind, Namespace: temporaldev.Namespace})
	must(s.t, err)
	defer c.Close()
	list, err := c.ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: temporaldev.Namespace})
	must(s.t, err)
	events := 0
	keep := func(place string, message proto.Message) {
		text, err := protojson.Marshal(message)
		must(s.t, err)
		raw, err := proto.Marshal(message)
		must(s.t, err)
		s.saw(place, string(text)+string(raw))
	}
	for _, run := range list.GetExecutions() {
		id := run.GetExecution().GetWorkflowId()
		keep("workflow "+id, run)
		h := c.GetWorkflowHistory(s.t.Context(), id, run.GetExecution().GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for h.HasNext() {
			event, err := h.Next()
			must(s.t, err)
			keep("history of "+id, event)
			events++
		}
	}
	if events < 20 {
		s.t.Errorf("%d events only", events)
	}
}

// withoutOwn leaves out what those who may edit a course are shown of it: its
// origin, which they have typed, and its webhook secret, which they give to the git
// host. A+ asks for the origin as a reader, to fill its form for a copy of the course.
func (s *secretive) withoutOwn(place, text string) string {
	const origin, secret = `"git_origin": ?"[^"]*"`, `"webhook_secret": ?"[^"]*"`
	for _, own := range []struct {
		place string
		forms []string
	}{
		{`^administrator: GET /api/v1/courses/[\w-]+$`, []string{origin, secret}},
		{`^administrator: GET /api/gitmanager/[\w-]+/$`, []string{origin, secret}},
		{`^reader: GET /api/gitmanager/[\w-]+/$`, []string{origin}},
		{`^administrator: GET /gitmanager/[\w-]+/$`, []string{`name="git_origin"[^>]*`}},
		{`^administrator: GET /gitmanager/[\w-]+/webhook$`, []string{`<code id="hook-secret"[^>]*>[^<]*`}},
	} {
		for _, form := range own.forms {
			if regexp.MustCompile(own.place).MatchString(place) {
				text = regexp.MustCompile(form).ReplaceAllString(text, "")
			}
		}
	}
	return text
}
