// Package coursewright_test holds what is true of the repository as a whole.
package coursewright_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "coursewright"

// allowed is the table of arrows between packages: which package may import
// which others of this module. A new arrow is a design decision; see
// docs/adr/0002-activities-import-the-parts.md for the present ones.
var allowed = map[string][]string{
	"":       {},
	"deploy": {}, // only tests

	"cmd/coursewright": {"*"},
	"worker":           {"activities", "workflows"},
	"workflows":        {"activities", "internal/course"},
	"activities": {
		"internal/build", "internal/buildlog", "internal/commitstatus", "internal/course", "internal/courseconfig",
		"internal/gitrepo", "internal/grader", "internal/host", "internal/lms", "internal/release", "internal/remote",
	},
	"client": {}, // of the REST API; for other programs too
	"api":    {"internal/course", "internal/courseconfig", "internal/webhook"},

	"internal/boundstest":               {},
	"internal/browsertest":              {},
	"internal/build":                    {"internal/course"},
	"internal/build/buildtest":          {"internal/build", "internal/course"},
	"internal/build/docker":             {"internal/build", "internal/course"},
	"internal/build/docker/dockertest":  {},
	"internal/build/exec":               {"internal/build", "internal/build/process", "internal/course"},
	"internal/build/local":              {"internal/build", "internal/build/process", "internal/course"},
	"internal/build/process":            {"internal/build", "internal/course"},
	"internal/buildlog":                 {"internal/course"},
	"internal/course":                   {},
	"internal/commitstatus":             {"internal/course", "internal/remote"},
	"internal/coursediff":               {"internal/course"},
	"internal/courseconfig":             {"internal/course", "internal/courseconfig/djtemplate", "internal/courseconfig/pyvalue", "internal/courseconfig/rst"},
	"internal/courseconfig/djtemplate":  {"internal/courseconfig/pyvalue"},
	"internal/courseconfig/pyvalue":     {},
	"internal/courseconfig/rst":         {},
	"internal/gitorigin":                {},
	"internal/gitrepo":                  {"internal/course"},
	"internal/gitrepo/gitrepotest":      {},
	"internal/gmimport":                 {},
	"internal/gmimport/gmimporttest":    {},
	"internal/grader":                   {"internal/course", "internal/remote"},
	"internal/host":                     {"internal/course"},
	"internal/lms":                      {"internal/course", "internal/remote"},
	"internal/loadgen":                  {},
	"internal/nginxtest":                {},
	"internal/release":                  {"internal/course"},
	"internal/remote":                   {"internal/course"},
	"internal/settings":                 {},
	"internal/store":                    {"internal/course"},
	"internal/store/sqlite":             {"internal/course", "internal/store"},
	"internal/store/storetest":          {"internal/course", "internal/store"},
	"internal/telemetry":                {},
	"internal/temporaldev":              {},
	"internal/temporaldev/temporaltest": {"internal/temporaldev"},
	"internal/aplusauth":                {"internal/course"},
	"internal/coursetest":               {"internal/course"},
	"internal/web":                      {"internal/course", "internal/web/logview", "internal/web/message"},
	"internal/web/logview":              {"internal/course"},
	"internal/web/message":              {},
	"internal/webhook":                  {"internal/course"},

	"internal/store/postgres":              {"internal/course", "internal/store"},
	"internal/store/postgres/postgrestest": {},
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		may, listed := allowed[name]
		if !listed {
			t.Errorf("package %q is not in the table of arrows", name)
			continue
		}
		for _, imported := range p.Imports {
			other, ours := strings.CutPrefix(imported, module+"/")
			if !ours || slices.Contains(may, "*") || slices.Contains(may, other) {
				continue
			}
			t.Errorf("%s imports %s: not an arrow of the table", name, other)
		}
	}
}

func TestEveryPackageIsDocumented(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// The README's map leads to every part and to every page of the documentation.
func TestTheMapIsComplete(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if steps := strings.Split(name, "/"); steps[0] == "internal" {
			name = strings.Join(steps[:2], "/")
		}
		if name != "" && !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("the README says nothing of %s", name)
		}
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("pages %q: %v", pages, err)
	}
	for _, page := range pages {
		if !strings.Contains(string(text), "("+page+")") {
			t.Errorf("the README does not lead to %s", page)
		}
	}
}

type listedPackage struct {
	ImportPath string
	Doc        string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []listedPackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Doc,GoFiles,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []listedPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return list
		case err != nil:
			t.Fatalf("go list: %v", err)
		}
		list = append(list, p)
	}
}

// Every fuzz target is run by make fuzz.
func TestFuzzTargetsAreRun(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("tools/fuzz.sh")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`)
	found := 0
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path) //nolint:gosec // a file of the repository
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			found++
			line := regexp.MustCompile(`(?m)^fuzz "?\S*` + regexp.QuoteMeta(filepath.Base(filepath.Dir(path))) + `"? ` + m[1] + ` \d+$`)
			if config := "courseconfig"; filepath.Base(filepath.Dir(path)) == config {
				line = regexp.MustCompile(`(?m)^fuzz "\$config" ` + m[1] + ` \d+$`)
			}
			if !line.Match(script) {
				t.Errorf("%s: tools/fuzz.sh does not run %s", path, m[1])
			}
		}
		return err
	})
	if err != nil || found == 0 {
		t.Fatalf("%d targets, %v", found, err)
	}
}
