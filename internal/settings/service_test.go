package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coursewright/internal/settings"
)

// A process is refused for what its own duties need, never for more.
func TestCheckService(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, courses := filepath.Join(dir, "store"), filepath.Join(dir, "courses")
	for _, path := range []string{store, courses} {
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const unsigned, open = "COURSEWRIGHT_DISABLE_JWT_SIGNING=1", "COURSEWRIGHT_DISABLE_LOGIN_CHECKS=1"
	storeAt, coursesAt := "COURSEWRIGHT_STORE_PATH="+store, "COURSEWRIGHT_COURSES_PATH="+courses
	api, worker := settings.Duties{Serves: true}, settings.Duties{Builds: true}
	for name, c := range map[string]struct {
		duties  settings.Duties
		environ []string
		want    []string // settings that the error names
	}{
		"api with nothing":         {api, nil, []string{"PRIVATE_KEY_FILE", "PUBLIC_KEY_FILE", "STORE_PATH", "COURSES_PATH"}},
		"worker with nothing":      {worker, nil, []string{"PRIVATE_KEY_FILE", "STORE_PATH"}},
		"api with all":             {api, []string{unsigned, open, storeAt, coursesAt}, nil},
		"api without publish":      {api, []string{unsigned, open, storeAt}, []string{"COURSES_PATH"}},
		"worker without publish":   {worker, []string{unsigned, storeAt}, nil},
		"a file is no folder":      {worker, []string{unsigned, "COURSEWRIGHT_STORE_PATH=/dev/null"}, []string{"STORE_PATH"}},
		"worker needs no login":    {worker, []string{"COURSEWRIGHT_PRIVATE_KEY=x", storeAt}, nil},
		"api needs one for logins": {api, []string{"COURSEWRIGHT_PRIVATE_KEY=x", storeAt, coursesAt}, []string{"PUBLIC_KEY_FILE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkNamed(t, c.environ, c.duties, c.want)
		})
	}
}

func checkNamed(t *testing.T, environ []string, duties settings.Duties, want []string) {
	t.Helper()
	s, err := settings.Load(settings.Sources{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	if err := s.CheckService(duties); err != nil {
		text = err.Error()
	}
	if (text == "") != (len(want) == 0) {
		t.Fatalf("got %q, want an error that names %v", text, want)
	}
	for _, name := range want {
		if !strings.Contains(text, name) {
			t.Errorf("%q does not name %s", text, name)
		}
	}
	for _, name := range []string{"PUBLIC_KEY", "COURSES_PATH", "BUILD_PATH", "STATIC_ROOT"} {
		named := strings.Contains(strings.Join(want, " "), name)
		if !named && strings.Contains(text, name) {
			t.Errorf("%q names %s, which this process does not need", text, name)
		}
	}
}

func TestNamesOfVersions(t *testing.T) {
	t.Parallel()
	s := fromEnviron(t, "COURSEWRIGHT_WORKER_DEPLOYMENT=courses", "COURSEWRIGHT_WORKER_BUILD_ID=v1.2.3+dirty")
	if s.WorkerDeployment != "courses" || s.WorkerBuildID != "v1.2.3+dirty" {
		t.Errorf("got %q, version %q", s.WorkerDeployment, s.WorkerBuildID)
	}
	for bad, words := range map[string]string{
		"COURSEWRIGHT_WORKER_DEPLOYMENT=a.b": "without dots", "COURSEWRIGHT_WORKER_DEPLOYMENT=__a": "at most 200", "COURSEWRIGHT_WORKER_BUILD_ID=a b": "without spaces",
	} {
		if _, err := settings.Load(settings.Sources{Environ: []string{bad}}); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: got %v, want %q", bad, err, words)
		}
	}
}

func TestTLSOfTemporal(t *testing.T) {
	t.Parallel()
	s := fromEnviron(t, "COURSEWRIGHT_TEMPORAL_API_KEY=k")
	if !s.TemporalTLS.On {
		t.Error("an API key would be sent in the clear")
	}
	if fromEnviron(t).TemporalTLS.On {
		t.Error("TLS is on although nothing asks for it")
	}
	for name, environ := range map[string][]string{
		"TEMPORAL_TLS_KEY": {"COURSEWRIGHT_TEMPORAL_TLS_CERT=/c.pem"},
		"contradicts":      {"COURSEWRIGHT_TEMPORAL_TLS=false", "COURSEWRIGHT_TEMPORAL_API_KEY=k"},
		"without spaces":   {"COURSEWRIGHT_TEMPORAL_API_KEY=a b"},
	} {
		if _, err := settings.Load(settings.Sources{Environ: environ}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: got %v, want %q", environ, err, name)
		}
	}
}
