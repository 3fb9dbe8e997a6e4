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
}

// Releases compares the releases of courses. It is safe for concurrent use.
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
	d.Items, err = r.items(d)
	return d, err
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
