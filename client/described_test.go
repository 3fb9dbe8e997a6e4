package client_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"coursewright/client"
)

// operation is a call that the API's description has.
type operation struct {
	ID         string      `yaml:"operationId"`
	Parameters []parameter `yaml:"parameters"`

	method, path string
}

type parameter struct {
	Ref  string `yaml:"$ref"`
	Name string `yaml:"name"`
	In   string `yaml:"in"`
}

// description is what the tests need of the API's description.
type description struct {
	operations map[string]operation
	parameters map[string]parameter
	schemas    map[string]map[string]any // their properties
}

func described(t *testing.T) description {
	t.Helper()
	out := description{map[string]operation{}, map[string]parameter{}, map[string]map[string]any{}}
	files, err := filepath.Glob("../api/openapi/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var part struct {
			Paths      map[string]map[string]yaml.Node `yaml:"paths"`
			Components struct {
				Parameters map[string]parameter `yaml:"parameters"`
				Schemas    map[string]struct {
					Properties map[string]any `yaml:"properties"`
				} `yaml:"schemas"`
			} `yaml:"components"`
		}
		if err := yaml.Unmarshal(text, &part); err != nil {
			t.Fatal(err)
		}
		for path, of := range part.Paths {
			for method, node := range of {
				if method == "parameters" {
					continue
				}
				op := operation{method: strings.ToUpper(method), path: path}
				if err := node.Decode(&op); err != nil {
					t.Fatal(err)
				}
				out.operations[op.ID] = op
			}
		}
		for name, p := range part.Components.Parameters {
			out.parameters["#/components/parameters/"+name] = p
		}
		for schema, of := range part.Components.Schemas {
			out.schemas[schema] = of.Properties
		}
	}
	return out
}

// calls has a call for each operation, with every parameter that it takes.
func calls() map[string]func(context.Context, *client.Client) error {
	const key, tag, version = "a b", `"tag"`, "v1"
	at := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	filter := client.BuildFilter{Status: []client.Status{client.Failed}, Trigger: "HOOK", Host: "h", Commit: "c", Since: at, Until: at}
	type call = func(context.Context, *client.Client) error
	return map[string]call{
		"listCourses":        func(ctx context.Context, c *client.Client) error { return all(c.Courses(ctx, "x", client.Failed)) },
		"createCourse":       func(ctx context.Context, c *client.Client) error { return second(c.CreateCourse(ctx, nil)) },
		"getCourse":          func(ctx context.Context, c *client.Client) error { _, _, err := c.Course(ctx, key); return err },
		"replaceCourse":      func(ctx context.Context, c *client.Client) error { return second(c.ReplaceCourse(ctx, key, tag, nil)) },
		"changeCourse":       func(ctx context.Context, c *client.Client) error { return second(c.ChangeCourse(ctx, key, tag, nil)) },
		"removeCourse":       func(ctx context.Context, c *client.Client) error { return c.RemoveCourse(ctx, key, tag) },
		"renewWebhookSecret": func(ctx context.Context, c *client.Client) error { return second(c.RenewSecret(ctx, key, tag, 24)) },
		"getDeployKey":       func(ctx context.Context, c *client.Client) error { return second(c.DeployKey(ctx, key)) },
		"checkOrigin": func(ctx context.Context, c *client.Client) error {
			return second(c.CheckOrigin(ctx, client.OriginCheck{}))
		},
		"listBuilds": func(ctx context.Context, c *client.Client) error {
			return all(c.Builds(ctx, key, filter))
		},
		"startBuild": func(ctx context.Context, c *client.Client) error {
			return second(c.StartBuild(ctx, key, client.BuildOptions{}))
		},
		"getBuild":       func(ctx context.Context, c *client.Client) error { return second(c.Build(ctx, key, 7)) },
		"getLog":         func(ctx context.Context, c *client.Client) error { _, _, err := c.Log(ctx, key, 7, 1); return err },
		"followBuild":    func(ctx context.Context, c *client.Client) error { return all(c.Follow(ctx, key, 7, 1)) },
		"cancelBuild":    func(ctx context.Context, c *client.Client) error { return second(c.CancelBuild(ctx, key, 7)) },
		"retryBuild":     func(ctx context.Context, c *client.Client) error { return second(c.RetryBuild(ctx, key, 7, true)) },
		"listReleases":   func(ctx context.Context, c *client.Client) error { return all(c.Releases(ctx, key)) },
		"getRelease":     func(ctx context.Context, c *client.Client) error { return second(c.Release(ctx, key, version)) },
		"publishRelease": func(ctx context.Context, c *client.Client) error { return second(c.Publish(ctx, key, version, true)) },
		"diffRelease":    func(ctx context.Context, c *client.Client) error { return second(c.Diff(ctx, key, version, version)) },
		"approveRelease": func(ctx context.Context, c *client.Client) error {
			return second(c.Approve(ctx, key, version, version))
		},
		"listPreviews":   func(ctx context.Context, c *client.Client) error { return all(c.Previews(ctx, key)) },
		"listDeliveries": func(ctx context.Context, c *client.Client) error { return all(c.Deliveries(ctx, key, "refused")) },
		"getDelivery":    func(ctx context.Context, c *client.Client) error { return second(c.Delivery(ctx, key, 7)) },
		"redeliver":      func(ctx context.Context, c *client.Client) error { return second(c.Redeliver(ctx, key, 7)) },
		"searchBuilds": func(ctx context.Context, c *client.Client) error {
			return all(c.SearchBuilds(ctx, key, filter))
		},
		"getFleet":      func(ctx context.Context, c *client.Client) error { return second(c.Fleet(ctx, at)) },
		"getReconciler": func(ctx context.Context, c *client.Client) error { return all(c.Closings(ctx)) },
		"listHosts":     func(ctx context.Context, c *client.Client) error { return all(c.Hosts(ctx)) },
		"getHost":       func(ctx context.Context, c *client.Client) error { return second(c.Host(ctx, key)) },
		"forgetHost":    func(ctx context.Context, c *client.Client) error { return c.ForgetHost(ctx, key) },
		"drainHost":     func(ctx context.Context, c *client.Client) error { return second(c.DrainHost(ctx, key)) },
		"resumeHost":    func(ctx context.Context, c *client.Client) error { return second(c.ResumeHost(ctx, key)) },
		"listAudit": func(ctx context.Context, c *client.Client) error {
			return all(c.AuditLog(ctx, client.AuditFilter{Course: key, Action: "x", Caller: "x", Outcome: "done", Since: at, Until: at}))
		},
		"whoami":         func(ctx context.Context, c *client.Client) error { return second(c.Whoami(ctx)) },
		"getSchema":      func(ctx context.Context, c *client.Client) error { return second(c.Schema(ctx, "index")) },
		"getDescription": func(ctx context.Context, c *client.Client) error { return second(c.Description(ctx)) },
	}
}

