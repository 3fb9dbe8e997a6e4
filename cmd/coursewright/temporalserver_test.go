package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/store/postgres/postgrestest"
	"coursewright/internal/temporaldev/temporaltest"
)

// production is a PostgreSQL server and on it a Temporal server, as they are
// operated; settings name them.
type production struct {
	database *postgrestest.Server
	temporal *temporaltest.Server
	settings map[string]string
}

func newProduction(tb testing.TB) *production {
	tb.Helper()
	pg := postgrestest.Start(tb)
	address := pg.Address(pg.Database(tb))
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	temporal := temporaltest.StartServer(tb, temporaltest.Database{Socket: pg.Socket(), User: u.Query().Get("user")})
	return &production{pg, temporal, map[string]string{
		"DATABASE_URL": address, "TEMPORAL_ADDRESS": temporal.Address(), "TEMPORAL_NAMESPACE": "courses",
	}}
}

// On the server of production, whose namespace migrate makes, a deployment goes
// on without its dead. The dead worker's host is gone for good: another clones
// its courses.
func TestADeploymentOnTemporalsServer(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	killSome(t, newDeployment(t, deploymentOptions{apis: 2, workers: 2, settings: p.settings}), func(d *deployment, _ int) *program {
		return d.addWorker()
	})
}

// With Temporal stopped in the middle of builds no push is refused, no build is
// lost, and all end when it is back.
func TestTemporalStopsInTheMiddleOfBuilds(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	d := newDeployment(t, deploymentOptions{apis: 1, workers: 1, settings: p.settings})
	api := d.apis[0]
	const courses = 3
	gate := filepath.Join(t.TempDir(), "gate")
	ids := map[string][]int64{}
	for i := range courses {
		key := fmt.Sprint("course", i)
		repo := gitrepotest.New(t)
		repo.Commit(gated(t, gate), "first")
		api.addCourse(key, repo.URL(), nil)
		ids[key] = append(ids[key], api.push(key))
	}
	api.running("course0", ids["course0"][0])
	p.temporal.Stop()
	must(t, os.WriteFile(gate, nil, 0o600))
	for key := range ids {
		ids[key] = append(ids[key], api.push(key))
	}
	if got := string(api.get("/readyz", http.StatusOK)); !strings.Contains(got, "without temporal") {
		t.Errorf("readyz says %q", got)
	}
	p.temporal.Resume()
	for key, pushed := range ids {
		for _, id := range pushed {
			api.finished(key, id, course.StatusSuccess)
		}
	}
	api.awaitReady()
}
