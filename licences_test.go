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
		"github.com/nexus-rpc/nexus-proto-annotations": "not stated in the module; a part of Temporal's API",
	}
}

type listedModule struct {
	Path, Version, Dir string
	Main               bool
}

// modules lists what the program is linked from.
func modules(t *testing.T) []listedModule {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=Module", "./cmd/coursewright").Output()
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

// TestLicences holds the list of the licences of what the program contains, and
// that none is outside of those that are allowed.
func TestLicences(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Licences\n\nWhat the program is linked from, and under which licence. `make generate` writes this page; a test\nrefuses licences other than Apache-2.0, BSD, ISC, MIT and MPL-2.0.\n\n| module | version | licence |\n|---|---|---|\n")
	for _, m := range modules(t) {
		licence, err := licenceOf(m)
		if err != nil {
			t.Errorf("%s %s: %v", m.Path, m.Version, err)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m.Path, m.Version, licence)
	}
	if *update {
		if err := os.WriteFile(licencesFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(licencesFile)
	if err != nil || string(committed) != b.String() {
		t.Errorf("%s is not what the program contains: run make generate: %v", licencesFile, err)
	}
}
