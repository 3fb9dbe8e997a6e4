package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/activity"

	"coursewright/internal/build"
	"coursewright/internal/buildlog"
	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
	"coursewright/internal/gitrepo"
	"coursewright/internal/host"
	"coursewright/internal/release"
)

// BuildStore is what the steps on a build host need of the database.
type BuildStore interface {
	TryStore
	LogStore
	Course(ctx context.Context, key string) (course.Course, error)
	SaveReport(ctx context.Context, buildID int64, r course.Report) error
	EndedBuilds(ctx context.Context, courseID, before int64) ([]course.Build, error)
	SetBuildHost(ctx context.Context, courseID int64, host string) error
	HoldCourse(ctx context.Context, key, host, gone string) (holder string, err error)
	ReleaseCourse(ctx context.Context, key, host string) error
	LeftCourses(ctx context.Context, host string) (keys []string, err error)
	Host(ctx context.Context, id string) (course.Host, error)
	PruneBuilds(ctx context.Context, courseID int64, keep int) (int, error)
}

// BuildSteps touch the build disk of one host.
type BuildSteps struct {
	Host        string // id of the build disk
	Disk        Disk
	Store       BuildStore
	Git         *gitrepo.Git
	Builder     build.Builder
	Slots       *host.Slots   // bound the build commands that run at once
	Agent       *host.Agent   // knows whether this host takes builds
	Checkouts   chan struct{} // its capacity bounds the runs of git at once
	Tidier      *Tidier       // makes room on the disk
	LocalSource string        // LOCAL_COURSE_SOURCE_PATH, empty: none
	Defaults    build.Defaults
	Env         build.EnvironmentFacts // the deployment's part
	Timeout     time.Duration          // of one build command
	Patience    EnginePatience         // zero: the usual one
	StopAfter   time.Duration          // how long a step may go on once the worker is told to stop; 0: no bound
	KeepBuilds  int                    // rows kept of a course; 0 keeps all
	Releases    *release.Depot         // pruned after a build
	Metrics     *Metrics
	Traces      Traces // nil: nothing is traced
}

func (b *BuildSteps) ledger() Ledger {
	return Ledger{Store: b.Store, Host: b.Agent, StopAfter: b.StopAfter, Metrics: b.Metrics, Traces: b.Traces}
}

// Checkout brings the course's source into its working copy on this host.
func (b *BuildSteps) Checkout(ctx context.Context, job Job) (CheckedOut, error) {
	out := CheckedOut{Host: b.Host}
	if err := b.accept(ctx); err != nil {
		return out, err
	}
	b.Slots.Expect(job.BuildID)
	err := b.ledger().attempt(ctx, job, "checkout", nil, func(ctx context.Context, a *attempt) error {
		unlock, err := b.Disk.Lock(ctx, job.CourseKey)
		if err != nil {
			return err
		}
		defer unlock()
		return b.checkOut(ctx, job, a, &out)
	})
	return out, b.checkedOut(job, err)
}

// checkedOut keeps a slot in mind for a build that was checked out: its command
// comes next.
func (b *BuildSteps) checkedOut(job Job, err error) error {
	if err != nil {
		b.Slots.Arrived(job.BuildID)
		return err
	}
	b.Slots.Expect(job.BuildID) // anew
	return nil
}

// checkOut does it for a caller that has the course's lock.
func (b *BuildSteps) checkOut(ctx context.Context, job Job, a *attempt, out *CheckedOut) error {
	log := a.log
	if err := b.room(ctx, log); err != nil {
		return err
	}
	if err := b.clear(ctx, job.CourseKey); err != nil {
		return b.awaitEngine(ctx, job.CourseKey, log, err)
	}
	leave, err := b.enterGit(ctx, log)
	if err != nil {
		return err
	}
	defer leave()
	c, err := b.Store.Course(ctx, job.CourseKey)
	if err != nil {
		return err
	}
	if c.BuildHost != b.Host && job.Options.PreviewBranch == "" {
		if err := b.Store.SetBuildHost(ctx, c.ID, b.Host); err != nil {
			return err
		}
	}
	// From now on the build counts as one of this host.
	if err := a.record(ctx, course.Facts{Host: b.Host}); err != nil {
		return err
	}
	facts, err := b.source(ctx, job, c, log, out)
	if err != nil {
		return err
	}
	if err := b.cleanLeftovers(ctx, job, log); err != nil {
		return err
	}
	return a.record(ctx, facts)
}

