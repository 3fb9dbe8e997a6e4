package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/release"
)

// checkFiles lets the garbage collection work as if weeks had passed, and looks at
// all that is left: no file that was never finished, no object that no release
// uses, none whose content is not what its name says, and no release with files of
// another commit than its own.
func (c *campaign) checkFiles() {
	c.tb.Helper()
	for _, k := range c.courses {
		c.checkReleases(k)
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
		if strings.HasPrefix(name, ".tmp-") || parent == ".staging" || parent == ".trash" || name == ".filler" {
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
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	if st.Nlink < 2 {
		c.broken("files", "%s is used by no release", path)
	}
	c.count(ofWatch, "objects in the pool", 1)
	return nil
}

// checkReleases compares the releases of a course with the commits that they name:
// all that is in them follows from the commit.
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
	files := containerCourse(title, "")
	for name, want := range map[string]string{
		"index.yaml": files["index.yaml"], "ex1.yaml": files["ex1.yaml"], "apps.meta": files["apps.meta"],
		"_build/index.html": "<p>" + title + "</p>\n",
	} {
		got, err := os.ReadFile(filepath.Join(dir, "content", name))
		if err != nil {
			return err
		}
		if string(got) != want {
			return fmt.Errorf("%s is %q; the commit has %q", name, got, want)
		}
	}
	return nil
}
