package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	"coursewright/activities"
	"coursewright/internal/aplusauth"
	"coursewright/internal/build"
	"coursewright/internal/courseconfig"
	"coursewright/internal/gitrepo"
	"coursewright/internal/grader"
	"coursewright/internal/lms"
	"coursewright/internal/release"
	"coursewright/internal/remote"
	"coursewright/internal/settings"
	"coursewright/internal/store/sqlite"
	"coursewright/internal/telemetry"
	"coursewright/worker"
	"coursewright/workflows"
)

// stopTimeout is how long a stop waits for running activities. What has not
// ended by then is tried again by the next start.
const stopTimeout = 5 * time.Second

// system is a running Coursewright: the parts, wired.
type system struct {
	settings settings.Settings
	log      *slog.Logger
	registry *prometheus.Registry

	store     *sqlite.Store
	releases  *release.Depot
	git       *gitrepo.Git
	disk      activities.Disk
	host      string
	publicKey string
	tokens    *aplusauth.Service
	graders   activities.Graders
	lms       *lms.Client // nil without A+
	temporal  client.Client
	workflows *workflows.Client
	handler   http.Handler

	ui        string // address of Temporal's Web UI, empty: unknown
	namespace string

	closing chan struct{} // closed when the stop begins
	cleanup cleanups
}

// temporalOptions says how to reach Temporal.
type temporalOptions struct {
	address     string
	namespace   string
	ui          string                      // address of the Web UI; empty: unknown
	interceptor grpc.UnaryClientInterceptor // nil: none
}

// startSystem starts everything but the HTTP listener, in order. When it fails
// what has been started is stopped again.
func startSystem(ctx context.Context, s settings.Settings, t temporalOptions, log *slog.Logger) (*system, error) {
	y := &system{
		settings: s, log: log, registry: telemetry.NewRegistry(),
		ui: t.ui, namespace: t.namespace, closing: make(chan struct{}),
	}
	for _, start := range []func(context.Context) error{
		y.openStore,
		y.openFolders,
		y.openGit,
		y.openRemotes,
		func(ctx context.Context) error { return y.dialTemporal(ctx, t) },
		y.startWorkers,
		y.startHousekeeping,
		y.startPolling,
		y.buildHandler,
	} {
		if err := start(ctx); err != nil {
			return nil, errors.Join(err, y.Close())
		}
	}
	return y, nil
}

// Close stops everything, last started first.
func (y *system) Close() error { return y.cleanup.run() }

func (y *system) openStore(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(y.settings.Database.Path), 0o755); err != nil {
		return fmt.Errorf("folder of the database: %w; choose another with DATABASE_URL", err)
	}
	st, err := sqlite.Open(ctx, sqlite.Options{Path: y.settings.Database.Path, Migrate: true})
	if err != nil {
		return err
	}
	y.store = st
	y.cleanup.add("database", st.Close)
	return nil
}

func (y *system) openFolders(context.Context) error {
	var err error
	if y.disk, y.host, err = activities.OpenDisk(y.settings.BuildPath); err != nil {
		return err
	}
	y.releases, err = release.Open(release.Config{
		StorePath:   y.settings.StorePath,
		PublishPath: y.settings.CoursesPath,
		StaticRoot:  y.settings.StaticRoot,
		Keep:        y.settings.KeepReleases,
		Log:         y.log,
	})
	return err
}

func (y *system) openGit(context.Context) error {
	var err error
	y.git, err = gitrepo.New(gitrepo.Config{ //nolint:contextcheck // asks git for its version, once
		SSHKeyPath:     y.settings.SSHKeyPath,
		HostKeys:       gitrepo.HostKeyPolicy(y.settings.HostKeyPolicy),
		KnownHostsFile: y.settings.KnownHostsPath,
		AllowLocal:     y.settings.AllowLocalOrigins,
		GitOptions:     y.settings.GitOptions,
	})
	if err != nil {
		return err
	}
	if y.settings.SSHKeyPath == "" {
		return nil
	}
	y.publicKey, err = gitrepo.EnsureKey(y.settings.SSHKeyPath)
	return err
}

