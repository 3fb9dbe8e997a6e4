package web

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"coursewright/internal/course"
)

// Diffs compares releases and keeps approvals of them.
type Diffs interface {
	// Diff compares a release with another one, by default with the published one.
	Diff(key, version, against string) (course.Diff, error)
	// Waiting says whether a release must not be published before somebody has
	// approved it.
	Waiting(c course.Course, version string) (d course.Diff, waits bool, err error)
	// Approval gives a release's approval, course.ErrNotFound without one.
	Approval(r course.Release) (course.Approval, error)
	// Approve notes an approval and tells what was approved.
	Approve(key, version, against string, a course.Approval) (course.Diff, error)
}

// Announcer does for a release that was approved what else follows its build.
type Announcer interface {
	Announce(ctx context.Context, r course.Release, by string) error
}

// Previews lists the previews of a course's branches, newest first.
type Previews interface {
	Previews(key string) ([]course.Release, error)
}

// diffPage shows what a release changes.
type diffPage struct {
	Title    string
	Tab      string
	Course   course.Course
	Write    bool
	Diff     course.Diff
	Waits    bool             // for an approval
	Approval *course.Approval // nil: nobody has approved it
	Others   []course.Release // that it can be compared with
}

// shownChange is how the pages name a kind of change.
var changeNames = map[course.DiffChange]string{
	course.DiffAdded: key("added"), course.DiffRemoved: key("removed"), course.DiffRenamed: key("renamed"),
	course.DiffMoved: key("moved"), course.DiffChanged: key("changed"),
}

var kindNames = map[course.DiffKind]string{
	course.DiffCourse: key("course"), course.DiffCategory: key("category"), course.DiffModule: key("module"),
	course.DiffChapter: key("chapter"), course.DiffExercise: key("exercise"),
}

// diff shows what a release changes compared with the published one, or with the
// one that the query names.
func (s *site) diff(w http.ResponseWriter, r *http.Request) error {
	c, err := s.find(r, false)
	if err != nil {
		return err
	}
	version, against := r.PathValue("version"), r.URL.Query().Get("against")
	if !course.ValidVersion(version) || against != "" && !course.ValidVersion(against) {
		return errNoPage
	}
	page := diffPage{Title: s.printer(r).T("Changes of release %s", short(version)), Tab: "overview", Course: c, Write: s.May(r, true, c)}
	if page.Diff, err = s.Diffs.Diff(c.Key, version, against); err != nil {
		return err
	}
	if page.Diff.Incomparable != "" {
		s.Log.ErrorContext(r.Context(), "releases cannot be compared", "course", c.Key, "version", version, "error", page.Diff.Incomparable)
	}
	if _, page.Waits, err = s.Diffs.Waiting(c, version); err != nil {
		return err
	}
	approval, err := s.Diffs.Approval(page.Diff.New)
	if err == nil {
		page.Approval = &approval
	} else if !errors.Is(err, course.ErrNotFound) {
		return err
	}
	if page.Others, err = s.Releases.Releases(c.Key); err != nil {
		return err
	}
	page.Others = slices.DeleteFunc(slices.Clone(page.Others), func(o course.Release) bool { return o.Version == version })
	return s.render(w, r, http.StatusOK, "diff.html", page)
}

// approve lets a release be published although it takes exercises from A+.
func (s *site) approve(w http.ResponseWriter, r *http.Request) error {
	c, err := s.find(r, true)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	version := r.PathValue("version")
	if !course.ValidVersion(version) {
		return errNoPage
	}
	by := s.Caller(r)
	d, err := s.Diffs.Approve(c.Key, version, r.PostForm.Get("against"), course.Approval{By: by, At: s.Now()})
	if err != nil {
		return err
	}
	s.Audit(r, "APPROVE-RELEASE", c.Key, "version", version, "against", d.Old.Version, "build", d.New.BuildID, "dangerous", len(d.Dangerous()))
	if s.Announcer != nil {
		if err := s.Announcer.Announce(r.Context(), d.New, by); err != nil {
			// It is approved all the same: whoever publishes it now may.
			s.Log.ErrorContext(r.Context(), "an approved release is not announced", "course", c.Key, "version", version, "error", err)
		}
	}
	http.Redirect(w, r, "/gitmanager/"+c.Key+"/updates?done=approved", http.StatusSeeOther)
	return nil
}

// addChanges adds what the waiting release changes, and the previews. The page is
// of use without them.
func (s *site) addChanges(ctx context.Context, page *coursePage) {
	trouble := func(what string, err error) {
		if err != nil && !errors.Is(err, course.ErrNotFound) {
			s.Log.ErrorContext(ctx, what, "course", page.Course.Key, "error", err)
		}
	}
	if s.Diffs != nil && page.Waits() {
		d, waits, err := s.Diffs.Waiting(page.Course, page.Stored.Version)
		trouble("the waiting release cannot be compared", err)
		if err == nil {
			page.Diff, page.Held = &d, waits
		}
	}
	if s.Previews != nil {
		var err error
		page.Previews, err = s.Previews.Previews(page.Course.Key)
		trouble("previews cannot be listed", err)
	}
}
