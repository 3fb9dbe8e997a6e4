package courseconfig

import (
	"errors"
	"fmt"

	"coursewright/internal/courseconfig/pyvalue"
)

// encodable reports what JSON cannot hold, so that it is a problem of the course
// now and not a surprise later.
func (l *loader) encodable(c *Course) {
	root := c.root.pairs("modules", "static_dir", "unprotected_paths")
	l.tryJSON(c, root, c.root.at, nil)
	var visit func(nodes []*node)
	visit = func(nodes []*node) {
		for _, n := range nodes {
			l.tryJSON(c, n.exported, n.object.at, c.configOf(n))
			visit(n.children)
		}
	}
	for _, m := range c.modules {
		l.tryJSON(c, m.module.pairs("children"), m.module.at, nil)
		visit(m.children)
	}
	c.weight = l.weight
	if len(c.graderURLs()) == 0 {
		return
	}
	l.tryJSON(c, c.root.pairs("static_dir", "configures", "unprotected_paths"), c.root.at, nil)
	for _, n := range c.exercises {
		if n.config == nil || n.object.get("configure") == nil {
			continue
		}
		for _, lang := range n.config.languages {
			l.tryJSON(c, pairs{{lang.language, lang.data}}, nil, n.config)
		}
	}
}

// tryJSON weighs what is exported and reports the values that JSON cannot hold.
// Those that come from a configuration have their place there.
func (l *loader) tryJSON(c *Course, list pairs, at *place, from *exerciseConfig) {
	maxExport := freeExport + exportPerByte*l.read
	for _, p := range list {
		if l.weight > maxExport || !l.step(1, c.root.source, at) {
			return
		}
		bytes, ok := weighPair(p)
		if !ok {
			u := unwritable{loader: l, index: c.indexFile, from: from, seen: map[*pyvalue.Value]bool{}}
			u.visit(p.value, at.at(p.key))
		}
		before := l.weight
		if l.weight += bytes; l.weight > maxExport && before <= maxExport {
			l.fail(c.root.source, at, fmt.Sprintf("what A+ and the graders would get has more than %d bytes", maxExport), "put less into configurations that many exercises share")
		}
	}
}

// unwritable finds all values that JSON cannot hold in one that is exported.
type unwritable struct {
	*loader
	index string          // name of the index file
	from  *exerciseConfig // where values of other files come from; may be nil
	seen  map[*pyvalue.Value]bool
}

func (u *unwritable) visit(value any, at *place) {
	if len(u.errors) >= maxProblems {
		return
	}
	switch v := value.(type) {
	case *pyvalue.Value:
		u.visitValue(v, at)
	case []any:
		for i, item := range v {
			u.visit(item, at.item(i))
		}
	case pairs:
		for _, p := range v {
			u.visit(p.value, at.at(p.key))
		}
	case *record:
		u.visit(v.pairs(), at)
	default:
		u.report(value, at)
	}
}

func (u *unwritable) visitValue(v *pyvalue.Value, at *place) {
	if u.seen[v] {
		return
	}
	u.seen[v] = true
	switch v.Kind {
	case pyvalue.List:
		for i, item := range v.Items {
			u.visit(item, at.item(i))
		}
	case pyvalue.Map:
		for _, e := range v.Entries {
			there := at.at(pyvalue.PyStr(e.Key))
			if e.Key.Kind != pyvalue.String {
				u.report(&pyvalue.Value{Kind: pyvalue.Map, Entries: []pyvalue.Entry{{Key: e.Key, Value: pyvalue.NewString("")}}}, at)
			}
			u.visit(e.Value, there)
		}
	default:
		u.report(v, at)
	}
}

// report tells why JSON cannot hold a value, if that is so.
func (u *unwritable) report(value any, at *place) {
	_, err := appendJSON(nil, value)
	var bad *pyvalue.ValueError
	switch {
	case err == nil:
	case errors.As(err, &bad) && u.from != nil && bad.File != u.index:
		own := *bad
		own.Path = u.placeOf(filePos{bad.File, bad.Pos})
		u.failValue(nil, nil, &own)
	default:
		u.failValue(nil, at, err)
	}
}

// filePos is a place in one of the course's files.
type filePos struct {
	file string
	pos  pyvalue.Pos
}

// Bounds of searches for the path of a value: beyond them it is left out.
const (
	maxSearches    = 20
	maxSearchSteps = 100_000
)

// placeOf gives the path of a value in its configuration; many exercises may
// share one, so each is searched once.
func (u *unwritable) placeOf(pos filePos) string {
	path, known := u.told[pos]
	if known || len(u.told) >= maxSearches {
		return path
	}
	for _, lang := range u.from.languages {
		s := search{pos: pos, seen: map[*pyvalue.Value]bool{}}
		if there := s.find(lang.data, nil); there != nil {
			path = there.String()
			break
		}
	}
	if u.told == nil {
		u.told = map[filePos]string{}
	}
	u.told[pos] = path
	return path
}

// search looks for the value at a place of a file.
type search struct {
	pos  filePos
	seen map[*pyvalue.Value]bool
}

func (s *search) find(v *pyvalue.Value, at *place) *place {
	if s.seen[v] || len(s.seen) > maxSearchSteps {
		return nil
	}
	s.seen[v] = true
	for i, item := range v.Items {
		if there := s.try(item, at.item(i)); there != nil {
			return there
		}
	}
	for _, e := range v.Entries {
		there := at.at(pyvalue.PyStr(e.Key))
		if s.is(e.Key) {
			return there
		}
		if there := s.try(e.Value, there); there != nil {
			return there
		}
	}
	return nil
}

func (s *search) try(v *pyvalue.Value, at *place) *place {
	if s.is(v) {
		return at
	}
	return s.find(v, at)
}

func (s *search) is(v *pyvalue.Value) bool { return filePos{v.File, v.Pos} == s.pos }
