package coursediff

import (
	"errors"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"

	"coursewright/internal/course"
)

// maxKnown bounds the comparisons that are kept: pages ask for the same one
// again and again while a release waits.
const maxKnown = 256

// Depot finds releases; where there is none the error is course.ErrNotFound.
type Depot interface {
	// Release finds a release of any kind by its version.
	Release(key, version string) (course.Release, error)
	// Stored gives the newest release that awaits publishing.
	Stored(key string) (course.Release, error)
	// Published gives the release that students see.
	Published(key string) (course.Release, error)
	// Document gives a release's A+ document.
	Document(r course.Release) ([]byte, error)
	// Approval gives what is noted on a release about its approval.
	Approval(r course.Release) (course.Approval, error)
	// Approve notes it.
	Approve(r course.Release, a course.Approval) error
}

// Releases compares the releases of courses and knows which of them wait for an
// approval. It is safe for concurrent use.
type Releases struct {
	depot Depot
	known *lru.Cache[[3]string, []course.DiffItem] // by course and versions: a release never changes
}

// NewReleases compares the releases of a depot.
func NewReleases(d Depot) (*Releases, error) {
	known, err := lru.New[[3]string, []course.DiffItem](maxKnown)
	if err != nil {
		return nil, fmt.Errorf("differences of releases: %w", err)
	}
	return &Releases{depot: d, known: known}, nil
}

// Diff compares a release with another one. An empty version is the stored
// release, else the published one; against, when empty, is the published one. A
// course of which nothing is published is compared with nothing: all of it is
// added. ErrNotFound when there is no such release.
func (r *Releases) Diff(key, version, against string) (course.Diff, error) {
	var d course.Diff
	var err error
	if d.New, err = r.newest(key, version); err != nil {
		return d, err
	}
	if against == "" {
		if d.Old, err = r.depot.Published(key); errors.Is(err, course.ErrNotFound) {
			d.Old, err = course.Release{}, nil
		}
	} else {
		d.Old, err = r.depot.Release(key, against)
	}
	if err != nil {
		return d, err
	}
	if d.Items, err = r.items(d); err != nil {
		// Damage to one release must not hide the other, nor that there is something
		// to look at.
		d.Incomparable = "the releases cannot be compared: " + err.Error()
	}
	return d, nil
}

// Waiting says whether the release must not be published yet: the course wants
// releases approved that take exercises from A+ by which students have points,
// this one does, and nobody has approved it for what is published now. A release
// that cannot be compared counts as one that does.
func (r *Releases) Waiting(c course.Course, version string) (d course.Diff, waits bool, err error) {
	d, err = r.Diff(c.Key, version, "")
	if err != nil || !c.ApproveRemovals || d.Old.Version == "" || d.Old.Version == d.New.Version {
		return d, false, err
	}
	if d.Incomparable == "" && len(d.Dangerous()) == 0 {
		return d, false, nil
	}
	approval, err := r.depot.Approval(d.New)
	if errors.Is(err, course.ErrNotFound) {
		return d, true, nil
	}
	return d, err != nil || approval.Against != d.Old.Version, err
}

// Approval gives what is noted on a release about its approval, ErrNotFound when
// nothing is.
func (r *Releases) Approval(rel course.Release) (course.Approval, error) {
	return r.depot.Approval(rel)
}

func (r *Releases) newest(key, version string) (course.Release, error) {
	if version != "" {
		return r.depot.Release(key, version)
	}
	rel, err := r.depot.Stored(key)
	if errors.Is(err, course.ErrNotFound) {
		return r.depot.Published(key)
	}
	return rel, err
}

func (r *Releases) items(d course.Diff) ([]course.DiffItem, error) {
	id := [3]string{d.New.Key, d.Old.Version, d.New.Version}
	if items, ok := r.known.Get(id); ok {
		return items, nil
	}
	before := []byte("{}")
	var err error
	if d.Old.Version != "" {
		if before, err = r.depot.Document(d.Old); err != nil {
			return nil, err
		}
	}
	after, err := r.depot.Document(d.New)
	if err != nil {
		return nil, err
	}
	items, err := Compare(before, after)
	if err != nil {
		return nil, fmt.Errorf("compare releases %s and %s of %s: %w", d.Old.Version, d.New.Version, d.New.Key, err)
	}
	r.known.Add(id, items)
	return items, nil
}

// Approve lets a release be published although it takes exercises from A+. The
// approval holds for this release in the place of the one that is published now;
// against, unless it is empty, is the one that the caller has looked at. It gives
// what was approved. ErrConflict: another one is published, or there is nothing
// to approve. ErrNotFound: there is no such release.
func (r *Releases) Approve(key, version, against string, a course.Approval) (course.Diff, error) {
	d, err := r.Diff(key, version, "")
	if err != nil {
		return d, err
	}
	refuse := func(format string, args ...any) (course.Diff, error) {
		return d, fmt.Errorf(format+": %w", append(args, course.ErrConflict)...)
	}
	switch {
	case d.New.Preview != "":
		return refuse("a preview of a branch is never published")
	case d.Old.Version == "":
		return refuse("nothing of the course is published yet, so there is nothing to approve")
	case d.Old.Version == d.New.Version:
		return refuse("the release is published already")
	case against != "" && against != d.Old.Version:
		return refuse("release %s is published by now, not %s; look again at what changes", d.Old.Version, against)
	}
	a.Against = d.Old.Version
	return d, r.depot.Approve(d.New, a)
}
