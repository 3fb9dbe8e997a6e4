package coursewright_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write generated files anew") //nolint:gochecknoglobals // flags are

const licencesFile = "docs/licences.md"

// licences are those that the program's modules may have, with words of their
// texts; the first that fits counts. All let it be used and given on with their
// text, without a say about the rest of the program.
func licences() []struct {
	name  string
	words []string
} {
	return []struct {
		name  string
		words []string
	}{
		{"Apache-2.0", []string{"Apache License", "Version 2.0"}},
		{"MPL-2.0", []string{"Mozilla Public License", "2.0"}},
		{"BSD-3-Clause", []string{"Redistribution and use in source and binary forms", "Neither the name"}},
		{"BSD-3-Clause", []string{"Redistribution and use in source and binary forms", "names of its contributors may"}},
		{"BSD-2-Clause", []string{"Redistribution and use in source and binary forms"}},
		{"MIT", []string{"Permission is hereby granted, free of charge"}},
		{"ISC", []string{"Permission to use, copy, modify, and/or distribute this software"}},
		{"ISC", []string{"Permission to use, copy, modify, and distribute this software"}},
	}
}

// unstated are modules without a licence in their folder that may be used all the
// same, each with why.
func unstated() map[string]string {
	return map[string]string{
		"github.com/cactus/go-statsd-client/statsd":    "MIT, as its files say",
		"github.com/nexus-rpc/nexus-proto-annotations": "not stated in the module; a part of Temporal's API",
	}
}

type listedModule struct {
	Path, Version, Dir string
	Main               bool
}

// modules lists what a program of a module's folder is linked from.
func modules(t *testing.T, dir, program string) []listedModule {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "-C", dir, "list", "-deps", "-json=Module", program).Output() //nolint:gosec // the test's own words
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []listedModule
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct{ Module *listedModule }
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			slices.SortFunc(list, func(a, b listedModule) int { return cmp.Compare(a.Path, b.Path) })
			return slices.Compact(list)
		case err != nil:
			t.Fatalf("go list: %v", err)
		case p.Module != nil && !p.Module.Main:
			list = append(list, *p.Module)
		}
	}
}

// licenceOf tells the licence of a module, by the files in its folder.
func licenceOf(m listedModule) (string, error) {
	files, err := os.ReadDir(m.Dir)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		name := strings.ToUpper(f.Name())
		if f.IsDir() || !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "COPYING") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(m.Dir, f.Name()))
		if err != nil {
			return "", err
		}
		text := strings.Join(strings.Fields(string(data)), " ")
		for _, l := range licences() {
			if !slices.ContainsFunc(l.words, func(w string) bool { return !strings.Contains(text, w) }) {
				return l.name, nil
			}
		}
	}
	if why, ok := unstated()[m.Path]; ok {
		return why, nil
	}
	return "", errors.New("no licence that is known and allowed; look at it before the module is used")
}

// shipped are the programs of the images.
func shipped() []struct{ title, dir, program string } {
	return []struct{ title, dir, program string }{
		{"The program", ".", "./cmd/coursewright"},
		{"Temporal's program, in the image `dev` alone", "tools", "github.com/temporalio/cli/cmd/temporal"},
	}
}

// debianLicences are those of the Debian packages that the images install, as their
// copyright files say it; all of them are programs of their own.
func debianLicences() map[string]string {
	return map[string]string{
		"bash": "GPL-3.0-or-later", "ca-certificates": "GPL-2.0-or-later, certificates MPL-2.0", "git": "GPL-2.0-only, parts LGPL-2.1-or-later and MIT",
		"git-lfs": "MIT", "make": "GPL-3.0-or-later", "openssh-client": "BSD-3-Clause and others like it", "tini": "MIT",
	}
}

// TestLicences holds the list of the licences of what the images contain, that no
// module has one outside of those that are allowed, and that the texts are gathered
// for the images.
func TestLicences(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Licences\n\nWhat is shipped, and under which licence. `make generate` writes this page; a test refuses modules with\n" +
		"licences other than Apache-2.0, BSD, ISC, MIT and MPL-2.0. The texts are in the images:\n" +
		"`/usr/local/share/doc/coursewright/licences`, `/usr/local/share/doc/temporal/licences` in the image `dev`, and\n" +
		"`/usr/share/doc/PACKAGE/copyright` of Debian's packages. Whoever gives the program on without an image gathers them\n" +
		"with `sh deploy/notices.sh go ./cmd/coursewright FOLDER`.\n\nBoth programs contain the runtime and the standard library of Go (BSD-3-Clause).\n")
	for _, s := range shipped() {
		fmt.Fprintf(&b, "\n## %s\n\n| module | version | licence |\n|---|---|---|\n", s.title)
		all := modules(t, s.dir, s.program)
		for _, m := range all {
			licence, err := licenceOf(m)
			if err != nil {
				t.Errorf("%s %s: %v", m.Path, m.Version, err)
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", m.Path, m.Version, licence)
		}
		checkNotices(t, s.dir, s.program, all)
	}
	b.WriteString("\n## Debian's packages in the images\n\nBeside those of the base image, and with what they depend on.\n\n| package | licence |\n|---|---|\n")
	for _, name := range debianPackages(t) {
		licence, known := debianLicences()[name]
		if !known {
			t.Errorf("the licence of Debian's package %s is not listed", name)
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, licence)
	}
	b.WriteString("\n## In the repository, not shipped\n\nTests audit the pages with axe-core (MPL-2.0, `internal/browsertest/axe`).\n")
	if *update {
		if err := os.WriteFile(licencesFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(licencesFile)
	if err != nil || string(committed) != b.String() {
		t.Errorf("%s is not what the images contain: run make generate: %v", licencesFile, err)
	}
}

// debianPackages are those that the Dockerfile installs.
func debianPackages(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile("deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`apt-get install -y --no-install-recommends (.*) \\\n`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, strings.Fields(m[1])...)
	}
	if len(names) == 0 {
		t.Fatal("the Dockerfile installs no package")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkNotices gathers the texts as the image's build does and looks whether each
// module has one, and Go.
func checkNotices(t *testing.T, dir, program string, all []listedModule) {
	t.Helper()
	out := t.TempDir()
	script, err := filepath.Abs("deploy/notices.sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", script, "go", program, out) //nolint:gosec // the test's own words
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("notices.sh: %v: %s", err, text)
	}
	for _, m := range append(all, listedModule{Path: "go"}) {
		folder := m.Path
		if m.Version != "" {
			folder += "@" + m.Version
		}
		texts, err := filepath.Glob(filepath.Join(out, folder, "*"))
		if _, without := unstated()[m.Path]; err != nil || len(texts) == 0 && !without {
			t.Errorf("no licence of %s is gathered: %v", folder, err)
		}
	}
}
