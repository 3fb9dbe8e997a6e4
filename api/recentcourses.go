package api

import (
	"context"
	"time"

	"coursewright/internal/course"
)

// recentFor is how old the row of a course may be that a document is served by.
// It spares the database the bursts of requests for one course, and is shorter
// than what anybody could notice between changing a course and asking for it.
const recentFor = 200 * time.Millisecond

// maxRecentCourses bounds the rows that are kept.
const maxRecentCourses = 1000

// recentCourses finds courses as they are or were a moment ago. What is not
// found is asked for again each time.
type recentCourses struct {
	courses courseFinder
	cache   *boundedCache[string, recentCourse]
	now     func() time.Time
}

type recentCourse struct {
	row  course.Course
	read time.Time // when the question was asked
}

func newRecentCourses(courses courseFinder) (*recentCourses, error) {
	cache, err := newBoundedCache[string](maxRecentCourses, maxRecentCourses, func(recentCourse) int { return 1 })
	return &recentCourses{courses: courses, cache: cache, now: time.Now}, err
}

// Course finds a course by key, ErrNotFound otherwise.
func (r *recentCourses) Course(ctx context.Context, key string) (course.Course, error) {
	now := r.now()
	known, ok := r.cache.get(key)
	ok = ok && now.Sub(known.read) < recentFor
	r.cache.tell(ok)
	if ok {
		return known.row, nil
	}
	row, err := r.courses.Course(ctx, key)
	if err == nil {
		r.cache.add(key, recentCourse{row: row, read: now})
	}
	return row, err
}
