package courseconfig

import (
	"errors"
	"fmt"
	"strings"

	"coursewright/internal/courseconfig/djtemplate"
	"coursewright/internal/courseconfig/pyvalue"
)

// includedFile is a file that configurations include. It is read once; without
// a template its value is shared by all.
type includedFile struct {
	content
	parsed bool
	value  *pyvalue.Value
	err    error // of reading or parsing it
}

// include merges the files that a configuration includes into it. After a
// problem it goes on with what there is.
func (l *loader) include(e *exerciseConfig, v, list *pyvalue.Value, base string) *pyvalue.Value {
	at := (*place)(nil).at("include")
	if list.Kind != pyvalue.List {
		l.fail(list, at, "found "+found(list)+"; include is a list of mappings, each with a file", "write for example include: [{file: common.yaml}]")
		return v
	}
	m := pyvalue.MapBuilder{Entries: make([]pyvalue.Entry, 0, len(v.Entries))}
	for _, e := range v.Entries {
		m.Put(e.Key, e.Value)
	}
	for i, item := range list.Items {
		if !l.step(1, item, at.item(i)) || l.overTold {
			break
		}
		if included, force := l.includeItem(e, item, at.item(i), base); included != nil {
			l.mergeInclude(&m, included, force)
		}
	}
	out := *v
	out.Entries = m.Entries
	return &out
}

// includeItem loads one included file; nil after a problem.
func (l *loader) includeItem(e *exerciseConfig, item *pyvalue.Value, at *place, base string) (included *pyvalue.Value, force bool) {
	if item.Kind != pyvalue.Map {
		l.fail(item, at, "found "+found(item)+"; an item of include is a mapping with a file", "write for example {file: common.yaml}")
		return nil, false
	}
	name, ok := item.Get("file")
	if !ok || name.Kind != pyvalue.String || name.Str == "" {
		near, hint := nearKey(item, "file")
		l.fail(near, at, "an item of include needs the key file: the path of a YAML or JSON file", hint)
		return nil, false
	}
	joined, inside := within(base, name.Str)
	if !inside {
		l.fail(name, at.at("file"), "the file "+quote(name.Str)+" is outside the course", "name a file relative to the folder of the configuration")
		return nil, false
	}
	file := l.includable(joined)
	if file.err != nil && !file.parsed {
		l.failValue(name, at.at("file"), file.err)
		return nil, false
	}
	e.includes = append(e.includes, file.file)
	if file.modified.After(e.modified) {
		e.modified = file.modified
	}
	var v *pyvalue.Value
	if context, template := item.Get("template_context"); template {
		v = l.rendered(file, name, context, at)
	} else {
		v = l.plain(file, name, at)
	}
	if v == nil {
		return nil, false
	}
	if v.Kind != pyvalue.Map || len(v.Entries) == 0 {
		l.addError(inFile(file.file, v, "found "+found(v)+"; an included file is a mapping with at least one key"))
		return nil, false
	}
	if forced, ok := item.Get("force"); ok {
		force = forced.Truthy()
	}
	return v, force
}

// includable reads a file to include.
func (l *loader) includable(name string) *includedFile {
	file, ok := l.included[name]
	if !ok {
		file = &includedFile{}
		file.content, file.err = l.folder.readNamed(name)
		if l.included == nil {
			l.included = map[string]*includedFile{}
		}
		l.included[name] = file
	}
	return file
}

// plain gives the value of a file that is no template; nil after a problem.
func (l *loader) plain(file *includedFile, name *pyvalue.Value, at *place) *pyvalue.Value {
	if !file.parsed {
		file.parsed = true
		if l.tagged.shared == nil {
			l.tagged = newTagged()
		}
		if file.value, file.err = l.parse(file.file, file.data); file.err == nil {
			for _, e := range file.value.Entries {
				l.tagged.shared[e.Value] = len(e.Value.Items)+len(e.Value.Entries) > 0
			}
		}
	}
	if file.err != nil {
		l.failValue(name, at.at("file"), file.err)
		return nil
	}
	return file.value
}

// maxRenderedValues bounds what one template gives.
const maxRenderedValues = 200_000

