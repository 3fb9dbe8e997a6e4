package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	"coursewright/activities"
	"coursewright/api"
	"coursewright/internal/aplusauth"
	"coursewright/internal/build"
	"coursewright/internal/build/local"
	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
	"coursewright/internal/gitrepo"
	"coursewright/internal/grader"
	"coursewright/internal/lms"
	"coursewright/internal/release"
	"coursewright/internal/remote"
	"coursewright/internal/settings"
	"coursewright/internal/store/sqlite"
	"coursewright/internal/telemetry"
	"coursewright/internal/web"
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

// builder chooses the implementation that the settings name.
func (y *system) builder() (build.Builder, error) {
	if y.settings.Builder != local.Name {
		return nil, fmt.Errorf("builder %q is not part of this version; set BUILDER to local", y.settings.Builder)
	}
	return local.New(local.Options{Dev: y.settings.AllowLocalBuilder})
}

func (y *system) buildHandler(context.Context) error {
	addresses, err := api.NewAddresses(y.settings.PublicBaseURL, proxyTexts(y.settings.TrustedProxies))
	if err != nil {
		return err
	}
	pages, err := web.New(web.Config{
		Log: y.log, Courses: y.store, Rows: y.store, Builds: y.workflows, Releases: y.releases,
		BaseURL: addresses.Base, ClientIP: addresses.ClientIP, RunURL: y.runURL, SSHKey: y.publicKey,
		Location: y.settings.TimeZone, May: api.PageAccess,
	})
	if err != nil {
		return err
	}
	y.handler, err = api.New(api.Config{ //nolint:contextcheck // handlers use the context of their request
		Log: y.log, Courses: y.store, Rows: y.store, Logs: y.store, Builds: y.workflows, Releases: y.releases,
		Auth:        authorizer{tokens: y.tokens},
		FrontendURL: y.settings.FrontendURL,
		Addresses:   addresses,
		Pages:       pages,
		Metrics:     promhttp.HandlerFor(y.registry, promhttp.HandlerOpts{}),
		Registry:    y.registry,
		Ready:       y.ready,
		Closing:     y.closing,
		StaticRoot:  y.settings.StaticRoot,
		CoursesPath: y.settings.CoursesPath,
		Immediate:   y.settings.Immediate,

		UseXSendfile:       y.settings.UseXSendfile,
		AllowUnsignedHooks: y.settings.AllowUnsignedHooks,
	})
	return err
}

func proxyTexts(prefixes []netip.Prefix) []string {
	var out []string
	for _, p := range prefixes {
		out = append(out, p.String())
	}
	return out
}

// runURL is the address of a build's workflow in Temporal's Web UI.
func (y *system) runURL(b course.Build) string {
	if y.ui == "" || b.RunID == "" {
		return ""
	}
	return y.ui + "/namespaces/" + url.PathEscape(y.namespace) +
		"/workflows/" + url.PathEscape(workflows.BuildID(b.CourseKey)) + "/" + url.PathEscape(b.RunID)
}

// ready says whether requests can be served.
func (y *system) ready(ctx context.Context) error {
	if err := y.store.Ping(ctx); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if _, err := y.temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("temporal: %w", err)
	}
	return nil
}
