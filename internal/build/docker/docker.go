// Package docker runs builds in containers of a Docker engine, 20.10 or newer,
// or of Podman's service that speaks the same protocol. A build sees its working
// copy at /content and nothing else of the host. A worker process that is killed
// leaves its container running; the next try of the same build takes it over.
// The package makes no images and keeps none. Start at New.
package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/moby/client"

	"coursewright/internal/build"
)

// Name selects this builder in the settings.
const Name = "docker"

// ContentDir is where a build finds its working copy, its working directory.
const ContentDir = "/content"

// Options adapt the builder. Zero limits are no limits.
type Options struct {
	Host     string // the engine: unix:///path, tcp://host:port; empty: DOCKER_HOST, else the usual socket
	CertPath string // folder with ca.pem, cert.pem and key.pem for TLS; empty with Host: no TLS
	Disk     string // id of this host's build disk; labels all containers
	Paths    []PathMap
	Pull     string // when images are fetched: PullMissing (also when empty), PullAlways, PullNever
	Logins   string // file in the form of Docker's config.json with logins to registries; empty: none
	User     string // user, or user:group, of builds; empty: the image's own
	// Owner is the uid:gid that the working copy is given to after a build which
	// left files of other users in it. Empty: the service's own, unless that is
	// root, who needs no such help.
	Owner   string
	Memory  int64   // bytes, swap included
	CPUs    float64 // processors; more than the host has means all
	PIDs    int64   // processes and threads
	LogSize int64   // bytes of output; a build that prints more is stopped
	Network string  // network of builds: NoNetwork (also when empty) or the name of one of the engine's
	Mounts  []Mount // folders of the host that all builds see
	Log     *slog.Logger
}

// Mount is a folder of the engine's host that builds see.
type Mount struct {
	Source   string // absolute path on the engine's host
	Target   string // absolute path in the container
	Writable bool
}

// NoNetwork leaves a build alone with its own loopback address.
const NoNetwork = "none"

// When an image is fetched from its registry.
const (
	PullMissing = "missing" // when the host does not have it
	PullAlways  = "always"  // for every build, so that a moved tag is noticed
	PullNever   = "never"
)

// Builder runs builds in containers.
type Builder struct {
	api     *client.Client
	options Options
}

var (
	_ build.Keeper  = (*Builder)(nil)
	_ build.Checker = (*Builder)(nil)
)

// New makes a builder. It does not talk to the engine yet.
func New(o Options) (*Builder, error) {
	if o.Disk == "" {
		return nil, errors.New("docker builder: the build disk has no id")
	}
	if o.Pull == "" {
		o.Pull = PullMissing
	}
	if o.Network == "" {
		o.Network = NoNetwork
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Owner == "" && os.Getuid() != 0 {
		o.Owner = fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
	}
	api, err := client.New(connection(o)...)
	if err != nil {
		return nil, fmt.Errorf("docker builder: %w; see BUILD_DOCKER_HOST and BUILD_DOCKER_CERT_PATH", err)
	}
	return &Builder{api: api, options: o}, nil
}

// connection follows the variables of the docker program where the options say
// nothing. The API's version is negotiated with the engine.
func connection(o Options) []client.Opt {
	if o.Host == "" && o.CertPath == "" {
		return []client.Opt{client.FromEnv}
	}
	var opts []client.Opt
	if o.Host == "" {
		opts = append(opts, client.WithHostFromEnv())
	} else {
		opts = append(opts, client.WithHost(o.Host))
	}
	if o.CertPath != "" {
		file := func(name string) string { return filepath.Join(o.CertPath, name) }
		opts = append(opts, client.WithTLSClientConfig(file("ca.pem"), file("cert.pem"), file("key.pem")))
	}
	return opts
}

// Name is the word that selects this builder in the settings.
func (b *Builder) Name() string { return Name }

// Close gives up idle connections to the engine.
func (b *Builder) Close() error { return b.api.Close() }

// Check says whether the engine answers.
func (b *Builder) Check(ctx context.Context) error {
	if _, err := b.api.Ping(ctx, client.PingOptions{}); err != nil {
		return fmt.Errorf("container engine at %s: %w", b.api.DaemonHost(), err)
	}
	return nil
}

// Run builds in a container of r.Image, or goes on with the one that an earlier
// try of the build has left running. Standard output and errors come by
// different ways from the engine: each keeps its order, between the two it is
// the engine's, which is nearly that of printing.
func (b *Builder) Run(ctx context.Context, r build.Request) (build.Result, error) {
	result := build.Result{ExitCode: -1}
	err := ctx.Err()
	if err != nil {
		return result, fmt.Errorf("build %s: %w", r.CourseKey, context.Cause(ctx))
	}
	j := &job{Builder: b, request: r, output: &counter{to: r.Output}}
	err = j.run(ctx, &result)
	switch {
	case ctx.Err() != nil && err != nil:
		// Whatever broke, broke because of this.
		err = context.Cause(ctx)
	case j.output.failed != nil:
		err = fmt.Errorf("write the log: %w", j.output.failed)
	}
	if err != nil {
		return result, fmt.Errorf("build %s: %w", r.CourseKey, err)
	}
	return result, nil
}

// job is one run of a build.
type job struct {
	*Builder

	request build.Request
	output  *counter
}

// Times of a build's end.
const (
	// grace is how long a stopped build may tidy up. Builders have 5 seconds.
	grace = 2 * time.Second
	// tidyTime bounds each of the two things that are done about a container after
	// its build: a cancel tells its row within a minute though the engine stands still.
	tidyTime = 20 * time.Second
)

// run goes from an image, or a container that is there, to the build's end.
func (j *job) run(ctx context.Context, result *build.Result) error {
	info, err := os.Stat(j.request.Dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", j.request.Dir)
	}
	c, err := j.leftover(ctx)
	if err != nil {
		return err
	}
	if c != nil {
		result.Adopted = true
	} else if c, err = j.begin(ctx); err != nil {
		return err
	}
	err = j.attend(ctx, c, result)
	result.Missing = c.missing
	if err != nil && errors.Is(context.Cause(ctx), build.ErrHandOver) {
		result.Left = true
		return err
	}
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer cancel()
	// First the build's processes must be gone.
	if left := j.remove(tidy, c.id); left != nil {
		j.options.Log.WarnContext(tidy, "the container of a build is left", "course", j.request.CourseKey, "build", j.request.BuildID, "error", left)
		if err != nil {
			err = errors.Join(err, left) // it may even run on
		}
	}
	j.reclaim(tidy)
	return err
}
