package main

import (
	"net/url"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	sdk "go.temporal.io/sdk/client"

	"coursewright/internal/store/postgres/postgrestest"
	"coursewright/internal/temporaldev"
	"coursewright/internal/temporaldev/temporaltest"
)

// temporalServer is the Temporal of a campaign.
type temporalServer interface {
	Address() string
	pid(c *campaign) int
	// kill ends its process at once; after a while it is started again, and there
	// when kill returns.
	kill(c *campaign, after time.Duration)
}

// startTemporal starts the server of production on a PostgreSQL of its own, or the
// development server.
func (c *campaign) startTemporal(production bool) {
	c.tb.Helper()
	if !production {
		dir := c.tb.TempDir()
		c.server = devServer{temporaltest.StartIn(c.tb, dir), filepath.Join(dir, "temporal.db")}
		return
	}
	pg := postgrestest.Start(c.tb)
	address, err := url.Parse(pg.Address("postgres"))
	if err != nil {
		c.tb.Fatal(err)
	}
	c.server = productionServer{temporaltest.StartServer(c.tb, temporaltest.Database{Socket: pg.Socket(), User: address.Query().Get("user")})}
}

// devServer is the development server, which its supervisor starts again whenever
// it ends.
type devServer struct {
	*temporaldev.Server
	file string // its database
}

func (s devServer) pid(c *campaign) int { return processWith(c.tb.Context(), s.file) }

func (s devServer) kill(c *campaign, after time.Duration) {
	killed := s.pid(c)
	c.signalProcess("Temporal", killed, syscall.SIGKILL)
	c.wait(after)
	c.eventually("Temporal, which was killed", func() string {
		if s.pid(c) == killed {
			return "is not gone"
		}
		if _, err := c.temporal.CheckHealth(c.tb.Context(), &sdk.CheckHealthRequest{}); err != nil {
			return err.Error()
		}
		return ""
	})
}

type productionServer struct{ *temporaltest.Server }

func (s productionServer) pid(*campaign) int { return s.PID() }

func (s productionServer) kill(c *campaign, after time.Duration) {
	s.Kill()
	c.wait(after)
	s.Resume()
}

// TestCampaignOnTemporalsServer is the short campaign on the Temporal server of
// production.
func TestCampaignOnTemporalsServer(t *testing.T) {
	t.Parallel()
	scale := shortCampaign()
	scale.postgres, scale.production = true, true
	runCampaign(t, scale, 1, newCampaignReport())
}
