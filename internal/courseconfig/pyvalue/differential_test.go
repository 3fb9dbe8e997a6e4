package pyvalue_test

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// casesVariable names the environment variable that sets how many generated
// documents of each kind are compared.
const casesVariable = "PYVALUE_DIFFERENTIAL_CASES"

func TestGeneratedLikePython(t *testing.T) {
	t.Parallel()
	count := 3000
	if text := os.Getenv(casesVariable); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", casesVariable, err)
		}
	}
	seed := uint64(1)
	if text := os.Getenv("PYVALUE_DIFFERENTIAL_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	reference := startPython(t)
	g := generator{rand.New(rand.NewPCG(seed, 2))}
	failures := 0
	for range count {
		for _, s := range []sample{{kind: "yaml", data: []byte(g.yaml())}, {kind: "json", data: []byte(g.json())}} {
			diff := reference.compare(t, s)
			if diff == "" {
				continue
			}
			t.Errorf("%s %q:\n%s", s.kind, s.data, diff)
			if failures++; failures == 20 {
				t.Fatal("too many differences")
			}
		}
	}
}

// TestBordersLikePython compares documents at the borders of what is accepted.
func TestBordersLikePython(t *testing.T) {
	t.Parallel()
	reference := startPython(t)
	for _, text := range append(borderCases(), courseCases()...) {
		if diff := reference.compare(t, sample{kind: "yaml", data: []byte(text)}); diff != "" {
			t.Errorf("%.200q:\n%.1000s", text, diff)
		}
	}
	for _, text := range jsonBorderCases() {
		if diff := reference.compare(t, sample{kind: "json", data: []byte(text)}); diff != "" {
			t.Errorf("%.200q:\n%.1000s", text, diff)
		}
	}
}

// TestCourseFilesLikePython compares all course files of a folder "shared"
// beside the repository, when there is one.
func TestCourseFilesLikePython(t *testing.T) {
	t.Parallel()
	root := findOracle(t)
	reference := startPython(t)
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		ext := strings.TrimPrefix(filepath.Ext(path), ".")
		if err != nil || !d.Type().IsRegular() || ext != "yaml" && ext != "yml" && ext != "json" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		kind := "json"
		if ext != "json" {
			kind = "yaml"
		}
		if diff := reference.compare(t, sample{name: d.Name(), kind: kind, data: data}); diff != "" {
			t.Errorf("%s:\n%.2000s", path, diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Error("no files found")
	}
	t.Logf("%d files", files)
}

// findOracle gives the folder shared/oracle beside this folder or one above.
func findOracle(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		root := filepath.Join(dir, "shared", "oracle")
		if info, err := os.Stat(root); err == nil && info.IsDir() {
			return root
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Skip("no folder shared/oracle above")
		}
		dir = up
	}
}