// withoutCall are operations for people and for other tools: the description as
// a page and in another form.
var withoutCall = map[string]bool{"getDocumentation": true, "getDescriptionAsYAML": true}

func second[T any](_ T, err error) error { return err }

func all[T any](list iter.Seq2[T, error]) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

// byItself are the parameters that the client gives by itself, while it walks through
// pages and follows a log, and one that is for browsers.
var byItself = map[string]bool{"limit": true, "before": true, "Last-Event-ID": true, "download": true}

// Every operation that the API describes has a call, which asks for that operation
// and can give each of its parameters.
func TestEveryOperationHasACall(t *testing.T) {
	t.Parallel()
	api := described(t)
	has := calls()
	for id, op := range api.operations {
		call := has[id]
		delete(has, id)
		if withoutCall[id] {
			continue
		}
		if call == nil {
			t.Errorf("no call for %s %s (%s)", op.method, op.path, id)
			continue
		}
		var asked *http.Request
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked = r
			w.Header().Set("Log-Next-Offset", "1")
			if id == "followBuild" {
				fmt.Fprint(w, "event: end\ndata: {}\n\n")
				return
			}
			fmt.Fprint(w, "{}")
		})
		if err := call(t.Context(), c); err != nil || asked == nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		path := regexp.MustCompile("^" + regexp.MustCompile(`\{\w+\}`).ReplaceAllString(op.path, "[^/]+") + "$")
		if asked.Method != op.method || !path.MatchString(asked.URL.EscapedPath()) {
			t.Errorf("%s asks for %s %s", id, asked.Method, asked.URL.EscapedPath())
		}
		for _, p := range op.Parameters {
			if p.Ref != "" {
				p = api.parameters[p.Ref]
			}
			if given := p.In == "query" && asked.URL.Query().Has(p.Name) || p.In == "header" && asked.Header.Get(p.Name) != ""; !given && !byItself[p.Name] {
				t.Errorf("the call of %s cannot give %s", id, p.Name)
			}
		}
	}
	for id := range has {
		t.Errorf("%s is not described", id)
	}
}

// Every type has the fields of its schema and no other.
func TestTypesAreAsDescribed(t *testing.T) {
	t.Parallel()
	schemas := described(t).schemas
	for schema, value := range map[string]any{
		"Course": client.Course{}, "Build": client.Build{}, "BuildOptions": client.BuildOptions{}, "Changes": client.Changes{},
		"Step": client.Step{}, "Diagnostic": client.Diagnostic{}, "Release": client.ListedRelease{}, "Delivery": client.Delivery{},
		"Diff": client.Diff{}, "DiffItem": client.DiffItem{}, "DiffPlace": client.DiffPlace{}, "DiffField": client.DiffField{},
		"Approval": client.Approval{}, "Host": client.Host{}, "Fleet": client.Fleet{}, "OpenBuild": client.OpenBuild{},
		"Cause": client.Cause{}, "Sweep": client.Sweep{}, "Closing": client.Closing{}, "AuditEntry": client.AuditEntry{},
		"Caller": client.Caller{}, "DeployKey": client.DeployKey{}, "Origin": client.Origin{}, "Branch": client.Branch{},
		"Preview": client.Preview{},
		"Problem": client.Error{}, "FieldError": client.FieldError{},
	} {
		properties := schemas[schema]
		for _, field := range reflect.VisibleFields(reflect.TypeOf(value)) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if field.Anonymous {
				continue // its fields come by themselves
			}
			if _, ok := properties[name]; !ok && name != "-" {
				t.Errorf("%s has no field %s", schema, name)
			}
			delete(properties, name)
		}
		for name := range properties {
			t.Errorf("the type of %s lacks %s", schema, name)
		}
	}
}
