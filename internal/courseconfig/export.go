package courseconfig

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"coursewright/internal/courseconfig/pyvalue"
)

// export makes what A+ gets of every object.
func (l *loader) export(c *Course, nodes []*node) {
	for _, n := range nodes {
		switch {
		case n.config != nil:
			n.exported = l.exerciseExport(c, n)
		case n.object.model == l.models.chapter:
			n.exported = l.chapterExport(n.object)
		default:
			n.exported = n.object.pairs("children")
		}
		l.export(c, n.children)
	}
}

// chapterExport gives a chapter with the address of its page.
func (l *loader) chapterExport(o *record) pairs {
	out := o.pairs("children", "static_content", "url")
	switch page := o.get("static_content").(type) {
	case string:
		out.set("url", l.staticURL(page))
	case pairs:
		byLanguage := make(pairs, 0, len(page))
		for _, p := range page {
			if file, ok := p.value.(string); ok {
				byLanguage = append(byLanguage, pair{p.key, l.staticURL(file)})
			}
		}
		out.set("url", byLanguage)
	}
	return out
}

// exerciseExport gives an exercise what its configuration says.
func (l *loader) exerciseExport(c *Course, n *node) pairs {
	e := c.configOf(n)
	if e.parts == nil {
		e.parts = l.partsOf(e)
	}
	out := n.object.pairs("children", "config", "configure")
	if !out.has("name") {
		out.set("title", e.parts.title)
	}
	if !out.has("description") {
		out.set("description", e.parts.description)
	}
	for _, p := range e.parts.others {
		out.set(p.key, p.value)
	}
	for _, files := range e.parts.files {
		l.answerFiles(&out, n, e, files)
	}
	return out
}

// exportParts is what a configuration gives to every exercise that has it.
type exportParts struct {
	title       any
	description any
	others      pairs
	files       []answerFiles
}

// answerFiles are the files behind a field of A+, by language.
type answerFiles struct {
	answerRoute
	files [][]listedFile
}

// partsOf makes the parts, once for all exercises with the configuration.
func (l *loader) partsOf(e *exerciseConfig) *exportParts {
	first := e.first()
	p := &exportParts{title: titles(e), description: orDefault(first, "description", "")}
	copyKeys(&p.others, first, "url")
	if _, ok := first.Get("lti"); ok {
		copyKeys(&p.others, first, "lti", "lti_context_id", "lti_resource_link_id", "lti_aplus_get_and_post", "lti_open_in_iframe")
	}
	if _, ok := first.Get("lti1p3"); ok {
		copyKeys(&p.others, first, "lti1p3", "lti_open_in_iframe", "lti_custom")
	}
	p.others.set("exercise_info", l.exerciseInfo(e))
	for _, r := range []answerRoute{{"model_answer", "model_files", "model"}, {"exercise_template", "template_files", "exercise_template"}} {
		if v, ok := first.Get(r.field); ok {
			p.others.set(r.field, v)
		} else if _, ok := first.Get(r.list); ok {
			p.files = append(p.files, l.answerFilesOf(e, r))
		}
	}
	return p
}

func (l *loader) answerFilesOf(e *exerciseConfig, r answerRoute) answerFiles {
	out := answerFiles{answerRoute: r, files: make([][]listedFile, len(e.languages))}
	seen := map[*pyvalue.Value][]listedFile{}
	for i, lang := range e.languages {
		list, ok := lang.data.Get(r.list)
		if !ok || i > 0 && list.Kind == pyvalue.Null {
			continue
		}
		files, known := seen[list]
		if !known {
			files = l.paths(list, (*place)(nil).at(r.list))
			seen[list] = files
		}
		out.files[i] = files
	}
	return out
}

func copyKeys(out *pairs, from *pyvalue.Value, keys ...string) {
	for _, key := range keys {
		if v, ok := from.Get(key); ok {
			out.set(key, v)
		}
	}
}

// titles gives the title, by language when there are several.
func titles(e *exerciseConfig) any {
	if len(e.languages) == 1 {
		return orDefault(e.first(), "title", null{})
	}
	out := make(pairs, 0, len(e.languages))
	for _, lang := range e.languages {
		out = append(out, pair{lang.language, orDefault(lang.data, "title", null{})})
	}
	return out
}

