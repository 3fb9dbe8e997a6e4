package main

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"coursewright/internal/store/postgres/postgrestest"
)

// TestLoad lets many clients push, read and follow logs at once, on PostgreSQL, an
// api and a worker; every answer has to be a success. A variable changes it:
//
//	LOAD=2m  the long form, with 200 clients for so long, of whose reads at most
//	         one in a hundred may take longer than 50 ms
//
// `make load` runs the long form. It is a promise about a machine that does
// nothing else.
func TestLoad(t *testing.T) {
	t.Parallel()
	args := []string{"load", "--courses=8", "--clients=40", "--duration=8s", "--push-pause=2s", "--read-pause=300ms"}
	if text := os.Getenv("LOAD"); text != "" {
		if length, err := time.ParseDuration(text); err != nil || length <= 0 {
			t.Fatalf("LOAD=%s: give how long it lasts, such as 2m", text)
		}
		args = []string{"load", "--courses=20", "--clients=200", "--duration=" + text, "--max-p99=50ms"}
	}
	server := postgrestest.Start(t)
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 1, settings: map[string]string{
		"DATABASE_URL": server.Address(server.Database(t)),
	}})
	e := runProgram(t, d.settings.environ(urlVariable+"="+d.apis[0].base), args...)
	t.Log(e.out)
	if e.status != 0 || !strings.Contains(e.out, "\n0 errors") {
		t.Errorf("load: status %d: %s", e.status, e.errOut)
	}
	for _, kind := range []string{"push", "document", "static", "rest", "page", "follow"} {
		if !strings.Contains(e.out, "\n"+kind+" ") {
			t.Errorf("there was no %s", kind)
		}
	}
	if got := string(d.apis[0].get("/api/v1/courses", http.StatusOK)); strings.Contains(got, "load0") {
		t.Errorf("courses are left: %s", got)
	}
}
