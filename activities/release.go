package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"coursewright/internal/buildlog"
	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
	"coursewright/internal/host"
	"coursewright/internal/release"
)

// ReleaseSteps turn a built working copy into a stored release.
type ReleaseSteps struct {
	Disk     Disk
	Store    BuildStore
	Agent    *host.Agent // hears how the steps go
	Releases *release.Depot
	Graders  Graders
	Config   courseconfig.Settings // the deployment's part; the key is filled in per course
	Metrics  *Metrics
	Traces   Traces // nil: nothing is traced
}

func (r *ReleaseSteps) ledger() Ledger {
	return Ledger{Store: r.Store, Host: r.Agent, Metrics: r.Metrics, Traces: r.Traces}
}

// StageRelease validates what was built, makes a release of it and commits it.
// They are one activity: staging again means validating again, and each
// activity is a round trip. When graders have to agree first it only validates
// and says how many they are.
func (r *ReleaseSteps) StageRelease(ctx context.Context, in Built) (Staged, error) {
	unlock, err := r.Disk.Lock(ctx, in.Job.CourseKey)
	if err != nil {
		return Staged{}, forTemporal(err)
	}
	defer unlock()
	return r.release(ctx, in)
}

// release does it for a caller that has the course's lock.
func (r *ReleaseSteps) release(ctx context.Context, in Built) (Staged, error) {
	c, err := r.Store.Course(ctx, in.Job.CourseKey)
	if err != nil {
		return Staged{}, forTemporal(err)
	}
	// Perhaps an earlier try has committed it and its answer was lost.
	if done, err := r.committed(in.Job); err != nil {
		return Staged{}, forTemporal(err)
	} else if done {
		return Staged{}, r.noteCommitted(ctx, in.Job)
	}
	loaded, warnings, err := r.validated(ctx, c, in)
	if err != nil {
		return Staged{}, forTemporal(err)
	}
	if n := len(loaded.Configures()); n != in.Graders && in.Job.Options.PreviewBranch == "" {
		return Staged{Graders: n}, nil
	}
	err = r.ledger().step(ctx, in.Job, "store", func(ctx context.Context, log *buildlog.Writer) error {
		return r.stage(ctx, validCourse{c, loaded, warnings}, in, log)
	})
	if err != nil {
		return Staged{}, err
	}
	return Staged{}, r.commit(ctx, in.Job)
}

// validCourse is a course whose configuration is in order.
type validCourse struct {
	course.Course
	config   *courseconfig.Course
	warnings []course.Diagnostic
}

// validated loads the configuration. It is a step of the build the first time;
// after the graders were configured it is only read again.
func (r *ReleaseSteps) validated(ctx context.Context, c course.Course, in Built) (loaded *courseconfig.Course, warnings []course.Diagnostic, err error) {
	if in.Graders > 0 {
		loaded, report, err := r.load(ctx, c, in.Job)
		return loaded, report.Warnings, err
	}
	err = r.ledger().step(ctx, in.Job, "validate", func(ctx context.Context, log *buildlog.Writer) error {
		var report courseconfig.Report
		loaded, report, err = r.load(ctx, c, in.Job)
		warnings = report.Warnings
		if len(report.Errors)+len(report.Warnings) > 0 {
			log.Printf("%s", report.Text(r.Disk.Course(copyOf(in.Job))))
		}
		courseconfig.AddExcerpts(r.Disk.Course(copyOf(in.Job)), report.Errors, report.Warnings)
		if saveErr := r.Store.SaveReport(ctx, in.Job.BuildID, course.Report{Errors: report.Errors, Warnings: report.Warnings}); saveErr != nil {
			return saveErr
		}
		return err
	})
	return loaded, warnings, err
}

// load reads the whole configuration and tells every problem at once.
func (r *ReleaseSteps) load(ctx context.Context, c course.Course, job Job) (*courseconfig.Course, courseconfig.Report, error) {
	settings := r.Config
	settings.Key = c.Key
	loaded, report, err := courseconfig.Load(ctx, r.Disk.Course(copyOf(job)), settings)
	if err != nil {
		return nil, courseconfig.Report{}, err
	}
	if n := report.CountErrors(); n > 0 {
		what := "1 error"
		if n > 1 {
			what = fmt.Sprintf("%d errors", n)
		}
		err = course.Authorf("the course configuration has %s, the first is: %s", what, report.Errors[0])
	}
	return loaded, *report, err
}

