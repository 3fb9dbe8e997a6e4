package web

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"coursewright/internal/course"
)

// find gives the course that the path names, if the caller may see it (or
// change it).
func (s *site) find(r *http.Request, write bool) (course.Course, error) {
	key := r.PathValue("key")
	if !course.ValidKey(key) {
		return course.Course{}, errNoPage
	}
	c, err := s.Courses.Course(r.Context(), key)
	if err != nil {
		return c, err
	}
	if !s.May(r, write, c) {
		return c, fmt.Errorf("no access to course %s: %w", key, course.ErrDenied)
	}
	return c, nil
}

// findBuild gives the course and the build that the path names.
func (s *site) findBuild(r *http.Request, write bool) (course.Course, course.Build, error) {
	c, err := s.find(r, write)
	if err != nil {
		return c, course.Build{}, err
	}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return c, course.Build{}, errNoPage
	}
	b, err := s.Rows.Build(r.Context(), id)
	if err == nil && b.CourseID != c.ID {
		err = errNoPage
	}
	return c, b, err
}

func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// optional turns what does not exist into nil.
func optional[T any](v T, err error) (*T, error) {
	if errors.Is(err, course.ErrNotFound) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, err
	}
	return &v, nil
}
