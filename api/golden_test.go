package api_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"coursewright/internal/course"
)

var update = flag.Bool("update", false, "write the answers into the golden files")

// TestConversations sends the requests of each file in testdata, in order, to
// a fresh API and compares the answers.
func TestConversations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no conversations found")
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			converse(t, name)
		})
	}
}

func converse(t *testing.T, name string) {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	must(t, err)
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	f.endedBuild(t, "intro", course.StatusSuccess, "first\nsecond\n")
	f.releases.stored = &course.Release{Key: "intro", Version: version("s"), BuildID: 1, Dir: `{"name": "Intro"}`}

	out := &txtar.Archive{Comment: archive.Comment}
	archive.Files = slices.DeleteFunc(archive.Files, func(file txtar.File) bool {
		isContent := publish(t, f, file)
		if isContent {
			out.Files = append(out.Files, file)
		}
		return isContent
	})
	answers := map[string]string{}
	for _, file := range archive.Files {
		if at, isAnswer := strings.CutSuffix(file.Name, ".answer"); isAnswer {
			answers[at] = string(file.Data)
		}
	}
	for _, file := range archive.Files {
		if strings.HasSuffix(file.Name, ".answer") {
			continue
		}
		got := exchange(t, f, file.Data)
		out.Files = append(out.Files, file, txtar.File{Name: file.Name + ".answer", Data: []byte(got)})
		if diff := cmp.Diff(answers[file.Name], got); diff != "" && !*update {
			t.Errorf("%s (-want +got):\n%s", file.Name, diff)
		}
	}
	if *update {
		must(t, os.WriteFile(name, txtar.Format(out), 0o600))
	}
}

// publish takes a file of the archive that belongs to the published release:
// published/course.json is what the course was compiled to, the others are its
// content.
func publish(t *testing.T, f *fixture, file txtar.File) bool {
	t.Helper()
	name, ok := strings.CutPrefix(file.Name, "published/")
	if !ok {
		return false
	}
	if name == "course.json" {
		f.releases.compiled = string(file.Data)
		return true
	}
	if f.releases.published == nil {
		f.releases.published = &course.Release{Key: "intro", Version: version("p"), StaticDir: "_build", Dir: "{}"}
		f.releases.content = t.TempDir()
	}
	at := filepath.Join(f.releases.content, filepath.FromSlash(name))
	must(t, os.MkdirAll(filepath.Dir(at), 0o750))
	must(t, os.WriteFile(at, file.Data, 0o600))
	return true
}

// exchange sends a request written as in HTTP, without version and lengths, and
// gives the answer in the same form.
func exchange(t *testing.T, f *fixture, request []byte) string {
	t.Helper()
	in := bufio.NewScanner(bytes.NewReader(request))
	if !in.Scan() {
		t.Fatal("empty request")
	}
	method, target, _ := strings.Cut(in.Text(), " ")
	var headers []string
	for in.Scan() && in.Text() != "" {
		key, value, _ := strings.Cut(in.Text(), ": ")
		headers = append(headers, key, value)
	}
	_, body, _ := strings.Cut(string(request), "\n\n")
	return describe(f.send(t, method, target, body, headers...))
}

var secretPattern = regexp.MustCompile(`[0-9a-f]{64}`)

func describe(w *httptest.ResponseRecorder) string {
	res := w.Result()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", res.StatusCode)
	for _, name := range []string{"Allow", "Content-Disposition", "Content-Type", "Location", "Log-Next-Offset", "X-Content-Type-Options"} {
		if value := res.Header.Get(name); value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	var indented bytes.Buffer
	text := string(body)
	if json.Indent(&indented, bytes.TrimSpace(body), "", "  ") == nil && len(body) > 2 {
		text = indented.String()
	}
	b.WriteString("\n" + secretPattern.ReplaceAllString(text, "SECRET"))
	if !strings.HasSuffix(text, "\n") {
		b.WriteString("\n")
	}
	return b.String()
}
