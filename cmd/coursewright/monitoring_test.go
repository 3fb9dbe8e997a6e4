package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/store/postgres/postgrestest"
)

// Every metric that the alert rules, the dashboard and the guide name is one that running
// processes have, after a build that was published.
func TestMonitoringNamesMetricsThatThereAre(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 1, settings: map[string]string{
		"DATABASE_URL": server.Address(server.Database(t)), "CANARY_INTERVAL": "1h",
	}})
	api := d.apis[0]
	repo := gitrepotest.New(t)
	repo.Commit(tiny("1"), "first")
	api.addCourse("course", repo.URL(), nil)
	id := api.push("course")
	built := api.finished("course", id, course.StatusSuccess)
	api.publish("course", built.Version)
	api.waitFor("the canary is published", func() bool { return api.listed("canary") != "" })
	operator := &harness{tb: t, base: api.admin}
	api.waitFor("the canary has seen it", func() bool {
		return strings.Contains(string(operator.get("/metrics", http.StatusOK)), `canary_pushes_total{outcome="published"} 1`)
	})

	types := map[string]string{"up": "gauge"} // up is Prometheus' own
	for _, p := range []*program{api, d.workers[0]} {
		text := (&harness{tb: t, base: p.admin}).get("/metrics", http.StatusOK)
		for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(string(text), -1) {
			types[m[1]] = m[2]
		}
	}
	guide, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile("`(coursewright_[a-z_]+[a-z])`").FindAllStringSubmatch(string(guide), -1) {
		if types[name[1]] == "" {
			t.Errorf("the guide names %s, which there is not", name[1])
		}
	}
	for place, expr := range expressions(t) {
		names := metricNames(expr)
		if len(names) == 0 {
			t.Errorf("%s names no metric: %s", place, expr)
		}
		for _, name := range names {
			base := regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")
			if types[base] == "histogram" && base != name {
				continue
			}
			if types[name] == "" || types[name] == "histogram" {
				t.Errorf("%s: there is no metric %s among %q", place, name, slices.Sorted(maps.Keys(types)))
			}
		}
	}
}

// metricNames are the names in a PromQL expression that have a prefix of ours or
// of the parts we run on.
func metricNames(expr string) []string {
	text := regexp.MustCompile(`"[^"]*"|by \([^)]*\)`).ReplaceAllString(expr, "")
	return regexp.MustCompile(`\b(?:(?:coursewright|temporal|process|go)_[a-z0-9_]+|up)\b`).FindAllString(text, -1)
}

// expressions are all PromQL expressions of deploy by their place.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, r := range alertRules(t) {
		out["alert "+r.Alert] = r.Expr
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal(readDeploy(t, "grafana/dashboards/coursewright.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			out["panel "+p.Title+" "+target.RefID] = target.Expr
		}
	}
	if len(out) < 20 {
		t.Fatalf("%d expressions found: the files have more", len(out))
	}
	return out
}

type alertRule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alertRules(t *testing.T) []alertRule {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []alertRule }
	}
	if err := yaml.Unmarshal(readDeploy(t, "prometheus/rules.yml"), &file); err != nil {
		t.Fatal(err)
	}
	var out []alertRule
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	return out
}

func readDeploy(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Each alert leads to a page about it, and each page belongs to an alert.
func TestAlertsHaveRunbooks(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	rules := alertRules(t)
	if len(pages) != len(rules) || len(rules) == 0 {
		t.Errorf("%d alerts and %d pages", len(rules), len(pages))
	}
	for _, r := range rules {
		if !slices.Contains([]string{"critical", "warning"}, r.Labels["severity"]) || r.For == "" || r.Annotations["summary"] == "" {
			t.Errorf("%s lacks a severity, a time or a summary", r.Alert)
		}
		text, err := os.ReadFile(filepath.Join("../..", r.Annotations["runbook"]))
		if err != nil {
			t.Errorf("%s: %v", r.Alert, err)
			continue
		}
		for _, part := range []string{"`" + r.Alert + "`", "**Means**", "**Look**", "**Do**"} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s lacks %s", r.Annotations["runbook"], part)
			}
		}
	}
}