// exerciseInfo gives the exercise's own exercise_info, or a description of its
// form.
func (l *loader) exerciseInfo(e *exerciseConfig) any {
	first := e.first()
	given, ok := first.Get("exercise_info")
	if ok && viewType(e) != viewNoSubmission {
		return given
	}
	info := pairs{}
	if ok {
		if given.Kind != pyvalue.Map {
			l.fail(given, (*place)(nil).at("exercise_info"), "found "+found(given)+"; allowed is a mapping", "remove the key")
			return null{}
		}
		for _, entry := range given.Entries {
			info = append(info, pair{pyvalue.PyStr(entry.Key), entry.Value})
		}
	} else {
		spec, i18n := l.formOf(e)
		info = pairs{{"form_spec", spec}, {"form_i18n", i18n}}
		if radar, ok := first.Get("radar_info"); ok {
			info.set("radar", radar)
		}
	}
	if viewType(e) == viewNoSubmission {
		info.set("no_submission", true)
	}
	return info
}

// answerRoute ties a field of A+ to the list of files behind it and to the
// address that serves them.
type answerRoute struct{ field, list, route string }

// answerFiles gives an exercise the addresses of its model or template files.
func (l *loader) answerFiles(out *pairs, n *node, e *exerciseConfig, a answerFiles) {
	if len(e.languages) == 1 {
		out.set(a.field, l.joinedURLs(n, a.files[0], a, ""))
		return
	}
	byLanguage := make(pairs, 0, len(e.languages))
	for i, lang := range e.languages {
		byLanguage = append(byLanguage, pair{lang.language, l.joinedURLs(n, a.files[i], a, lang.language)})
	}
	out.set(a.field, byLanguage)
}

// joinedURLs gives the addresses of an exercise's listed files. The exercise's
// key stands in them, so it must be one that addresses take.
func (l *loader) joinedURLs(n *node, files []listedFile, a answerFiles, language string) string {
	if len(files) == 0 || l.overTold || l.stopped {
		return ""
	}
	key := n.object.text("key")
	if n.object.input("key") == nil {
		return "" // told already
	}
	if !slug.MatchString(key) {
		l.fail(n.object.input("key"), n.object.at.at("key"), "the key "+quote(key)+" cannot stand in the address of a model or template file", "use letters, digits, hyphens and underscores")
		return ""
	}
	urls := make([]string, 0, len(files))
	for _, f := range files {
		u := l.fileURL(a.route, key, f.value.Str, language)
		if !l.hold(len(u)+entryBytes, f.value, nil) {
			return ""
		}
		urls = append(urls, u)
	}
	return strings.Join(urls, " ")
}

// listedFile is one path of a list of files, and its place in the list.
type listedFile struct {
	value *pyvalue.Value // a text
	index int
}

// maxListedFiles bounds the model or template files of one exercise.
const maxListedFiles = 1000

// paths gives the texts of a list of files.
func (l *loader) paths(list *pyvalue.Value, at *place) []listedFile {
	items, ok := iterate(list)
	if list.Kind == pyvalue.Map {
		slices.SortStableFunc(items, func(a, b *pyvalue.Value) int { return compareKeys(a.Str, b.Str) })
	}
	if len(items) > maxListedFiles {
		l.fail(list, at, fmt.Sprintf("found %d files; allowed are %d", len(items), maxListedFiles), "list fewer")
		return nil
	}
	if !ok {
		l.fail(list, at, "found "+found(list)+"; allowed is a list of paths", "write for example [solution.py]")
		return nil
	}
	if list.Kind == pyvalue.String && list.Str != "" {
		l.warn(list, at, "found a text, of which every character counts as a file", "write a list: ["+clip(list.Str)+"]")
	}
	out := make([]listedFile, 0, len(items))
	for i, item := range items {
		if item.Kind != pyvalue.String {
			l.fail(item, at.item(i), "found "+found(item)+"; allowed is the path of a file", "")
			continue
		}
		if !utf8.ValidString(item.Str) {
			l.fail(item, at.item(i), "found a text that is no Unicode text; allowed is the path of a file", "remove the half of a surrogate pair (\\ud800 to \\udfff)")
			continue
		}
		out = append(out, listedFile{item, i})
	}
	return out
}
