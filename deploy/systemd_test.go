package deploy_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"coursewright/internal/settings"
)

func units(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("systemd/*.service")
	if err != nil || len(files) != 5 {
		t.Fatalf("units %q, error %v; want five", files, err)
	}
	return files
}

func TestUnitsSetKnownVariables(t *testing.T) {
	t.Parallel()
	known := variables()
	for _, file := range append(units(t), "systemd/environment.example") {
		for _, name := range regexp.MustCompile(`(?m)\b`+settings.Prefix+`[A-Z_]+`).FindAllString(string(read(t, file)), -1) {
			if !known[name] {
				t.Errorf("%s sets %s, which there is not", file, name)
			}
		}
	}
}

// A role's unit lets it write its own folders and keeps the others from it.
func TestUnitsKeepFoldersApart(t *testing.T) {
	t.Parallel()
	for role, want := range map[string]struct{ writes, hidden []string }{
		"api":     {[]string{"/srv/coursewright/releases"}, []string{"-/srv/coursewright/build", "-/run/docker.sock"}},
		"worker":  {[]string{"/srv/coursewright/build", "/srv/coursewright/releases/store", "-/run/docker.sock"}, []string{"-/srv/coursewright/releases/courses", "-/srv/coursewright/releases/static"}},
		"migrate": {nil, nil},
	} {
		text := string(read(t, "systemd/coursewright-"+role+".service"))
		value := func(key string) []string {
			m := regexp.MustCompile(`(?m)^` + key + `=(.*)$`).FindStringSubmatch(text)
			if m == nil {
				return nil
			}
			return strings.Fields(m[1])
		}
		if got := value("ReadWritePaths"); !slices.Equal(got, want.writes) {
			t.Errorf("%s may write %q, want %q", role, got, want.writes)
		}
		if got := value("InaccessiblePaths"); !slices.Equal(got, want.hidden) {
			t.Errorf("%s cannot see %q, want %q", role, got, want.hidden)
		}
		if !slices.Equal(value("ProtectSystem"), []string{"strict"}) || !slices.Equal(value("User"), []string{"coursewright"}) {
			t.Errorf("%s is not confined", role)
		}
	}
}

// The settings that the environment is copied from name the files that make-secrets.sh
// makes for plain hosts, which the service's group reads and nobody else.
func TestSecretsOfPlainHosts(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root makes files of other owners")
	}
	dir := t.TempDir()
	script(t, []string{"OWNER=root:root"}, "make-secrets.sh", dir)
	for _, m := range regexp.MustCompile(`(?m)=/etc/coursewright/(.*)$`).FindAllStringSubmatch(string(read(t, "systemd/environment.example")), -1) {
		if m[1] == "aplus_key" { // A+'s
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, m[1])); err != nil {
			t.Error(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 8 {
		t.Fatalf("%d secrets, error %v", len(files), err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: %v, error %v", f.Name(), info, err)
		}
	}
}

// systemd itself takes the units, where it is installed. Programs and users of
// the units need not be here: the units are tried with others.
func TestSystemdTakesTheUnits(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	dir := t.TempDir()
	args := []string{"verify", "--man=no", "--recursive-errors=no"}
	for _, file := range units(t) {
		text := bytes.ReplaceAll(read(t, file), []byte("/usr/local/bin/coursewright"), []byte("/bin/true"))
		for _, program := range []string{"/usr/local/lib/coursewright/network.sh", "/usr/local/lib/temporal/schema.sh", "/usr/local/bin/temporal-server"} {
			text = bytes.ReplaceAll(text, []byte(program), []byte("/bin/true"))
		}
		copied := filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(copied, text, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, copied)
	}
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil || strings.Contains(string(out), dir) || strings.Contains(string(out), "coursewright-") {
		t.Errorf("%v: %s", err, out)
	}
}
