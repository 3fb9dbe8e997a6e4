package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"

	"coursewright/activities"
	"coursewright/internal/aplusauth"
	"coursewright/internal/build"
	"coursewright/internal/coursediff"
	"coursewright/internal/gitrepo"
	"coursewright/internal/host"
	"coursewright/internal/lms"
	"coursewright/internal/release"
	"coursewright/internal/settings"
	"coursewright/internal/store"
	"coursewright/internal/telemetry"
	"coursewright/workflows"
)

// stopTimeout is how long a stop waits for running activities. What has not
// ended by then is tried again by the next start.
const stopTimeout = 5 * time.Second

// role says which part of the service a process is.
type role struct {
	serves bool // answers requests, sweeps and publishes: has the store and the publish folder
	builds bool // builds courses: has the store and a build folder
	dev    bool // sets its surroundings up by itself
}

func roleAPI() role    { return role{serves: true} }
func roleWorker() role { return role{builds: true} }
func roleDev() role    { return role{serves: true, builds: true, dev: true} }

// String names the role as the command that has it.
func (r role) String() string {
	switch {
	case r.dev:
		return "dev"
	case r.serves:
		return "api"
	}
	return "worker"
}

// system is a running Coursewright process: the parts of its role, wired. Parts
// that the role has no use for are nil.
type system struct {
	role     role
	settings settings.Settings
	log      *slog.Logger
	registry *prometheus.Registry
	tracing  *telemetry.Tracing // nil: nothing is traced

	store     store.Store
	releases  *release.Depot
	diffs     *coursediff.Releases
	git       *gitrepo.Git
	disk      activities.Disk
	host      string // id of the build disk
	slots     *host.Slots
	agent     *host.Agent
	tidier    *activities.Tidier
	keeper    build.Keeper                // nil: no build outlives this process
	clearLeft func(context.Context) error // see activities.BuildSteps.ClearLeft
	self      string                      // see process
	publicKey string
	tokens    *aplusauth.Service
	graders   activities.Graders
	lms       *lms.Client // nil without A+
	temporal  client.Client
	workflows *workflows.Client
	handler   http.Handler // nil unless the role serves

	health      *health
	reach       temporalOptions
	leading     sync.Mutex
	stopLeading func() // nil while another process leads; guarded by leading

	closing chan struct{} // closed when the stop begins
	failed  chan error    // a part broke for good: the process has to end
	cleanup cleanups
}

// process is what startSystem needs besides the settings.
type process struct {
	role     role
	temporal temporalOptions
	log      *slog.Logger
	// self is this program's file, to start processes beside it; empty: none are
	// started.
	self string
}

// startSystem starts everything but the HTTP listener, in order. When it fails
// what has been started is stopped again.
func startSystem(ctx context.Context, s settings.Settings, p process) (*system, error) {
	y := &system{
		role: p.role, self: p.self, settings: s, log: p.log, registry: telemetry.NewRegistry(),
		reach: p.temporal, closing: make(chan struct{}), failed: make(chan error, 1),
	}
	for _, part := range []struct {
		wanted bool
		start  func(context.Context) error
	}{
		{y.settings.Watching.TracesEndpoint != "", y.startTracing},
		{true, y.openStore},
		{y.role.builds, y.openDisk},
		{true, y.openReleases},
		{y.role.serves, y.measureFolders},
		{true, y.openGit},
		{true, y.openRemotes},
		{true, y.dialTemporal},
		{y.role.builds, y.startHost},
		{y.role.builds, y.startWatchman},
		{true, y.startWorkers},
		{y.role.builds, y.leaveInTime},
		{y.role.builds, y.startTidying},
		{y.role.builds, y.startJanitor},
		{true, func(context.Context) error { y.health = y.newHealth(); return nil }},
		{y.role.serves, y.startLeading},
		{y.role.serves, y.startSweeping},
		{y.role.serves, y.startHousekeeping},
		{y.role.serves, y.startPolling},
		{y.role.serves, y.buildHandler},
	} {
		if !part.wanted {
			continue
		}
		if err := part.start(ctx); err != nil {
			return nil, errors.Join(err, y.Close())
		}
	}
	return y, nil
}

// Close stops everything, last started first.
func (y *system) Close() error { return y.cleanup.run() }

// fail ends the process, for a part that broke for good. The first reason counts.
func (y *system) fail(err error) {
	select {
	case y.failed <- err:
	default:
	}
}
