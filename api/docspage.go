package api

import (
	"bytes"
	_ "embed" // the page
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

//go:embed docs.html
var docsPage string

// docsPolicy lets the page show itself and nothing else.
const docsPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docs answers GET /api/v1/docs: the OpenAPI document as a page.
func (d *description) docs() (handler, error) {
	t, err := template.New("docs").Funcs(template.FuncMap{"text": markText}).Parse(docsPage)
	if err != nil {
		return nil, fmt.Errorf("parse the page of the API: %w", err)
	}
	var page bytes.Buffer
	if err := t.Execute(&page, d.newDocs()); err != nil {
		return nil, fmt.Errorf("fill the page of the API: %w", err)
	}
	plain := newFinishedDocument(page.Bytes())
	zipped, err := plain.zip()
	if err != nil {
		return nil, fmt.Errorf("compress the page of the API: %w", err)
	}
	return func(c *gin.Context) error {
		c.Header("Content-Security-Policy", docsPolicy)
		c.Header("Vary", "Accept-Encoding")
		form := plain
		if acceptsGzip(c.Request.Header.Values("Accept-Encoding")) {
			form = zipped
			c.Header("Content-Encoding", "gzip")
		}
		return form.serve("text/html; charset=utf-8")(c)
	}, nil
}

// docs is the document as the page shows it.
type docsData struct {
	Title, Description string
	Tags               []docsTag
	Schemas            []docsSchema
}

type docsTag struct {
	Name, Description string
	Operations        []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Description, Access string

	Parameters []docsField
	Body       []docsField
	BodyOf     string // the schema of the body; empty: Body tells all
	Responses  []docsResponse
}

type docsResponse struct{ Status, Description, Schema string }

type docsSchema struct {
	Name, Description, Type string
	Fields                  []docsField
}

type docsField struct {
	Name, In, Type, Schema, Description string
	Required                            bool
}

func (d *description) newDocs() docsData {
	info, _ := d.document["info"].(map[string]any)
	out := docsData{Title: textOf(info, "title"), Description: textOf(info, "description")}
	all := d.operations()
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return strings.Compare(all[a].path+all[a].method, all[b].path+all[b].method)
	})
	tags, _ := d.document["tags"].([]any)
	for _, value := range tags {
		object, _ := value.(map[string]any)
		tag := docsTag{Name: textOf(object, "name"), Description: textOf(object, "description")}
		for _, name := range names {
			if list, _ := all[name].fields["tags"].([]any); slices.Contains(list, any(tag.Name)) {
				tag.Operations = append(tag.Operations, d.newDocsOperation(all[name]))
			}
		}
		out.Tags = append(out.Tags, tag)
	}
	components, _ := d.document["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	for _, name := range fieldNames(schemas) {
		schema, _ := schemas[name].(map[string]any)
		kind, _ := d.typeOf(schema)
		out.Schemas = append(out.Schemas, docsSchema{Name: name, Description: textOf(schema, "description"), Type: kind, Fields: d.fieldsOf(schema)})
	}
	return out
}

func (d *description) newDocsOperation(o *operation) docsOperation {
	out := docsOperation{
		ID: textOf(o.fields, "operationId"), Method: o.method, Path: o.path, Summary: textOf(o.fields, "summary"),
		Description: textOf(o.fields, "description"), Access: textOf(o.fields, "x-access"),
	}
	for _, p := range o.parameters {
		f := docsField{Name: textOf(p, "name"), In: textOf(p, "in"), Description: textOf(p, "description"), Required: p["required"] == true}
		f.Type, f.Schema = d.typeOf(p["schema"])
		out.Parameters = append(out.Parameters, f)
	}
	if body, ok := d.resolve(o.fields["requestBody"]).(map[string]any); ok {
		schema := contentOf(body)
		if _, out.BodyOf = d.typeOf(schema); out.BodyOf == "" {
			out.Body = d.fieldsOf(schema)
		}
	}
	responses, _ := o.fields["responses"].(map[string]any)
	for _, status := range fieldNames(responses) {
		response, _ := d.resolve(responses[status]).(map[string]any)
		r := docsResponse{Status: status, Description: textOf(response, "description")}
		_, r.Schema = d.typeOf(contentOf(response))
		out.Responses = append(out.Responses, r)
	}
	return out
}

// contentOf gives the schema of a body.
func contentOf(body map[string]any) any {
	content, _ := body["content"].(map[string]any)
	for _, kind := range fieldNames(content) {
		object, _ := content[kind].(map[string]any)
		return object["schema"]
	}
	return nil
}

// fieldsOf lists the properties of a schema, the required ones marked.
func (d *description) fieldsOf(schema any) []docsField {
	object, _ := d.resolve(schema).(map[string]any)
	properties, _ := object["properties"].(map[string]any)
	required, _ := object["required"].([]any)
	var out []docsField
	for _, name := range fieldNames(properties) {
		property, _ := properties[name].(map[string]any)
		f := docsField{Name: name, Description: textOf(property, "description"), Required: slices.Contains(required, any(name))}
		f.Type, f.Schema = d.typeOf(property)
		out = append(out, f)
	}
	return out
}

// typeOf words the type of a schema and names the schema that it refers to.
func (d *description) typeOf(value any) (words, schema string) {
	object, _ := value.(map[string]any)
	if ref, ok := object["$ref"].(string); ok {
		return "", ref[strings.LastIndex(ref, "/")+1:]
	}
	for _, one := range anyList(object["oneOf"]) { // a schema or null
		if _, name := d.typeOf(one); name != "" {
			return "or null", name
		}
	}
	switch kind := object["type"].(type) {
	case string:
		words = kind
	case []any:
		for i, k := range kind {
			if i > 0 {
				words += " or "
			}
			words += fmt.Sprint(k)
		}
	}
	if words == "array" {
		words, schema = d.typeOf(object["items"])
		words = strings.TrimSpace("list of " + words)
	}
	for i, word := range anyList(object["enum"]) {
		words += map[bool]string{true: ": ", false: ", "}[i == 0] + fmt.Sprintf("%v", word)
	}
	return words, schema
}

func anyList(value any) []any {
	out, _ := value.([]any)
	return out
}

func textOf(object map[string]any, name string) string {
	text, _ := object[name].(string)
	return text
}

// markText makes HTML of a text with paragraphs and `code`.
func markText(text string) template.HTML {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		out.WriteString("<p>")
		for i, part := range strings.Split(paragraph, "`") {
			if part = template.HTMLEscapeString(part); i%2 == 1 {
				part = "<code>" + part + "</code>"
			}
			out.WriteString(part)
		}
		out.WriteString("</p>\n")
	}
	return template.HTML(out.String()) //nolint:gosec // the program's own text, escaped
}