// source follows gitmanager's order: no fetch when asked so, else git, else the
// local folder for development, else what is there. It tells what the build's
// row is to say of the commit.
func (b *BuildSteps) source(ctx context.Context, job Job, c course.Course, log *buildlog.Writer, out *CheckedOut) (course.Facts, error) {
	dir := b.Disk.Course(copyOf(job))
	branch := c.GitBranch
	if b := job.Options.PreviewBranch; b != "" {
		branch = b
		log.Printf("This is a preview of the branch %s: it is not published, and neither A+ nor graders are told.", b)
		if c.GitOrigin == "" {
			return course.Facts{}, course.Authorf("the course has no git origin, so it has no branch to preview")
		}
	}
	switch {
	case job.Options.SkipGit:
		log.Printf("Fetching is skipped as asked; the build works on what is there.")
		out.Fresh = true
	case c.GitOrigin != "":
		r, err := b.Git.Checkout(ctx, gitrepo.CheckoutRequest{
			Dir: dir, Origin: c.GitOrigin, Branch: branch,
			Log: func(line string) { log.Printf("%s", line) },
		})
		b.Metrics.received(r.Received)
		out.Commit, out.Fresh = r.Commit, r.Fresh
		return commitFacts(r.Info), err
	case b.LocalSource != "":
		out.Fresh = true
		from := filepath.Join(b.LocalSource, job.CourseKey)
		log.Printf("Copying the course from the local source folder.")
		if err := copyTree(ctx, from, dir); err != nil {
			return course.Facts{}, err
		}
	default:
		log.Printf("The course has no git origin; the build works on what is there.")
		out.Fresh = true
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return course.Facts{}, course.Authorf("there is no working copy to build yet; give the course a git origin and build without skip_git")
	}
	commit, err := b.Git.Head(dir)
	if err != nil {
		return course.Facts{}, nil //nolint:nilerr // a working copy that is not git's has no commit
	}
	out.Commit = commit
	info, err := b.Git.Describe(dir, commit)
	if err != nil {
		return course.Facts{Commit: commit}, nil //nolint:nilerr // the build does not need to know more
	}
	return commitFacts(info), nil
}

func commitFacts(c gitrepo.Commit) course.Facts {
	return course.Facts{Commit: c.Hash, Author: c.Author.Name, Subject: c.Subject}
}

// plan decides what to run; nil means nothing. learn takes what the build's row
// is to say of it.
func (b *BuildSteps) plan(ctx context.Context, in Built, log printer, learn func(course.Facts) error) (*build.Request, error) {
	dir := b.Disk.Course(copyOf(in.Job))
	meta, err := readMeta(dir, log)
	if err != nil {
		return nil, err
	}
	facts := build.MetaFacts{Present: meta.Given, Image: meta.BuildImage, Command: meta.BuildCommand}
	plan, err := build.NewPlan(facts, course.BuildOptions(in.Job.Options), b.Defaults)
	if err != nil {
		return nil, err
	}
	log.Printf("%s", plan.Why)
	if plan.None {
		return nil, nil //nolint:nilnil // nothing to run is an answer, not an error
	}
	changed, err := b.environment(ctx, in)
	if err != nil {
		return nil, err
	}
	logChanged(log, changed)
	if err := learn(course.Facts{Changes: course.NewChanges(changed.ChangedFiles, changed.AllChanged)}); err != nil {
		return nil, err
	}
	env, err := build.Environment(changed)
	if err != nil {
		return nil, err
	}
	return &build.Request{
		CourseKey: in.Job.CourseKey,
		BuildID:   in.Job.BuildID,
		RunID:     activity.GetInfo(ctx).WorkflowExecution.RunID,
		Dir:       dir,
		Image:     plan.Image,
		Command:   plan.Command,
		Env:       env,
		Timeout:   b.Timeout,
	}, nil
}

// environment tells the build what changed since the last success.
func (b *BuildSteps) environment(ctx context.Context, in Built) (build.EnvironmentFacts, error) {
	facts := b.Env
	c, err := b.Store.Course(ctx, in.Job.CourseKey)
	if err != nil {
		return facts, err
	}
	facts.CourseKey, facts.RemoteID = c.Key, c.RemoteID
	facts.AllChanged = in.Fresh || in.Commit == "" || in.Job.Options.RebuildAll || in.Job.Options.SkipGit || in.Job.Options.PreviewBranch != ""
	if !facts.AllChanged {
		ended, err := b.Store.EndedBuilds(ctx, in.Job.CourseID, in.Job.BuildID)
		if err != nil {
			return facts, err
		}
		if n := len(ended); n > 0 && ended[n-1].Status == course.StatusSuccess && ended[n-1].Host != b.Host {
			ended = nil // what the last success left behind lies on another host
		}
		files, known, err := b.Git.ChangedFiles(ctx, b.Disk.Course(c.Key), in.Commit, ended)
		if err != nil {
			return facts, err
		}
		facts.ChangedFiles, facts.AllChanged = files, !known
	}
	return facts, nil
}

