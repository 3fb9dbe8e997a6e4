package coursetest

import (
	"html/template"
	"net/http"
	"strconv"
)

// overview shows what A+ knows, for people who try the service.
const overview = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Stand-in for A+</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}li{overflow-wrap:anywhere}</style></head>
<body><h1>Stand-in for A+</h1>
<p>It imports courses and sends no mails; nothing is kept.</p>
{{range .Instances}}<section><h2>Course instance {{.ID}}</h2>
<p>Configuration: {{.ConfigureURL}}</p>
<form method="post" action="/instances/{{.ID}}/import"><button>Import now</button></form></section>
{{else}}<p>There are no course instances yet.</p>
{{end}}<h2>Imports</h2>
<ol reversed>{{range .Imports}}<li>Instance {{.Instance}}: {{if .Success}}imported{{else}}not imported{{end}}
<ul>{{range .Errors}}<li>{{.}}</li>{{end}}{{range .Objects}}<li>{{.Class}} {{.Key}} {{with .URL}}{{.}}{{end}}</li>{{end}}</ul></li>
{{else}}<li>None yet.</li>{{end}}</ol>
<h2>Mails</h2>
<ol reversed>{{range .Mails}}<li>{{.Subject}}<pre>{{.Message}}</pre></li>{{else}}<li>None yet.</li>{{end}}</ol>
<h2>Refused calls</h2>
<ol reversed>{{range .Problems}}<li>{{.}}</li>{{else}}<li>None.</li>{{end}}</ol>
</body></html>
`

func (a *FakeAPlus) page(w http.ResponseWriter, _ *http.Request) {
	t, err := template.New("overview").Parse(overview)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var data struct {
		Instances []Instance
		Imports   []Import
		Mails     []Mail
		Problems  []string
	}
	for _, id := range a.InstanceIDs() {
		i, _ := a.instance(id)
		data.Instances = append(data.Instances, i)
	}
	data.Imports, data.Mails, data.Problems = newest(a.Imports()), newest(a.Mails()), newest(a.Problems())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = t.Execute(w, data) // a reader that has gone misses nothing
}

// newest gives at most 20 items, the newest first.
func newest[T any](list []T) []T {
	var out []T
	for i := len(list) - 1; i >= 0 && len(out) < 20; i-- {
		out = append(out, list[i])
	}
	return out
}

// importNow is the button of the page.
func (a *FakeAPlus) importNow(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if _, exists := a.instance(id); err != nil || !exists {
		http.NotFound(w, r)
		return
	}
	a.Import(r.Context(), id)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
