package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/release"
)

// checkFiles lets the garbage collection work as if weeks had passed, and looks at
// all that is left: no file that was never finished or was temporary, no object that
// no release uses, none whose content is not what its name says, and no release with
// files of another commit than its own.
func (c *campaign) checkFiles() {
	c.tb.Helper()
	for _, k := range c.courses {
		c.checkReleases(k)
	}
	for _, w := range c.workers {
		w.checkDisk()
	}
	left, err := os.ReadDir(c.d.path(temporary))
	if err != nil || len(left) > 0 {
		c.broken("files", "of temporary files these are left: %v, %v", left, err)
	}
	d, err := release.Open(release.Config{
		StorePath: c.d.path("releases/store"), PublishPath: c.d.path("releases/courses"), StaticRoot: c.d.path("releases/static"),
		Now: func() time.Time { return time.Now().Add(1000 * time.Hour) },
	})
	if err != nil {
		c.violation("open the folders of releases: %v", err)
		return
	}
	for range 2 { // what the first one moves to the trash late, the second deletes
		for _, k := range c.courses {
			if _, err := d.Prune(c.tb.Context(), k.key); err != nil {
				c.violation("prune %s: %v", k.key, err)
			}
		}
		if _, err := d.CollectGarbage(c.tb.Context()); err != nil {
			c.violation("collect garbage: %v", err)
		}
	}
	err = filepath.WalkDir(c.d.path("releases"), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, parent := e.Name(), filepath.Base(filepath.Dir(path))
		if strings.HasPrefix(name, ".tmp-") || parent == ".staging" || parent == ".trash" || name == ".filler" || strings.HasPrefix(name, ".health-") {
			c.broken("files", "%s is left", path)
		}
		if e.Type().IsRegular() && filepath.Base(filepath.Dir(filepath.Dir(path))) == ".objects" {
			return c.checkObject(path, parent+name)
		}
		return nil
	})
	if err != nil {
		c.violation("the folders of releases: %v", err)
	}
}

// temporary is the folder of temporary files of the processes of a campaign.
const temporary = "tmp"

// checkObject compares a file of the pool with its name.
func (c *campaign) checkObject(path, name string) error {
	c.tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	if digest, _, _ := strings.Cut(name, "."); hex.EncodeToString(sum[:]) != digest {
		c.broken("files", "the content of %s is not what its name says", path)
	}
	links, err := linksOf(path)
	if err != nil {
		return err
	}
	if links < 2 {
		c.broken("files", "%s is used by no release", path)
	}
	c.count(ofWatch, "objects in the pool", 1)
	return nil
}

// checkReleases compares the releases of a course with the commits that they name:
// all that is in them follows from the commit, and nothing else is.
func (c *campaign) checkReleases(k *campaignCourse) {
	c.tb.Helper()
	for _, pattern := range []string{"releases/store/%s/*/release.json", "releases/courses/.releases/%s/*/release.json"} {
		files, err := filepath.Glob(c.d.path(fmt.Sprintf(pattern, k.key)))
		if err != nil {
			c.tb.Fatal(err)
		}
		for _, file := range files {
			if strings.Contains(file, "/current/") {
				continue // a link to one of the others
			}
			if err := c.checkRelease(k, filepath.Dir(file)); err != nil {
				c.broken("files", "%s: %v", filepath.Dir(file), err)
			}
			c.count(ofWatch, "releases", 1)
		}
	}
}

