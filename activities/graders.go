package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"coursewright/internal/buildlog"
	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
	"coursewright/internal/grader"
	"coursewright/internal/remote"
)

// gradersDoc is the document of a release that lists the graders to tell when
// it is published: a JSON list of addresses.
const gradersDoc = "graders.json"

// Graders is how a deployment talks to graders.
type Graders struct {
	Client *grader.Client
	// Authorize says in the context whose course the calls are about, so that
	// their tokens get the permission for it.
	Authorize func(ctx context.Context, instance int64) context.Context
	// Optional lets a build go on without a grader that cannot be reached, or
	// that knows nothing of the course since A+ does not, for development.
	Optional bool
}

// dispensable says whether the build may go on after this error.
func (g Graders) dispensable(c course.Course, err error) bool {
	var f *remote.Failure
	unreachable := errors.As(err, &f) && f.Kind == remote.KindConnect
	return err != nil && g.Optional && (unreachable || c.RemoteID == nil)
}

func (g Graders) authorize(ctx context.Context, c course.Course) context.Context {
	if g.Authorize == nil || c.RemoteID == nil {
		return ctx
	}
	return g.Authorize(ctx, *c.RemoteID)
}

// ConfigureGrader sends the course to one of its graders, the one at
// in.Index, and keeps the defaults it answers on the build disk for
// StageRelease.
func (r *ReleaseSteps) ConfigureGrader(ctx context.Context, in Grading) error {
	unlock, err := r.Disk.Lock(ctx, in.Job.CourseKey)
	if err != nil {
		return forTemporal(err)
	}
	defer unlock()
	c, err := r.Store.Course(ctx, in.Job.CourseKey)
	if err != nil {
		return forTemporal(err)
	}
	name := "configure grader " + strconv.Itoa(in.Index+1)
	return r.ledger().step(ctx, in.Job, name, func(ctx context.Context, log *buildlog.Writer) error {
		loaded, _, err := r.load(ctx, c, in.Job)
		if err != nil {
			return err
		}
		all := loaded.Configures()
		if in.Index >= len(all) {
			return fmt.Errorf("grader %d of %d: the course changed while it was built", in.Index+1, len(all))
		}
		to := all[in.Index]
		log.Printf("Configuring the grader %s with %d exercises.", shownURL(to.URL), len(to.Exercises))
		defaults, err := r.Graders.Client.Configure(r.Graders.authorize(ctx, c), configuration(c, in.Job, to, r.Disk.Course(c.Key)))
		if r.Graders.dispensable(c, err) {
			log.Printf("warning: %v. In development the build goes on without it; its exercises have no address.", err)
			defaults, err = nil, nil
		}
		if err != nil {
			return err
		}
		return r.Disk.writeDefaults(in, defaults)
	})
}

// shownURL is a grader's address fit for a log: without user, password and
// query.
func shownURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "with an address that is none"
	}
	return remote.ShowURL(u)
}

func configuration(c course.Course, job Job, to courseconfig.Configure, dir string) grader.Configuration {
	out := grader.Configuration{
		Course: grader.Course{Key: c.Key, RemoteID: c.RemoteID, Version: job.Version},
		URL:    to.URL,
		Spec:   to.CourseSpec,
		Dir:    dir,
	}
	for _, e := range to.Exercises {
		out.Exercises = append(out.Exercises, grader.Exercise(e))
	}
	for _, f := range to.Files {
		out.Files = append(out.Files, grader.File(f))
	}
	return out
}

// defaultsDir holds what the graders of one build answered, a file each.
func (d Disk) defaultsDir(job Job) string {
	return filepath.Join(d.Path, cachesDir, job.CourseKey+".defaults", strconv.FormatInt(job.BuildID, 10))
}

// writeDefaults keeps one grader's answer. Only this build reads it, on this
// host; a file that a crash left half written is not valid JSON and is told.
func (d Disk) writeDefaults(in Grading, defaults map[string]json.RawMessage) error {
	dir := d.defaultsDir(in.Job)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keep the grader's answer: %w", err)
	}
	text, err := json.Marshal(defaults)
	if err != nil {
		return fmt.Errorf("keep the grader's answer: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(in.Index)+".json"), text, 0o644); err != nil {
		return fmt.Errorf("keep the grader's answer: %w", err)
	}
	return nil
}

// readDefaults joins the answers of n graders; a later one wins where two
// answer about the same exercise.
func (d Disk) readDefaults(job Job, n int) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	for i := range n {
		text, err := os.ReadFile(filepath.Join(d.defaultsDir(job), strconv.Itoa(i)+".json"))
		if err != nil {
			return nil, fmt.Errorf("the answer of grader %d: %w", i+1, err)
		}
		if err := json.Unmarshal(text, &all); err != nil {
			return nil, fmt.Errorf("the answer of grader %d: %w", i+1, err)
		}
	}
	return all, nil
}

// dropDefaults forgets the graders' answers to all builds of a course.
func (d Disk) dropDefaults(key string) error {
	return removeTree(filepath.Join(d.Path, cachesDir, key+".defaults"))
}
