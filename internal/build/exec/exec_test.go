package exec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/build"
	"coursewright/internal/build/buildtest"
	"coursewright/internal/build/exec"
	"coursewright/internal/course"
)

// newBuilder makes a builder of a script.
func newBuilder(t *testing.T, script string, o exec.Options) *exec.Builder {
	t.Helper()
	o.Program = filepath.Join(t.TempDir(), "builder")
	if err := os.WriteFile(o.Program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	b, err := exec.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConformance(t *testing.T) {
	buildtest.Run(t, func(t *testing.T) buildtest.Setup {
		t.Helper()
		script := fmt.Sprintf("#!/bin/sh\ncat >/dev/null\nTMPDIR='%s' exec sh build.sh\n", temporaryFolder(t))
		return buildtest.Setup{Builder: newBuilder(t, script, exec.Options{})}
	})
}

// temporaryFolder is one that goes after the test even if a build protects
// what it leaves there.
func temporaryFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			return os.Chmod(path, 0o700)
		})
		if err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestInput(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		request  build.Request
		settings map[string]any
		want     string
	}{
		"full": {
			build.Request{
				CourseKey: "k", BuildID: 7, RunID: "run", Image: "i:1", Command: []string{"make", "a b"},
				Env: map[string]string{"COURSE_KEY": "k"}, Timeout: 90 * time.Second,
			},
			map[string]any{"namespace": "builds", "nodes": []any{1.0, 2.0}},
			`{"version":1,"course_key":"k","build_id":7,"run_id":"run","image":"i:1","cmd":["make","a b"],"env":{"COURSE_KEY":"k"},"timeout":90,"settings":{"namespace":"builds","nodes":[1,2]}}`,
		},
		"bare": {
			build.Request{CourseKey: "k", Image: "i"},
			nil,
			`{"version":1,"course_key":"k","build_id":0,"run_id":"","image":"i","cmd":[],"env":{},"timeout":0,"settings":{}}`,
		},
		"larger than a pipe": {
			build.Request{CourseKey: "k", Image: "i"},
			map[string]any{"text": strings.Repeat("x", 1<<18)},
			`{"version":1,"course_key":"k","build_id":0,"run_id":"","image":"i","cmd":[],"env":{},"timeout":0,"settings":{"text":"` + strings.Repeat("x", 1<<18) + `"}}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var output bytes.Buffer
			r := tt.request
			r.Dir, r.Output = t.TempDir(), &output
			if _, err := newBuilder(t, "#!/bin/sh\nexec cat\n", exec.Options{Settings: tt.settings}).Run(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			var got, want map[string]any
			if err := json.Unmarshal(output.Bytes(), &got); err != nil {
				t.Fatalf("%v in %q", err, output.String())
			}
			if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			want["path"] = r.Dir
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		script string
		author bool
		status int
		says   string
	}{
		"the course's fault":  {"exit 4", true, 4, "make html ended with status 4"},
		"try again":           {"exit 75", false, 75, "cannot build at the moment"},
		"the program crashed": {"kill -SEGV $$", false, -1, "SIGSEGV"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBuilder(t, "#!/bin/sh\n"+tt.script+"\n", exec.Options{})
			result, err := b.Run(t.Context(), build.Request{CourseKey: "k", Dir: t.TempDir(), Image: "i", Command: []string{"make", "html"}, Output: &bytes.Buffer{}})
			var author *course.AuthorError
			if err == nil || errors.As(err, &author) != tt.author || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got error %v; want the authors' %v, with %q", err, tt.author, tt.says)
			}
			if result.ExitCode != tt.status {
				t.Errorf("exit code %d, want %d", result.ExitCode, tt.status)
			}
		})
	}
}

// TestTidiesUp stops a build whose program has something to tidy up elsewhere.
func TestTidiesUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := newBuilder(t, "#!/bin/sh\ntrap 'echo tidied >tidied; exit 1' TERM\nsleep 600 &\nwait\n", exec.Options{})
	_, err := b.Run(t.Context(), build.Request{CourseKey: "k", Dir: dir, Image: "i", Timeout: 200 * time.Millisecond, Output: &bytes.Buffer{}})
	var author *course.AuthorError
	if !errors.As(err, &author) {
		t.Errorf("got error %v, want that the time was up", err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "tidied")); err != nil || string(text) != "tidied\n" {
		t.Errorf("the program could not tidy up: %q, %v", text, err)
	}
}

func TestPass(t *testing.T) {
	t.Setenv("COURSEWRIGHT_TEST_PASSED", "passed on")
	var output bytes.Buffer
	b := newBuilder(t, "#!/bin/sh\necho $COURSEWRIGHT_TEST_PASSED\n", exec.Options{Pass: []string{"COURSEWRIGHT_TEST_PASSED"}})
	if _, err := b.Run(t.Context(), build.Request{CourseKey: "k", Dir: t.TempDir(), Image: "i", Output: &output}); err != nil || output.String() != "passed on\n" {
		t.Errorf("output %q, error %v", output.String(), err)
	}
}

func TestBadProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := filepath.Join(dir, "module.py")
	if err := os.WriteFile(script, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"", filepath.Join(dir, "missing"), dir, script} {
		if _, err := exec.New(exec.Options{Program: program}); err == nil || !strings.Contains(err.Error(), "BUILD_MODULE") {
			t.Errorf("program %q: error %v", program, err)
		}
	}
}
