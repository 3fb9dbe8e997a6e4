package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"coursewright/internal/gitrepo/gitrepotest"
)

// Readers in tight loops, while releases are switched under them: no error, no
// gap, and never a part of one release with a part of another.
func TestReadersNeverSeeAMix(t *testing.T) {
	t.Parallel()
	h := newHarness(t, harnessOptions{})
	repo := gitrepotest.New(t)
	var versions []string
	for i, title := range []string{"One", "Two"} {
		files := tiny(title)
		files["build.sh"] += "mkdir -p _build/pair\necho " + title + " > _build/pair/a\necho " + title + " > _build/pair/b\n"
		repo.Commit(files, title)
		if i == 0 {
			h.addCourse("course", repo.URL(), nil)
		}
		b := h.succeed(h.push("course"))
		h.published("course", b.Version)
		versions = append(versions, b.Version)
	}

	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for _, read := range []func() error{
		func() error { return h.readStatic() },
		func() error { return h.readDocument() },
		func() error { return readPair(filepath.Join(h.system.settings.StaticRoot, "course", "pair")) },
	} {
		readers.Go(func() {
			n := 0
			for ; ctx.Err() == nil; n++ {
				if err := read(); err != nil {
					t.Error(err)
					return
				}
			}
			t.Logf("%d reads", n)
		})
	}
	for i := range 100 {
		h.do(http.MethodPost, "/api/v1/courses/course/releases/"+versions[i%2]+"/publish", `{"rollback": true}`, http.StatusOK)
	}
	stop()
	readers.Wait()
}

// fetch reads an address from any goroutine.
func (h *harness) fetch(path string) (string, error) {
	res, err := http.Get(h.base + path)
	if err != nil {
		return "", err
	}
	defer res.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %d", path, res.StatusCode)
	}
	return string(text), err
}

func (h *harness) readStatic() error {
	text, err := h.fetch("/static/course/index.html")
	if err == nil && text != "<p>One</p>\n" && text != "<p>Two</p>\n" {
		err = fmt.Errorf("the page is %q", text)
	}
	return err
}

func (h *harness) readDocument() error {
	text, err := h.fetch("/course/aplus-json")
	if err != nil {
		return err
	}
	var d struct {
		Name    string
		Success *bool
		Errors  []any
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return err
	}
	if (d.Name != "One" && d.Name != "Two") || d.Success != nil || len(d.Errors) > 0 {
		return fmt.Errorf("aplus-json is %s", text)
	}
	return nil
}

// readPair opens the folder once and reads both files of what it opened.
func readPair(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // only read
	a, err := root.ReadFile("a")
	if err != nil {
		return err
	}
	b, err := root.ReadFile("b")
	if err != nil {
		return err
	}
	if string(a) != string(b) {
		return fmt.Errorf("the files are of two releases: %q and %q", a, b)
	}
	return nil
}