func (c *campaign) checkRelease(k *campaignCourse, dir string) error {
	var about struct {
		Commit string `json:"commit"`
	}
	text, err := os.ReadFile(filepath.Join(dir, "release.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &about); err != nil {
		return err
	}
	number, known := k.numbers[about.Commit]
	if !known {
		return fmt.Errorf("it is of commit %q, which was never pushed", about.Commit)
	}
	title := campaignTitle(number)
	want := containerCourse(title, "")
	delete(want, "build.sh") // not of the release: the builder's alone
	want["_build/index.html"] = "<p>" + title + "</p>\n"
	return errors.Join(sameTree(filepath.Join(dir, "content"), want), sameNames(dir), ofTitle(filepath.Join(dir, "lms.json"), title))
}

// sameTree compares all files below a folder with what has to be there. Each is a
// link into the pool, not a copy.
func sameTree(dir string, want map[string]string) error {
	seen := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		seen[name] = true
		content, known := want[name]
		if !known || !e.Type().IsRegular() {
			return fmt.Errorf("%s is a file that the commit does not give (%s)", name, e.Type())
		}
		got, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if string(got) != content {
			return fmt.Errorf("%s is %q; the commit gives %q", name, got, content)
		}
		if links, err := linksOf(path); err != nil || links < 2 {
			return errors.Join(err, fmt.Errorf("%s has %d names: it is not in the pool", name, links))
		}
		return nil
	})
	for name := range want {
		if err == nil && !seen[name] {
			err = fmt.Errorf("%s is missing", name)
		}
	}
	return err
}

// sameNames looks what else is in the folder of a release.
func sameNames(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		if !slices.Contains([]string{"published", "unpublished", "superseded"}, e.Name()) { // when something happened to it
			names = append(names, e.Name())
		}
	}
	if want := []string{"content", "course.json", "defaults.json", "graders.json", "lms.json", "public", "release.json"}; !slices.Equal(names, want) {
		return fmt.Errorf("it has %q, want %q", names, want)
	}
	return nil
}

// ofTitle looks whether the document for the LMS is of the commit with a title.
func ofTitle(file, title string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var document struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return err
	}
	if document.Name != title {
		return fmt.Errorf("%s names the course %q; the commit %q", filepath.Base(file), document.Name, title)
	}
	return nil
}

func linksOf(path string) (uint64, error) {
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	return st.Nlink, err
}

// checkDisk looks what a worker that was stopped in order has left on its disk
// beside working copies: no file that was made under another name first.
func (w *campaignWorker) checkDisk() {
	w.c.tb.Helper()
	err := filepath.WalkDir(w.disk(), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if slices.ContainsFunc([]string{".tmp-", ".host-", ".health-", ".filler"}, func(begin string) bool { return strings.HasPrefix(name, begin) }) ||
			strings.Contains(name, ".clone-") {
			w.c.broken("files", "%s is left", path)
		}
		if e.IsDir() && name == ".git" {
			return fs.SkipDir
		}
		w.c.count(ofWatch, "files on build disks", 1)
		return nil
	})
	if err != nil {
		w.c.violation("%s: its disk: %v", w.name(), err)
	}
}

// A release with a file too many, too few, of another commit or not in the pool is
// told from a whole one.
func TestCampaignTree(t *testing.T) {
	t.Parallel()
	for wrong, spoil := range map[string]func(dir string) error{
		"":                    func(string) error { return nil },
		"sub/a is missing":    func(dir string) error { return os.Remove(filepath.Join(dir, "sub", "a")) },
		"b is a file that":    func(dir string) error { return os.WriteFile(filepath.Join(dir, "b"), nil, 0o600) },
		"link is a file that": func(dir string) error { return os.Symlink("sub/a", filepath.Join(dir, "link")) },
		`is "y"; the commit`:  func(dir string) error { return os.WriteFile(filepath.Join(dir, "sub", "a"), []byte("y"), 0o600) },
		"not in the pool":     func(dir string) error { return os.Remove(filepath.Join(dir, "..", "pool")) },
	} {
		dir := filepath.Join(t.TempDir(), "content")
		must(t, os.MkdirAll(filepath.Join(dir, "sub"), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "..", "pool"), []byte("x"), 0o600))
		must(t, os.Link(filepath.Join(dir, "..", "pool"), filepath.Join(dir, "sub", "a")))
		must(t, spoil(dir))
		err := sameTree(dir, map[string]string{"sub/a": "x"})
		if (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%v, want %q", err, wrong)
		}
	}
}
