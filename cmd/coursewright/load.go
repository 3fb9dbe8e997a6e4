package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"coursewright/internal/gitorigin"
	"coursewright/internal/loadgen"
)

// loadOptions are the flags of the load command.
type loadOptions struct {
	courses, clients     int
	prefix               string
	length               time.Duration
	pushPause, readPause time.Duration
	gitListen, gitURL    string
	image, command       string
	keep                 bool
	seed                 uint64
	maxP99               time.Duration
}

const loadHelp = `Load makes courses on a running service, lets many clients at once push to them, read
them and follow the logs of their builds, and prints how long the answers took. It is for
services of a test: it makes and removes courses, whose keys begin with --prefix, and keeps
the build hosts busy. Anything that is not answered with success makes the status 1.

Of the clients 20 in 100 push, 60 read and 20 follow logs. The courses' repositories are
served by this command: the build hosts have to reach it at --git-url.`

// newLoadCommand makes the command that puts load on a service.
func newLoadCommand() *cobra.Command {
	var o loadOptions
	rest := &restClient{}
	cmd := &cobra.Command{
		Use:     "load",
		Short:   "Put load on a service of a test and measure it",
		Long:    loadHelp,
		Example: "  coursewright load --courses 100 --clients 200 --duration 2m --git-listen :8071 --git-url http://this.host:8071",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), rest, cmd.OutOrStdout())
		},
	}
	rest.addFlags(cmd.Flags())
	f := cmd.Flags()
	f.IntVar(&o.courses, "courses", 20, "courses that are made")
	f.IntVar(&o.clients, "clients", 200, "clients at once")
	f.StringVar(&o.prefix, "prefix", "load", "what the keys of the courses begin with")
	f.DurationVar(&o.length, "duration", 2*time.Minute, "how long the load lasts, once the courses are built")
	f.DurationVar(&o.pushPause, "push-pause", 30*time.Second, "pause of a client between two pushes, on average")
	f.DurationVar(&o.readPause, "read-pause", 500*time.Millisecond, "pause of a client between two pages, on average")
	f.StringVar(&o.gitListen, "git-listen", "127.0.0.1:0", "address to serve the courses' repositories at")
	f.StringVar(&o.gitURL, "git-url", "", "address under which build hosts reach it (default: the one of --git-listen)")
	f.StringVar(&o.image, "build-image", "", "image of the build commands; empty: none are run")
	f.StringVar(&o.command, "build-command", "", "build command; empty: the image's own")
	f.BoolVar(&o.keep, "keep", false, "leave the courses there")
	f.DurationVar(&o.maxP99, "max-p99", 0, "status 1 when one in a hundred reads takes longer; 0: however long they take")
	f.Uint64Var(&o.seed, "seed", 1, "another number: another order of requests")
	return cmd
}

func (o loadOptions) run(ctx context.Context, rest *restClient, out io.Writer) (err error) {
	if o.courses < 1 || o.clients < 1 {
		return errors.New("--courses and --clients: give 1 or more")
	}
	var c cleanups
	defer func() { err = errors.Join(err, c.run()) }()
	origins, err := o.serveOrigins(ctx, &c)
	if err != nil {
		return err
	}
	base, token, err := rest.reach()
	if err != nil {
		return err
	}
	config := loadgen.Config{
		Base: strings.TrimSuffix(base, "/"), Token: strings.TrimSpace(token),
		Pushers: o.clients / 5, Followers: o.clients / 5, Readers: o.clients - 2*(o.clients/5),
		PushPause: o.pushPause, ReadPause: o.readPause, Length: o.length, Seed: o.seed, BeforePush: origins.commit,
	}
	var courses []loadgen.Course
	for i := range o.courses {
		key := fmt.Sprintf("%s%05d", o.prefix, i+1)
		if err := origins.add(key); err != nil {
			return err
		}
		courses = append(courses, loadgen.Course{Key: key, Origin: origins.url + "/" + key + ".git", Branch: gitorigin.Branch})
		config.Courses = append(config.Courses, key)
	}
	if !o.keep {
		c.add("courses of the load", func() error { return loadgen.Remove(context.WithoutCancel(ctx), config, courses) })
	}
	took, err := loadgen.Prepare(ctx, config, courses)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d courses made, built and published in %s: %.0f a minute\n",
		len(courses), took.Round(time.Millisecond), float64(len(courses))/took.Minutes())
	report, err := loadgen.Run(ctx, config)
	if err != nil {
		return err
	}
	fmt.Fprint(out, report)
	if report.Errors > 0 {
		return errReported
	}
	if p99 := report.Quantile(.99, loadgen.ReadKinds()...); o.maxP99 > 0 && p99 > o.maxP99 {
		return fmt.Errorf("one in a hundred reads took longer than %s", p99)
	}
	return nil
}

// origins are the repositories of the courses of a load.
type origins struct {
	url   string
	dir   string
	files func(version string) map[string]string
	all   map[string]*gitorigin.Origin
}

// serveOrigins serves the repositories until the cleanup runs.
func (o loadOptions) serveOrigins(ctx context.Context, c *cleanups) (*origins, error) {
	dir, err := os.MkdirTemp("", "coursewright-load-")
	if err != nil {
		return nil, err
	}
	c.add("repositories", func() error { return os.RemoveAll(dir) })
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", o.gitListen)
	if err != nil {
		return nil, fmt.Errorf("--git-listen: %w", err)
	}
	server := &http.Server{Handler: gitorigin.Handler(dir), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	c.add("server of repositories", func() error {
		err := server.Close()
		if end := <-ended; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
		return err
	})
	url := strings.TrimSuffix(o.gitURL, "/")
	if url == "" {
		url = "http://" + l.Addr().String()
	}
	return &origins{
		url: url, dir: dir, all: map[string]*gitorigin.Origin{},
		files: func(version string) map[string]string { return loadgen.SampleFiles(version, o.image, o.command) },
	}, nil
}

// add makes the repository of a course.
func (o *origins) add(key string) error {
	repo, err := gitorigin.Create(filepath.Join(o.dir, key+".git"))
	if err != nil {
		return err
	}
	o.all[key] = repo
	return o.commit(key)
}

// commit changes something in a course.
func (o *origins) commit(key string) error {
	now := time.Now()
	_, err := o.all[key].Commit(o.files(now.Format(time.RFC3339Nano)), "A change", now)
	return err
}