// logChanged names a few changed files; the build is told all of them.
func logChanged(log printer, f build.EnvironmentFacts) {
	const shown = 10
	switch {
	case f.AllChanged:
		log.Printf("Everything is built: changed files are unknown or were not asked for.")
	default:
		log.Printf("%d files changed since the last successful build.", len(f.ChangedFiles))
		for _, name := range f.ChangedFiles[:min(shown, len(f.ChangedFiles))] {
			log.Printf("  %s", name)
		}
	}
}

// Clean removes what the build left behind, except what the course excludes,
// and old rows and releases of the course. It is not tried again: the next
// checkout mends a copy that cannot be cleaned. What went wrong stands in the
// build's log.
func (b *BuildSteps) Clean(ctx context.Context, job Job) error {
	ctx, stop := keepAlive(ctx, vitals{})
	defer stop()
	unlock, err := b.Disk.Lock(ctx, job.CourseKey)
	if err != nil {
		return forTemporal(err)
	}
	defer unlock()
	return forTemporal(b.cleanUp(ctx, job))
}

// cleanUp does it for a caller that has the course's lock.
func (b *BuildSteps) cleanUp(ctx context.Context, job Job) error {
	if err := b.clear(ctx, job.CourseKey); err != nil {
		return err
	}
	log := buildlog.NewWriter(context.WithoutCancel(ctx), b.Store, job.BuildID)
	err := b.cleanCopy(ctx, job, log)
	if err != nil {
		log.Printf("warning: the working copy is not clean: %v", err)
	} else {
		err = b.Disk.noteClean(copyOf(job))
	}
	if b.KeepBuilds > 0 {
		_, pruneErr := b.Store.PruneBuilds(ctx, job.CourseID, b.KeepBuilds)
		err = errors.Join(err, pruneErr)
	}
	_, pruneErr := b.Releases.Prune(ctx, job.CourseKey)
	logErr := log.Close()
	if errors.Is(logErr, course.ErrNotFound) {
		logErr = nil // the course was removed meanwhile
	}
	return errors.Join(err, pruneErr, logErr)
}

// cleanLeftovers cleans a working copy after a build that ended without it, such
// as one whose workflow was terminated or whose host died.
func (b *BuildSteps) cleanLeftovers(ctx context.Context, job Job, log *buildlog.Writer) error {
	unclean, err := b.Disk.unclean(copyOf(job))
	if err != nil || !unclean {
		return err
	}
	log.Printf("The last build on this host was not cleaned up after; cleaning now.")
	if err := b.cleanCopy(ctx, job, log); err != nil {
		log.Printf("warning: the working copy is not clean: %v", err)
		return nil
	}
	return b.Disk.noteClean(copyOf(job))
}

// cleanCopy cleans a working copy; a copy that is not git's is left as it is. Of
// a preview nothing is kept: the next one may be of another branch.
func (b *BuildSteps) cleanCopy(ctx context.Context, job Job, log *buildlog.Writer) error {
	dir := b.Disk.Course(copyOf(job))
	meta, _, err := courseconfig.ReadMeta(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var keep []string
	if meta.ExcludePatterns != nil && job.Options.PreviewBranch == "" {
		if keep, err = build.Split(*meta.ExcludePatterns); err != nil {
			return fmt.Errorf("exclude_patterns in apps.meta: %w", err)
		}
	}
	err = b.Git.Clean(ctx, dir, keep, func(line string) { log.Printf("%s", line) })
	if errors.Is(err, course.ErrNotFound) {
		return nil // a copy of a local source
	}
	return err
}

// RemoveWorkingCopy removes a course from this host's build disk.
func (b *BuildSteps) RemoveWorkingCopy(ctx context.Context, in Removal) error {
	ctx, stop := keepAlive(ctx, vitals{})
	defer stop()
	unlock, err := b.Disk.Lock(ctx, in.CourseKey)
	if err != nil {
		return forTemporal(err)
	}
	defer unlock()
	if err := b.clear(ctx, in.CourseKey); err != nil {
		return forTemporal(err)
	}
	return forTemporal(b.Disk.Remove(in.CourseKey))
}
