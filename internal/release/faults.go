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

// maxFaults bounds the list that a teacher gets.
const maxFaults = 20

// faults collects what is wrong with a course folder.
type faults struct {
	mu    sync.Mutex
	all   []course.Diagnostic
	total int
}

func (f *faults) add(path, message, hint string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.total++
	// More than are shown, so that the list does not depend on the order in
	// which folders were read until there are very many.
	if len(f.all) < 50*maxFaults {
		f.all = append(f.all, course.Diagnostic{File: shown(path), Message: message, Hint: hint})
	}
}

// err gives an AuthorError that names the faults, nil when there are none.
func (f *faults) err() error {
	if f.total == 0 {
		return nil
	}
	slices.SortFunc(f.all, func(a, b course.Diagnostic) int { return strings.Compare(a.File, b.File) })
	message := "the course folder contains something that cannot be published: " + f.all[0].String()
	if f.total > 1 {
		message += fmt.Sprintf("; and %d more", f.total-1)
	}
	return &course.AuthorError{Message: message, Diagnostics: f.all[:min(len(f.all), maxFaults)]}
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

// checkLinks adds a fault for every link that leads out of the tree, in
// however many steps. where says whose tree it is. It stops early when ctx ends.
func (f *faults) checkLinks(ctx context.Context, tree *folder, where string) {
	f.checkFolder(ctx, []*folder{tree}, "", where)
}

func (f *faults) checkFolder(ctx context.Context, chain []*folder, path, where string) {
	if ctx.Err() != nil {
		return
	}
	top := chain[len(chain)-1]
	for i := range top.nodes {
		n := &top.nodes[i]
		switch n.kind {
		case kindFolder:
			f.checkFolder(ctx, append(chain, n.folder), path+n.name+"/", where)
		case kindLink:
			f.checkLink(chain, path+n.name, n.target, where)
		}
	}
}

func (f *faults) checkLink(chain []*folder, path, target, where string) {
	const hint = "link to a file of the course by a relative path, or copy the file"
	if strings.HasPrefix(target, "/") {
		f.add(path, "is a symbolic link to the absolute path "+shown(target), hint)
		return
	}
	switch _, _, e := follow(chain, target); e {
	case endOutside:
		f.add(path, "is a symbolic link that leads out of the "+where+": "+shown(target), hint)
	case endLoop:
		f.add(path, "is a symbolic link that never ends: "+shown(target), hint)
	}
}