// openRemotes prepares the calls to A+ and the graders. Nothing is called yet.
func (y *system) openRemotes(context.Context) error {
	var err error
	if y.tokens, err = newTokens(y.settings.Auth); err != nil {
		return fmt.Errorf("settings of A+'s tokens: %w", err)
	}
	calls := &http.Client{Transport: y.tokens.Transport(remote.NewTransport())}
	y.graders = activities.Graders{
		Client:    &grader.Client{HTTP: calls},
		Authorize: authorize,
		Optional:  !y.settings.RequireGraders,
	}
	if y.settings.FrontendURL == "" {
		return nil
	}
	frontend, err := url.Parse(y.settings.FrontendURL)
	if err != nil {
		return fmt.Errorf("setting FRONTEND_URL: %w", err)
	}
	y.lms = &lms.Client{HTTP: calls, FrontendURL: frontend}
	return nil
}

// authorize asks for tokens that may write to one course instance of A+.
func authorize(ctx context.Context, instance int64) context.Context {
	return aplusauth.WithPermissions(ctx, aplusauth.ForInstance(aplusauth.Write, instance))
}

func (y *system) dialTemporal(ctx context.Context, t temporalOptions) error {
	o := client.Options{HostPort: t.address, Namespace: t.namespace, Logger: y.log}
	if t.interceptor != nil {
		o.ConnectionOptions.DialOptions = []grpc.DialOption{grpc.WithChainUnaryInterceptor(t.interceptor)}
	}
	c, err := client.DialContext(ctx, o)
	if err != nil {
		return fmt.Errorf("temporal at %s: %w; check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE", t.address, err)
	}
	y.temporal = c
	y.cleanup.add("Temporal client", func() error { c.Close(); return nil })
	return workflows.EnsureSearchAttributes(ctx, c, t.namespace)
}

func (y *system) startWorkers(ctx context.Context) error {
	y.workflows = workflows.NewClient(y.temporal, y.store, y.log, workflows.Limits{
		BuildTimeout: y.settings.BuildTimeout,
		RetryDelay:   y.settings.BuildRetryDelay,
	})
	steps, err := y.steps()
	if err != nil {
		return err
	}
	group, err := worker.Start(y.temporal, steps, worker.Limits{StopTimeout: stopTimeout})
	if err != nil {
		return err
	}
	y.cleanup.add("workers", func() error { group.Stop(); return nil })

	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- y.workflows.Run(run) }()
	y.cleanup.add("sweeper", func() error { stop(); return <-ended })
	return nil
}

func (y *system) steps() (worker.Steps, error) {
	builder, err := y.builder()
	if err != nil {
		return worker.Steps{}, err
	}
	s := y.settings
	return worker.Steps{
		Records: &activities.Records{Store: y.store, AutoPublish: s.AutoPublish, HasLMS: y.lms != nil},
		Service: &activities.ServiceSteps{Publisher: y.workflows, Store: y.store, LMS: y.lms, Authorize: authorize},
		Publish: &activities.PublishSteps{Releases: y.releases, Courses: y.store, Graders: y.graders},
		Build: &activities.BuildSteps{
			Host: y.host, Disk: y.disk, Store: y.store, Git: y.git, Builder: builder,
			Slots:       make(chan struct{}, max(1, s.BuildConcurrency)),
			LocalSource: s.LocalSourcePath,
			Defaults:    build.Defaults{Image: s.DefaultImage, Command: s.DefaultCommand},
			Env:         build.EnvironmentFacts{StaticURL: s.StaticURL, StaticContentHost: s.StaticContentHost},
			Timeout:     s.BuildTimeout,
			KeepBuilds:  s.KeepBuilds,
			Releases:    y.releases,
		},
		Release: &activities.ReleaseSteps{
			Disk: y.disk, Store: y.store, Releases: y.releases, Graders: y.graders,
			Config: courseconfig.Settings{
				StaticURL:              s.StaticURL,
				StaticContentHost:      s.StaticContentHost,
				DefaultGraderURL:       s.DefaultGraderURL,
				PersonalizedContentDir: s.PersonalizedDir,
			},
		},
	}, nil
}