// rendered gives the value that a template makes; nil after a problem.
func (l *loader) rendered(file *includedFile, name, context *pyvalue.Value, at *place) *pyvalue.Value {
	data, ok := l.render(file.content, context, at.at("template_context"))
	if !ok {
		return nil
	}
	v, err := l.parseWithin(file.file, data, pyvalue.Limits{MaxNodes: maxRenderedValues})
	if err != nil {
		l.failRendered(name, at.at("file"), err, content{file: file.file, data: data})
		return nil
	}
	kept := keptKeys{known: l.keys, seen: map[*pyvalue.Value]bool{}}
	kept.visit(v)
	if !l.hold(kept.bytes, name, at.at("file")) {
		return nil
	}
	return v
}

// keptKeys makes equal keys of what templates give one key: the templates of a
// course give the same few again and again. It counts what is kept besides, in
// bytes.
type keptKeys struct {
	known map[string]*pyvalue.Value
	seen  map[*pyvalue.Value]bool
	bytes int
}

func (k *keptKeys) visit(v *pyvalue.Value) {
	if k.seen[v] {
		return
	}
	if len(v.Items)+len(v.Entries) > 0 {
		k.seen[v] = true // only these can be met again below themselves
	}
	k.bytes += valueBytes + len(v.Str)
	for _, item := range v.Items {
		k.visit(item)
	}
	for i, e := range v.Entries {
		k.bytes += entryBytes
		k.visit(e.Value)
		if e.Key.Kind != pyvalue.String {
			continue
		}
		known, ok := k.known[e.Key.Str]
		if !ok {
			known = e.Key
			k.known[e.Key.Str] = known
			k.bytes += 2 * valueBytes
		}
		v.Entries[i].Key = known
	}
}

// failRendered reports an error in the text that a template gave, at the item
// of include: the error's own place counts in that text, which no file shows.
func (l *loader) failRendered(v *pyvalue.Value, at *place, err error, text content) {
	var syntax *pyvalue.SyntaxError
	if !errors.As(err, &syntax) {
		l.failValue(v, at, err)
		return
	}
	where := ""
	lines := strings.Split(string(text.data), "\n")
	if n := syntax.Pos.Line; n > 0 && n <= len(lines) {
		where = fmt.Sprintf(" at its line %d, column %d (%s)", n, syntax.Pos.Column, quote(lines[n-1]))
	}
	l.fail(v, at, "the text that the template "+quote(text.file)+" gives is not correct"+where+": "+syntax.Message, syntax.Hint)
}

// render gives the text that a template makes.
func (l *loader) render(file content, context *pyvalue.Value, at *place) ([]byte, bool) {
	if context.Kind != pyvalue.Map {
		l.fail(context, at, "found "+found(context)+"; template_context is a mapping from names to values", "remove the key to include the file without a template")
		return nil, false
	}
	left := freeTemplate + templatePerByte*l.read - l.template
	if left <= 0 || l.overTold {
		return nil, l.over(context, at, "the templates of all includes take too many steps together")
	}
	before := left
	text, err := djtemplate.Engine{Left: &left}.Render(file.file, string(file.data), context)
	l.template += before - left
	if err != nil {
		l.failValue(context, at, err)
		return nil, false
	}
	l.budget.rendered += len(text)
	if most := freeRendered + renderedPerByte*l.read; l.budget.rendered > most {
		return nil, l.over(context, at, fmt.Sprintf("the templates of all includes give more than %d bytes together", most))
	}
	return []byte(text), l.step(1, context, at)
}

// mergeInclude adds the keys of an included file. Without force a key that is
// there already is a problem, and keeps its value.
func (l *loader) mergeInclude(m *pyvalue.MapBuilder, included *pyvalue.Value, force bool) {
	const costPut = 8 // steps
	for _, e := range included.Entries {
		if !l.step(costPut+len(e.Key.Str)/entryBytes, e.Key, nil) {
			return
		}
		i := m.Find(e.Key)
		switch {
		case i >= 0 && !force && l.full():
			l.failures++
		case i >= 0 && !force:
			before := m.Entries[i].Value
			l.fail(e.Key, (*place)(nil).at(pyvalue.PyStr(e.Key)), "the included file gives "+asShown(e.Key)+" ("+found(e.Value)+"), which "+quote(before.File)+" has already ("+found(before)+")", "remove one of them, or add force: true to the item of include")
		default:
			m.Put(e.Key, e.Value)
		}
	}
}
