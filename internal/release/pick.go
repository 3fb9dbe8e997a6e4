package release

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"coursewright/internal/course"
)

// pick chooses what of the course goes into the release: the static folder, or
// everything when the course has none, and the listed files. Files that are
// missing become warnings.
func pick(tree *folder, staticDir string, files []string) (*folder, []course.Diagnostic, error) {
	out := tree
	if staticDir != "" && staticDir != "." {
		static, err := findStatic(tree, staticDir)
		if err != nil {
			return nil, nil, err
		}
		out = &folder{}
		nest(out, staticDir).nodes = static.nodes
		nest(out, staticDir).source = static.source
	}
	var warnings []course.Diagnostic
	// All are looked up before the first is added: out may be the tree itself.
	type found struct {
		to string
		n  node
	}
	var listed []found
	for _, name := range files {
		to, err := insideCourse(name)
		if err != nil {
			return nil, nil, err
		}
		chain, n, e := follow([]*folder{tree}, to)
		if e != endFound || n == nil || n.kind != kindFile {
			warnings = append(warnings, missing(to, e, n))
			continue
		}
		picked := *n
		picked.source = chain[len(chain)-1].sourceOf(n)
		listed = append(listed, found{to, picked})
	}
	for _, l := range listed {
		insert(out, l.to, l.n)
	}
	return out, warnings, nil
}

func missing(name string, e end, n *node) course.Diagnostic {
	out := course.Diagnostic{File: shown(name), Message: "the configuration names this file, but it does not exist", Hint: "create the file or correct the name"}
	if e == endFound && n == nil {
		out.Message, out.Hint = "the configuration names this as a file, but it is a folder", "name a file"
	}
	return out
}

func findStatic(tree *folder, dir string) (*folder, error) {
	chain, n, e := follow([]*folder{tree}, dir)
	switch {
	case e == endFound && n == nil:
		return chain[len(chain)-1], nil
	case e == endFound:
		return nil, course.Authorf("static_dir %s is a file; name the folder that holds the built pages", shown(dir))
	}
	return nil, course.Authorf("static_dir %s does not exist after the build; correct its name or let the build make it", shown(dir))
}

// insideCourse turns a configured path into a clean relative one.
func insideCourse(name string) (string, error) {
	clean := path.Clean(strings.TrimLeft(name, "/"))
	if name == "" || strings.ContainsRune(name, 0) || !filepath.IsLocal(clean) {
		return "", course.Authorf("path %s leads out of the course folder; use a path inside it", shown(name))
	}
	if slices.Contains(strings.Split(clean, "/"), ".git") {
		return "", course.Authorf("path %s is inside .git, which is never published; use another path", shown(name))
	}
	return clean, nil
}

// nest gives the folder at a path below f, made as needed.
func nest(f *folder, at string) *folder {
	for name := range strings.SplitSeq(at, "/") {
		i, found := f.find(name)
		if !found || f.nodes[i].kind != kindFolder {
			f.put(node{name: name, kind: kindFolder, folder: &folder{}})
			i, _ = f.find(name)
		}
		f = f.nodes[i].folder
	}
	return f
}

// insert puts a file at a path of the release. Links to folders on the way are
// followed, as writing a file there would; a link at the path itself gives way
// to the file, since what it leads to may not be part of the release.
func insert(tree *folder, at string, n node) {
	dir, name := path.Split(at)
	chain := []*folder{tree}
	for step := range strings.SplitSeq(strings.TrimSuffix(dir, "/"), "/") {
		if step == "" {
			continue
		}
		top := chain[len(chain)-1]
		next, last, e := follow(chain, step)
		if e == endFound && last == nil {
			chain = next
			continue
		}
		chain = append(chain, nest(top, step))
	}
	top := chain[len(chain)-1]
	n.name = name
	if i, found := top.find(name); found && top.nodes[i].kind == kindFile {
		return
	}
	top.put(n)
}

// danglingLinks warns of links that stay inside the course but lead to
// something that the release does not contain.
func danglingLinks(tree *folder) []course.Diagnostic {
	var out []course.Diagnostic
	var visit func(chain []*folder, at string)
	visit = func(chain []*folder, at string) {
		top := chain[len(chain)-1]
		for i := range top.nodes {
			n := &top.nodes[i]
			switch n.kind {
			case kindFolder:
				visit(append(chain, n.folder), at+n.name+"/")
			case kindLink:
				if _, _, e := follow(chain, n.target); e == endMissing && len(out) < maxOffences {
					out = append(out, course.Diagnostic{
						File:    shown(at + n.name),
						Message: "is a symbolic link to " + shown(n.target) + ", which is not among the published files",
						Hint:    "copy the file, or put it into the static folder",
					})
				}
			case kindFile, kindOther:
			}
		}
	}
	visit([]*folder{tree}, "")
	return out
}
