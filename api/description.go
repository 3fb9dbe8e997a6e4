package api

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"go.yaml.in/yaml/v3"
)

// restPrefix begins the addresses of the REST API.
const restPrefix = "/api/v1/"

// The parts of the OpenAPI document: paths and components of each add up.
//
//go:embed openapi/*.yaml
var descriptionParts embed.FS

// description is the OpenAPI document of the REST API. Requests are held to it:
// parameters that it does not name are refused.
type description struct {
	document map[string]any
	json     *finishedDocument
	yaml     *finishedDocument
	known    map[string][]string // query parameters by method and path
}

// loadDescription reads the document once: it is part of the program.
var loadDescription = sync.OnceValues(newDescription)

func newDescription() (*description, error) {
	names, err := fs.Glob(descriptionParts, "openapi/*.yaml")
	if err != nil {
		return nil, err
	}
	document := map[string]any{}
	for _, name := range names {
		text, err := descriptionParts.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var part map[string]any
		if err := yaml.Unmarshal(text, &part); err != nil {
			return nil, fmt.Errorf("description of the API: %s: %w", name, err)
		}
		if err := merge(document, part); err != nil {
			return nil, fmt.Errorf("description of the API: %s: %w", name, err)
		}
	}
	d := &description{document: document, known: map[string][]string{}}
	for at, o := range d.operations() {
		o.addUsualResponses()
		d.known[at] = o.query()
	}
	text, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("description of the API: %w", err)
	}
	d.json = newFinishedDocument(append(text, '\n'))
	if text, err = yaml.Marshal(document); err != nil {
		return nil, fmt.Errorf("description of the API: %w", err)
	}
	d.yaml = newFinishedDocument(text)
	return d, nil
}

// merge adds what is new; what both have must be objects.
func merge(into, part map[string]any) error {
	for name, value := range part {
		old, known := into[name]
		if !known {
			into[name] = value
			continue
		}
		a, ok := old.(map[string]any)
		b, also := value.(map[string]any)
		if !ok || !also {
			return fmt.Errorf("%s is there already", name)
		}
		if err := merge(a, b); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// operation is one method of one path.
type operation struct {
	method, path string
	fields       map[string]any
	parameters   []map[string]any // those of the path too
}

// operations gives all of them by method and path, such as GET /api/v1/courses.
func (d *description) operations() map[string]*operation {
	out := map[string]*operation{}
	paths, _ := d.document["paths"].(map[string]any)
	for path, value := range paths {
		item, _ := value.(map[string]any)
		for method, value := range item {
			fields, ok := value.(map[string]any)
			if !ok {
				continue // the parameters of the path
			}
			o := &operation{method: strings.ToUpper(method), path: path, fields: fields}
			o.parameters = append(d.parametersOf(item), d.parametersOf(fields)...)
			out[o.method+" "+path] = o
		}
	}
	return out
}

func (d *description) parametersOf(of map[string]any) []map[string]any {
	var out []map[string]any
	list, _ := of["parameters"].([]any)
	for _, value := range list {
		if p, ok := d.resolve(value).(map[string]any); ok {
			out = append(out, p)
		}
	}
	return out
}

// resolve follows a reference within the document.
func (d *description) resolve(value any) any {
	object, _ := value.(map[string]any)
	ref, isRef := object["$ref"].(string)
	if !isRef {
		return value
	}
	var at any = d.document
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		object, _ := at.(map[string]any)
		at = object[name]
	}
	return at
}

// query names the parameters in the address, sorted.
func (o *operation) query() []string {
	var out []string
	for _, p := range o.parameters {
		if name, _ := p["name"].(string); p["in"] == "query" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// addUsualResponses adds the refusals that follow from what an operation takes
// and who may call it, so that the parts need not repeat them.
func (o *operation) addUsualResponses() {
	responses, _ := o.fields["responses"].(map[string]any)
	add := func(status ...int) {
		for _, s := range status {
			if key := fmt.Sprint(s); responses[key] == nil {
				responses[key] = map[string]any{"$ref": "#/components/responses/problem"}
			}
		}
	}
	access, body := o.fields["x-access"], o.fields["requestBody"] != nil
	add(http.StatusBadRequest) // parameters that are not known
	if access != "everybody" {
		add(http.StatusUnauthorized, http.StatusMisdirectedRequest, http.StatusTooManyRequests)
		responses["5XX"] = map[string]any{"$ref": "#/components/responses/problem"}
	}
	if access == "read" || access == "write" || access == "administrator" || o.method != http.MethodGet {
		add(http.StatusForbidden)
	}
	if strings.Contains(o.path, "{key}") {
		add(http.StatusNotFound)
	}
	if body {
		add(http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if content, _ := responses["200"].(map[string]any); o.method == http.MethodGet && content["headers"] != nil {
		headers, _ := content["headers"].(map[string]any)
		if headers["ETag"] != nil {
			responses["304"] = map[string]any{"description": "Nothing has changed: the tag in If-None-Match is still right."}
		}
	}
	for _, p := range o.parameters {
		if p["name"] == ifMatchHeader {
			add(http.StatusPreconditionFailed)
			if p["required"] == true {
				add(http.StatusPreconditionRequired)
			}
		}
	}
	if access == "everybody" {
		o.fields["security"] = []any{}
	}
}

var routeParameter = regexp.MustCompile(`[:*]([a-z]+)`)

// parameters names those in the address that a route takes. HEAD takes what GET
// does.
func (d *description) parameters(method, route string) []string {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return d.known[method+" "+routeParameter.ReplaceAllString(route, "{$1}")]
}

// serve answers with the document in one of its forms. It changes with new
// versions of the service only.
func (d *finishedDocument) serve(kind string) handler {
	return func(c *gin.Context) error {
		c.Header("Etag", d.tag)
		c.Header("Cache-Control", "private, no-cache")
		if hasTag(c.GetHeader("If-None-Match"), d.tag) {
			c.Status(http.StatusNotModified)
			c.Writer.WriteHeaderNow()
			return nil
		}
		c.Header("X-Content-Type-Options", "nosniff")
		c.Data(http.StatusOK, kind, d.body)
		return nil
	}
}

// fieldNames are the names of an object's fields, sorted.
func fieldNames(of any) []string {
	object, _ := of.(map[string]any)
	return slices.Sorted(maps.Keys(object))
}
