package courseconfig

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig/pyvalue"
)

// Settings are what the service knows and a course does not.
type Settings struct {
	Key                    string // course key
	StaticURL              string // path of the static files, "/static/" when empty
	StaticContentHost      string // address of the host for static files, such as https://static.example; may be empty
	DefaultGraderURL       string // configuration service of the default grader; may be empty
	PersonalizedContentDir string // folder that every grader gets when the course has it; may be empty
}

// Load reads and checks the course in a folder. The course is nil when the
// report has errors. The error is the service's own trouble, such as a folder
// that cannot be opened, a disk that does not read or a context that ended; what is
// wrong with the course stands in the report.
func Load(ctx context.Context, dir string, s Settings) (*Course, *Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		var reason *fs.PathError
		if errors.As(err, &reason) {
			err = reason.Err
		}
		return nil, nil, fmt.Errorf("open the course folder %s: %w", dir, err)
	}
	defer root.Close() //nolint:errcheck // only read
	c, l := load(ctx, root, s)
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("load the course: %w", err)
	}
	if err := l.folder.trouble; err != nil {
		return nil, nil, err
	}
	report := l.report()
	if l.failed() {
		return nil, report, nil
	}
	return c, report, nil
}

func load(ctx context.Context, root *os.Root, s Settings) (*Course, *loader) {
	if s.StaticURL == "" {
		s.StaticURL = "/static/"
	}
	l := &loader{
		checker:  &checker{models: newModels(s.DefaultGraderURL), budget: budget{ended: ctx.Err}},
		settings: s,
		folder:   &folder{root: root},
		loaded:   map[string]*exerciseConfig{},
		keys:     map[string]*pyvalue.Value{},
	}
	l.folder.found = func(size int) { l.read += size }
	return l.course(), l
}

// Public is which files of a course anybody may see; see Course.
type Public struct {
	StaticDir        string
	UnprotectedPaths []string
	HasUnprotected   bool
}

// LoadPublic reads which files of a course are public, also when the course has
// errors elsewhere. ok is false when its index does not say it in a way that
// can be understood.
func LoadPublic(ctx context.Context, dir string, s Settings) (p Public, ok bool, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return p, false, fmt.Errorf("open the course folder: %w", err)
	}
	defer root.Close() //nolint:errcheck // only read
	c, l := load(ctx, root, s)
	if err := cmp.Or(ctx.Err(), l.folder.trouble); err != nil || c == nil {
		return p, false, err
	}
	report := l.report()
	// Nothing may become public because the place that protects it is faulty.
	faulty := func(d course.Diagnostic) bool {
		return strings.HasPrefix(d.Path, "unprotected_paths") || strings.HasPrefix(d.Path, "static_dir")
	}
	if report.MoreErrors > 0 || slices.ContainsFunc(report.Errors, faulty) {
		return p, false, nil
	}
	p.StaticDir = c.StaticDir()
	p.UnprotectedPaths, p.HasUnprotected = c.UnprotectedPaths()
	return p, true, nil
}

// course runs the steps of a load. Each goes as far as it can, so that one run
// finds all problems.
func (l *loader) course() *Course {
	c := &Course{settings: l.settings, meta: l.meta(l.folder)}
	if l.failed() {
		return nil
	}
	l.configDir = "."
	if c.meta.GraderConfig != nil {
		l.configDir = path.Clean(*c.meta.GraderConfig)
	}
	index := l.index(c)
	if index == nil {
		return nil
	}
	l.language = defaultLanguage(index)
	root, _ := l.record(l.models.course, l.applyTypes(index), nil)
	if root == nil {
		return nil
	}
	c.root, c.language = root, l.language
	for _, m := range records(root.list("modules")) {
		c.modules = append(c.modules, moduleNode{m, l.nodes(records(m.list("children")))})
	}
	l.headURLs(root)
	l.finish(c)
	return c
}

// index reads the index file; nil after a problem.
func (l *loader) index(c *Course) *pyvalue.Value {
	file, err := l.folder.find(path.Join(l.configDir, "index"))
	if err != nil {
		hint := "the index belongs into the course folder, or into the folder that grader_config of apps.meta names; if a build makes it, build the course first"
		var missing *missingFile
		if errors.As(err, &missing) && missing.hint != "" {
			hint = missing.hint
		}
		l.addError(course.Diagnostic{
			File: path.Join(l.configDir, "index.yaml"), Message: plainError(path.Join(l.configDir, "index"), err).Error(),
			Hint: hint,
		})
		return nil
	}
	data, _, err := l.folder.read(file)
	if err != nil {
		l.addError(course.Diagnostic{File: file, Message: err.Error()})
		return nil
	}
	v, err := l.parse(file, data)
	if err != nil {
		l.failValue(nil, nil, err)
		return nil
	}
	c.indexFile = file
	if v.Kind != pyvalue.Map || len(v.Entries) == 0 {
		l.addError(inFile(file, v, "found "+found(v)+"; the index is a mapping with name and modules"))
		return nil
	}
	return v
}

// defaultLanguage is the language of exercise configurations without tags. Only
// lang decides it, not its other name language.
func defaultLanguage(index *pyvalue.Value) string {
	v, ok := index.Get("lang")
	switch {
	case !ok:
	case v.Kind == pyvalue.List && len(v.Items) > 0:
		if s, ok := asText(v.Items[0]); ok {
			return s
		}
	case v.Kind == pyvalue.String && v.Str != "":
		return v.Str
	}
	return "en"
}

// moduleNode is a module with its objects.
type moduleNode struct {
	module   *record
	children []*node
}

// node is a learning object with what was made of it.
type node struct {
	object   *record
	config   *exerciseConfig // nil for objects without
	exported pairs           // what A+ gets, without children and grader defaults
	children []*node
}

// nodes loads the exercises among objects, in document order.
func (l *loader) nodes(objects []*record) []*node {
	out := make([]*node, 0, len(objects))
	for _, o := range objects {
		if !l.look() { // each may read files
			return out
		}
		n := &node{object: o}
		if l.models.isExercise(o.model) && o.get("config") != nil {
			if n.config = l.exercise(o); n.config != nil {
				l.defaultConfigure(o, n.config)
			}
		}
		if configure, ok := o.get("configure").(*record); ok {
			l.checkGraderFiles(configure)
		}
		n.children = l.nodes(records(o.list("children")))
		out = append(out, n)
	}
	return out
}

// finish makes everything that a course is asked for later, so that a course
// that has loaded can be exported.
func (l *loader) finish(c *Course) {
	for _, configure := range records(c.root.list("configures")) {
		l.checkGraderFiles(configure)
	}
	l.exercises(c)
	for _, m := range c.modules {
		l.export(c, m.children)
	}
	l.collectFiles(c)
	if l.failed() {
		return
	}
	l.encodable(c)
}

// exercises lists the course's exercises by key. A key that comes again keeps
// its place and takes the later exercise.
func (l *loader) exercises(c *Course) {
	c.byKey = map[string]int{}
	var visit func(nodes []*node)
	visit = func(nodes []*node) {
		for _, n := range nodes {
			if l.models.isExercise(n.object.model) {
				key := n.object.text("key")
				if i, there := c.byKey[key]; there {
					c.exercises[i] = n
				} else {
					c.byKey[key] = len(c.exercises)
					c.exercises = append(c.exercises, n)
				}
			}
			visit(n.children)
		}
	}
	for _, m := range c.modules {
		visit(m.children)
	}
}