func (r *ReleaseSteps) stage(ctx context.Context, c validCourse, in Built, log *buildlog.Writer) error {
	docs, err := r.documents(in, c.config)
	if err != nil {
		return err
	}
	begun := time.Now()
	unprotected, given := c.config.UnprotectedPaths()
	staged, err := r.Releases.Stage(ctx, release.StageRequest{
		Key: c.Key, Version: in.Job.Version, BuildID: in.Job.BuildID, Commit: in.Commit, Preview: in.Job.Options.PreviewBranch, RemoteID: c.RemoteID,
		SourceDir: r.Disk.Course(copyOf(in.Job)),
		CachePath: r.Disk.Cache(copyOf(in.Job)),
		StaticDir: c.config.StaticDir(), UnprotectedPaths: unprotected, HasUnprotected: given,
		Files: c.config.Files(),
		Docs:  docs,
	})
	if saveErr := r.saveStaged(ctx, in.Job, c.warnings, staged.Warnings, err); saveErr != nil {
		return saveErr
	}
	if err != nil {
		return err
	}
	for _, w := range staged.Warnings {
		log.Printf("warning: %s", w)
	}
	r.Metrics.staged(staged)
	log.Printf("Stored %d files, %d of them new or changed, in %s.", staged.Files, staged.Added, seconds(time.Since(begun)))
	return nil
}

// saveStaged adds what staging found to what validation found.
func (r *ReleaseSteps) saveStaged(ctx context.Context, job Job, before, warnings []course.Diagnostic, err error) error {
	report := course.Report{Warnings: slices.Concat(before, warnings)}
	var author *course.AuthorError
	if errors.As(err, &author) {
		report.Errors = author.Diagnostics
	}
	if len(report.Errors)+len(warnings) == 0 {
		return nil
	}
	return r.Store.SaveReport(ctx, job.BuildID, report)
}

// documents makes them of a build; see Documents.
func (r *ReleaseSteps) documents(in Built, loaded *courseconfig.Course) (map[string][]byte, error) {
	defaults, err := r.Disk.readDefaults(in.Job, in.Graders)
	if err != nil {
		return nil, err
	}
	return Documents(loaded, defaults)
}

// Documents makes what is kept beside the content of a release from its
// configuration and what graders answered.
func Documents(loaded *courseconfig.Course, defaults map[string]json.RawMessage) (map[string][]byte, error) {
	lms, err := loaded.Document(defaults)
	if err != nil {
		return nil, err
	}
	answers, err := json.Marshal(defaults)
	if err != nil {
		return nil, fmt.Errorf("the graders' answers: %w", err)
	}
	urls := []string{}
	for _, c := range loaded.Configures() {
		urls = append(urls, c.URL)
	}
	graders, err := json.Marshal(urls)
	if err != nil {
		return nil, fmt.Errorf("the list of graders: %w", err)
	}
	compiled, err := loaded.Compiled()
	if err != nil {
		return nil, fmt.Errorf("the compiled course: %w", err)
	}
	return map[string][]byte{"lms.json": lms, "course.json": compiled, "defaults.json": answers, gradersDoc: graders}, nil
}

// commit puts the staged release in place, unless a newer build did.
func (r *ReleaseSteps) commit(ctx context.Context, job Job) error {
	return r.ledger().attempt(ctx, job, "commit", nil, func(ctx context.Context, a *attempt) error {
		if err := a.record(ctx, course.Facts{}); err != nil {
			return err // a later try commits
		}
		if job.Options.PreviewBranch != "" {
			return r.commitPreview(ctx, job, a)
		}
		if err := r.Releases.Commit(ctx, job.CourseKey, job.Version); err != nil {
			return err
		}
		r.Metrics.committed(job)
		a.log.Printf("Release %s is stored.", job.Version)
		if err := r.Disk.dropDefaults(job.CourseKey); err != nil {
			return err
		}
		return a.record(ctx, course.Facts{Version: job.Version})
	})
}

func (r *ReleaseSteps) commitPreview(ctx context.Context, job Job, a *attempt) error {
	if err := r.Releases.CommitPreview(ctx, job.CourseKey, job.Version); err != nil {
		return err
	}
	a.log.Printf("The preview is stored as release %s.", job.Version)
	return a.record(ctx, course.Facts{Version: job.Version})
}

// noteCommitted has the build's row name the release that an earlier try has
// committed, should that have been its last.
func (r *ReleaseSteps) noteCommitted(ctx context.Context, job Job) error {
	b, err := r.Store.Build(ctx, job.BuildID)
	if err != nil || b.Version == job.Version {
		return forTemporal(err)
	}
	return r.ledger().attempt(ctx, job, "commit", nil, func(ctx context.Context, a *attempt) error {
		return a.record(ctx, course.Facts{Version: job.Version})
	})
}

// committed says whether the job's release was committed by an earlier try.
func (r *ReleaseSteps) committed(job Job) (bool, error) {
	if job.Options.PreviewBranch != "" {
		return r.Releases.HasPreview(job.CourseKey, job.Version)
	}
	return r.Releases.Committed(job.CourseKey, job.Version)
}

// readMeta reads apps.meta of a working copy.
func readMeta(dir string, log printer) (courseconfig.Meta, error) {
	meta, warnings, err := courseconfig.ReadMeta(dir)
	if errors.Is(err, os.ErrNotExist) {
		return meta, course.Authorf("there is no working copy to build; build without skip_git")
	}
	for _, w := range warnings {
		log.Printf("warning: %s", w)
	}
	return meta, err
}
