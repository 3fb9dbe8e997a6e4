package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"coursewright/internal/course"
)

// courseSettings are the fields of a course that callers set. Their names are
// those of gitmanager.
type courseSettings struct {
	Key                 string `json:"key"`
	RemoteID            *int64 `json:"remote_id"`
	GitOrigin           string `json:"git_origin"`
	GitBranch           string `json:"git_branch"`
	UpdateHook          string `json:"update_hook"`
	EmailOnError        bool   `json:"email_on_error"`
	UpdateAutomatically bool   `json:"update_automatically"`
	SkipBuildFailsafes  bool   `json:"skip_build_failsafes"`
	WebhookSecret       string `json:"webhook_secret,omitempty"` // for callers with Write access
}

// newCourseSettings leaves the secret out.
func newCourseSettings(c course.Course) courseSettings {
	return courseSettings{
		Key: c.Key, RemoteID: c.RemoteID, GitOrigin: c.GitOrigin, GitBranch: c.GitBranch, UpdateHook: c.UpdateHook,
		EmailOnError: c.EmailOnError, UpdateAutomatically: c.UpdateAutomatically, SkipBuildFailsafes: c.SkipBuildFailsafes,
	}
}

// withOrigin shows another origin.
func (s courseSettings) withOrigin(origin string) courseSettings {
	s.GitOrigin = origin
	return s
}

// courseBody is a course as the REST API shows it.
type courseBody struct {
	courseSettings
	ApproveRemovals bool `json:"approve_removals"`
	PreviewBranches bool `json:"preview_branches"`

	CreatedAt   time.Time    `json:"created_at"`
	HookURL     string       `json:"hook_url"`
	LatestBuild *buildBody   `json:"latest_build"`
	Stored      *releaseBody `json:"stored"`
	Published   *releaseBody `json:"published"`
}

// courseView makes courseBody of a course.
type courseView struct {
	addresses *Addresses
	rows      BuildRows
	releases  Releases
	log       *slog.Logger
}

// one shows a course with its webhook secret, for callers with Write access.
func (v courseView) one(r *http.Request, c course.Course, secret bool) (courseBody, error) {
	bodies, err := v.many(r, []course.Course{c})
	if err != nil {
		return courseBody{}, err
	}
	if secret {
		bodies[0].WebhookSecret = c.WebhookSecret
		bodies[0].GitOrigin = c.GitOrigin
	}
	return bodies[0], nil
}

// many shows courses without their secrets.
func (v courseView) many(r *http.Request, list []course.Course) ([]courseBody, error) {
	ids := make([]int64, 0, len(list))
	for _, c := range list {
		ids = append(ids, c.ID)
	}
	latest, err := v.latest(r.Context(), ids)
	if err != nil {
		return nil, err
	}
	out := make([]courseBody, 0, len(list))
	for _, c := range list {
		b := courseBody{
			courseSettings:  newCourseSettings(c).withOrigin(c.ShownOrigin()),
			ApproveRemovals: c.ApproveRemovals, PreviewBranches: c.PreviewBranches, CreatedAt: c.CreatedAt, HookURL: v.addresses.hook(r, c.Key),
		}
		if build, ok := latest[c.ID]; ok {
			b.LatestBuild = new(newBuildBody(build))
			b.LatestBuild.Steps = nil
		}
		b.Stored = v.summary(r.Context(), c.Key, v.releases.Stored)
		b.Published = v.summary(r.Context(), c.Key, v.releases.Published)
		out = append(out, b)
	}
	return out, nil
}

func (v courseView) latest(ctx context.Context, ids []int64) (map[int64]course.Build, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return v.rows.LatestBuilds(ctx, ids)
}

// summary shows a release that may not exist. One that cannot be read must not
// hide the course, nor the others of a list.
func (v courseView) summary(ctx context.Context, key string, find func(key string) (course.Release, error)) *releaseBody {
	r, err := find(key)
	if err != nil {
		if !isNotFound(err) {
			v.log.ErrorContext(ctx, "release cannot be read", "course", key, "error", err)
		}
		return nil
	}
	return new(newReleaseBody(r))
}

// readOnlyFields are fields that answers hold and requests may repeat without effect.
func readOnlyFields() []string {
	return []string{"webhook_secret", "created_at", "hook_url", "latest_build", "stored", "published"}
}

// fillCourse puts the fields of a request into c and validates the result. The
// old key is that of the course so far, empty for a new one.
func fillCourse(o *object, c *course.Course, oldKey string) error {
	const wantText, wantBool = "Give a text.", "Give true or false."
	take(o, "key", wantText, &c.Key)
	take(o, "remote_id", "Give a whole number, or null while A+ does not know the course.", &c.RemoteID)
	take(o, "git_origin", wantText, &c.GitOrigin)
	take(o, "git_branch", wantText, &c.GitBranch)
	take(o, "update_hook", wantText, &c.UpdateHook)
	take(o, "email_on_error", wantBool, &c.EmailOnError)
	take(o, "update_automatically", wantBool, &c.UpdateAutomatically)
	take(o, "skip_build_failsafes", wantBool, &c.SkipBuildFailsafes)
	take(o, "approve_removals", wantBool, &c.ApproveRemovals)
	take(o, "preview_branches", wantBool, &c.PreviewBranches)
	o.ignore(readOnlyFields()...)
	return o.finish(c.ValidateChange(oldKey))
}
