package release

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"coursewright/internal/course"
)

// maxName is the longest name in a folder, in bytes.
const maxName = 255

// sphinxFolders are public in every course that protects its pages: styles,
// images and downloads of the pages, whether they exist or not.
func sphinxFolders() []string { return []string{"_downloads", "_static", "_images"} }

// publicPaths lists what "public" links to, relative to the static folder:
// "." for all of it, nothing when the course has no static folder.
func publicPaths(r *StageRequest) ([]string, error) {
	if r.StaticDir == "" {
		return nil, nil
	}
	if !r.HasUnprotected {
		return []string{"."}, nil
	}
	var out []string
	for _, p := range append(sphinxFolders(), r.UnprotectedPaths...) {
		clean := path.Clean(strings.TrimLeft(p, "/"))
		if strings.ContainsRune(p, 0) || !filepath.IsLocal(clean) {
			return nil, course.Authorf("unprotected path %s leads out of static_dir; use a path inside it", shown(p))
		}
		if len(clean) > maxPath || slices.ContainsFunc(strings.Split(clean, "/"), func(name string) bool { return len(name) > maxName }) {
			return nil, course.Authorf("unprotected path %s… is too long for a file system", shown(clean[:100]))
		}
		if clean == "." {
			return []string{"."}, nil
		}
		out = append(out, clean)
	}
	slices.Sort(out)
	// What lies inside a public folder is public already, and a link cannot
	// have names below it. Sorting puts "a-b" between "a" and "a/b".
	return slices.DeleteFunc(slices.Clone(out), func(p string) bool {
		for parent := path.Dir(p); parent != "."; parent = path.Dir(parent) {
			if _, found := slices.BinarySearch(out, parent); found {
				return true
			}
		}
		return false
	}), nil
}

// makePublic makes "public" in a release and returns the folders it made.
func (d *Depot) makePublic(dir, staticDir string, paths []string) ([]string, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	at := filepath.Join(dir, publicName)
	static := path.Join(contentName, staticDir)
	if paths[0] == "." {
		return nil, d.disk.symlink(static, at)
	}
	if err := d.disk.mkdir(at); err != nil {
		return nil, err
	}
	made := []string{at}
	for _, p := range slices.Compact(paths) {
		parent := at
		names := strings.Split(p, "/")
		for _, name := range names[:len(names)-1] {
			parent = filepath.Join(parent, name)
			fresh, err := d.disk.ensureDir(parent)
			if err != nil {
				return nil, err
			}
			if fresh {
				made = append(made, parent)
			}
		}
		up := strings.Repeat("../", len(names))
		if err := d.disk.symlink(up+path.Join(static, p), filepath.Join(at, p)); err != nil {
			return nil, err
		}
	}
	return made, nil
}
