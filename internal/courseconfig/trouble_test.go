package courseconfig_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"coursewright/internal/courseconfig"
)

// courseVariable tells a process of TestServiceTrouble which course to read.
const courseVariable = "TEST_COURSE_WITHOUT_FILES"

// A process that cannot open a file says nothing about the course: neither that it
// has no index nor that a file it lists is missing.
func TestServiceTrouble(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv(courseVariable); dir != "" {
		loadWithoutFiles(t, dir)
		return
	}
	dir := courseFolder(t, map[string]string{"index.yaml": withConfig("e"), "e.yaml": "title: T\nview_type: x\n", "apps.meta": "name: C\n"})
	if _, report, err := courseconfig.Load(t.Context(), dir, courseconfig.Settings{Key: "c"}); err != nil || len(report.Errors) > 0 {
		t.Fatalf("the course is not well: %v, %v", report, err)
	}
	// A limit of a process of its own: others need files meanwhile.
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), courseVariable+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
}

// loadWithoutFiles reads a course when one file more can be opened: its folder.
func loadWithoutFiles(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		t.Fatal(err)
	}
	var held []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if errors.Is(err, syscall.EMFILE) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, f)
	}
	if err := held[0].Close(); err != nil {
		t.Fatal(err)
	}
	settings := courseconfig.Settings{Key: "c"}
	if _, report, err := courseconfig.Load(t.Context(), dir, settings); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("Load: %v, %v", report, err)
	}
	if public, ok, err := courseconfig.LoadPublic(t.Context(), dir, settings); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("LoadPublic: %v, %v, %v", public, ok, err)
	}
	if _, found, err := courseconfig.ReadMeta(dir); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("ReadMeta: %v, %v", found, err)
	}
	for _, f := range held[1:] {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
