package api

import (
	"time"

	"coursewright/internal/course"
)

// maxRecentVersions bounds the courses of which it is remembered what was served.
const maxRecentVersions = 1000

// servedVersion names what of a course is served.
type servedVersion struct {
	version string
	source  source
}

// recentVersions remembers for a moment which version of a course was served: the
// links that tell it are read once for all requests of that moment. It is no longer
// than those wait who switch a link, so that who knows of a switch sees it.
type recentVersions struct {
	cache *boundedCache[recentKey, recentVersion]
	lag   time.Duration
	now   func() time.Time
}

// recentKey is what the choice of a version depends on.
type recentKey struct {
	course        string
	skipFailsafes bool
}

type recentVersion struct {
	servedVersion
	asked time.Time // before the links were read
}

func newRecentVersions(lag time.Duration) (*recentVersions, error) {
	cache, err := newBoundedCache[recentKey](maxRecentVersions, maxRecentVersions, func(recentVersion) int { return 1 })
	return &recentVersions{cache: cache, lag: lag, now: time.Now}, err
}

func recentKeyOf(c course.Course) recentKey {
	return recentKey{course: c.Key, skipFailsafes: c.SkipBuildFailsafes}
}

// get gives what is served at a moment, if that is known.
func (r *recentVersions) get(of course.Course, at time.Time) (servedVersion, bool) {
	known, ok := r.cache.get(recentKeyOf(of))
	return known.servedVersion, ok && at.Sub(known.asked) < r.lag
}

// add remembers what was found by looking that began at a moment.
func (r *recentVersions) add(of course.Course, at time.Time, found servedVersion) {
	r.cache.add(recentKeyOf(of), recentVersion{servedVersion: found, asked: at})
}
