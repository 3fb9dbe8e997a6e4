package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"coursewright/internal/buildlog"
	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
	"coursewright/internal/release"
)

// ReleaseSteps turn a built working copy into a stored release.
type ReleaseSteps struct {
	Disk     Disk
	Store    BuildStore
	Releases *release.Depot
	Config   courseconfig.Settings // the deployment's part; the key is filled in per course
}

func (r *ReleaseSteps) ledger() Ledger { return Ledger{Steps: r.Store, Logs: r.Store} }

// StageRelease validates what was built and makes a release of it. The two are
// one activity: staging again means validating again. A course that no grader
// has to agree to is committed at once, which saves a round trip.
func (r *ReleaseSteps) StageRelease(ctx context.Context, in Built) (Staged, error) {
	unlock, err := r.Disk.Lock(ctx, in.Job.CourseKey)
	if err != nil {
		return Staged{}, forTemporal(err)
	}
	defer unlock()
	c, err := r.Store.Course(ctx, in.Job.CourseKey)
	if err != nil {
		return Staged{}, forTemporal(err)
	}
	if r.committed(in.Job) {
		return Staged{Committed: true}, nil
	}
	var loaded *courseconfig.Course
	err = r.ledger().step(ctx, in.Job, "validate", func(ctx context.Context, log *buildlog.Writer) error {
		loaded, err = r.validate(ctx, c, log)
		return err
	})
	if err != nil {
		return Staged{}, err
	}
	err = r.ledger().step(ctx, in.Job, "store", func(ctx context.Context, log *buildlog.Writer) error {
		return r.stage(ctx, c, in, loaded, log)
	})
	if err != nil || len(loaded.Configures()) > 0 {
		return Staged{}, err
	}
	return Staged{Committed: true}, r.CommitRelease(ctx, in.Job)
}

// committed says whether an earlier try, whose answer was lost, has committed
// the release already. Perhaps it is published by now.
func (r *ReleaseSteps) committed(job Job) bool {
	for _, find := range []func(string) (course.Release, error){r.Releases.Stored, r.Releases.Published} {
		if rel, err := find(job.CourseKey); err == nil && rel.Version == job.Version {
			return true
		}
	}
	return false
}

// validate loads the whole configuration and tells every problem at once.
func (r *ReleaseSteps) validate(ctx context.Context, c course.Course, log *buildlog.Writer) (*courseconfig.Course, error) {
	settings := r.Config
	settings.Key = c.Key
	loaded, report, err := courseconfig.Load(ctx, r.Disk.Course(c.Key), settings)
	if err != nil {
		return nil, err
	}
	for _, w := range report.Warnings {
		log.Printf("warning: %s", w)
	}
	if n := len(report.Errors); n > 0 {
		what := "1 error"
		if n > 1 {
			what = fmt.Sprintf("%d errors", n)
		}
		return nil, &course.AuthorError{
			Message:     fmt.Sprintf("the course configuration has %s, the first is: %s", what, report.Errors[0]),
			Diagnostics: report.Errors,
		}
	}
	return loaded, nil
}

func (r *ReleaseSteps) stage(ctx context.Context, c course.Course, in Built, loaded *courseconfig.Course, log *buildlog.Writer) error {
	document, err := loaded.Document(nil)
	if err != nil {
		return err
	}
	if n := len(loaded.Configures()); n > 0 {
		log.Printf("warning: the course configures %d graders; this version does not tell graders, so their exercises have no addresses", n)
	}
	begun := time.Now()
	unprotected, given := loaded.UnprotectedPaths()
	staged, err := r.Releases.Stage(ctx, release.StageRequest{
		Key: c.Key, Version: in.Job.Version, BuildID: in.Job.BuildID, Commit: in.Commit, RemoteID: c.RemoteID,
		SourceDir: r.Disk.Course(c.Key),
		CachePath: r.Disk.Cache(c.Key),
		StaticDir: loaded.StaticDir(), UnprotectedPaths: unprotected, HasUnprotected: given,
		Files: loaded.Files(),
		Docs:  map[string][]byte{"lms.json": document, "defaults.json": []byte("{}")},
	})
	if err != nil {
		return err
	}
	for _, w := range staged.Warnings {
		log.Printf("warning: %s", w)
	}
	log.Printf("Stored %d files, %d of them new or changed, in %s.", staged.Files, staged.Added, seconds(time.Since(begun)))
	return nil
}

// CommitRelease puts the staged release in place, unless a newer build did.
func (r *ReleaseSteps) CommitRelease(ctx context.Context, job Job) error {
	return r.ledger().step(ctx, job, "commit", func(ctx context.Context, log *buildlog.Writer) error {
		if err := r.Releases.Commit(ctx, job.CourseKey, job.Version); err != nil {
			return err
		}
		log.Printf("Release %s is stored.", job.Version)
		return r.Store.RecordFacts(ctx, job.BuildID, course.Facts{Version: job.Version})
	})
}

// readMeta reads apps.meta of a working copy.
func readMeta(dir string, log *buildlog.Writer) (courseconfig.Meta, error) {
	meta, warnings, err := courseconfig.ReadMeta(dir)
	if errors.Is(err, os.ErrNotExist) {
		return meta, course.Authorf("there is no working copy to build; build without skip_git")
	}
	for _, w := range warnings {
		log.Printf("warning: %s", w)
	}
	return meta, err
}
