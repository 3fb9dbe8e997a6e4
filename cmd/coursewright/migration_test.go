package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The commands of the guide do what it says, one after the other.
func TestMigrationGuide(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/migration.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^coursewright (import-gitmanager .*)$`).FindAllStringSubmatch(string(text), -1)
	if len(lines) != 3 {
		t.Fatalf("the guide has %d commands, want the dry run, the first and the last", len(lines))
	}
	o := newOldService(t, nil)
	o.db.Course(3, "good", 77, "s3cret")
	o.release(t, "courses", "good", "Good", oldVersion)
	s := o.settings
	o.write(t, map[string]string{"settings.yaml": "DATABASE_URL: sqlite://" + s.Database.Path + "\nSTORE_PATH: " + s.StorePath +
		"\nCOURSES_PATH: " + s.CoursesPath + "\nSTATIC_ROOT: " + s.StaticRoot + "\nSSH_KEY_PATH: " + s.SSHKeyPath + "\n"})
	variables := map[string]string{
		"SETTINGS": filepath.Join(o.root, "settings.yaml"), "DATABASE": o.options.from, "COURSES": o.options.courses,
		"STORE": o.options.store, "KEY": o.options.sshKey,
	}
	for i, want := range []string{"1 courses: 1 taken", "1 courses: 1 taken", "1 with nothing to do"} {
		var args []string
		for _, word := range strings.Fields(lines[i][1]) {
			args = append(args, os.Expand(word, func(name string) string { return variables[name] }))
		}
		var out, errOut bytes.Buffer
		if status := execute(t.Context(), args, &out, &errOut); status != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("command %d gives status %d and\n%s%s\nwant %q", i+1, status, out.String(), errOut.String(), want)
		}
	}
}
