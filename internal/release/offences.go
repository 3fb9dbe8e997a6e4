package release

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"coursewright/internal/course"
)

// maxOffences bounds the list that a teacher gets.
const maxOffences = 20

// offences collects what is wrong with a course folder.
type offences struct {
	mu    sync.Mutex
	all   []course.Diagnostic
	total int
}

func (o *offences) add(path, message, hint string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.total++
	// More than are shown, so that the list does not depend on the order in
	// which folders were read until there are very many.
	if len(o.all) < 50*maxOffences {
		o.all = append(o.all, course.Diagnostic{File: shown(path), Message: message, Hint: hint})
	}
}

// err gives an AuthorError that names them, nil when there are none.
func (o *offences) err() error {
	if o.total == 0 {
		return nil
	}
	slices.SortFunc(o.all, func(a, b course.Diagnostic) int { return strings.Compare(a.File, b.File) })
	message := "the course folder contains something that cannot be published: " + o.all[0].String()
	if o.total > 1 {
		message += fmt.Sprintf("; and %d more", o.total-1)
	}
	return &course.AuthorError{Message: message, Diagnostics: o.all[:min(len(o.all), maxOffences)]}
}

// shown writes a path so that it stays on one line: file names may hold line
// breaks, control characters and bytes that are not text.
func shown(path string) string {
	if path == "" {
		return "."
	}
	if !utf8.ValidString(path) || strings.ContainsFunc(path, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(path)
	}
	return path
}

// checkLinks notes every link that leads out of the tree, in
// however many steps. where says whose tree it is. It stops early when ctx ends.
func (o *offences) checkLinks(ctx context.Context, tree *folder, where string) {
	o.checkFolder(ctx, []*folder{tree}, "", where)
}

func (o *offences) checkFolder(ctx context.Context, chain []*folder, path, where string) {
	if ctx.Err() != nil {
		return
	}
	top := chain[len(chain)-1]
	for i := range top.nodes {
		n := &top.nodes[i]
		switch n.kind {
		case kindFolder:
			o.checkFolder(ctx, append(chain, n.folder), path+n.name+"/", where)
		case kindLink:
			o.checkLink(chain, path+n.name, n.target, where)
		case kindFile, kindOther:
		}
	}
}

func (o *offences) checkLink(chain []*folder, path, target, where string) {
	const hint = "link to a file of the course by a relative path, or copy the file"
	if strings.HasPrefix(target, "/") {
		o.add(path, "is a symbolic link to the absolute path "+shown(target), hint)
		return
	}
	switch _, _, e := follow(chain, target); e {
	case endOutside:
		o.add(path, "is a symbolic link that leads out of the "+where+": "+shown(target), hint)
	case endLoop:
		o.add(path, "is a symbolic link that never ends: "+shown(target), hint)
	case endFound, endMissing:
	}
}
