package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// courseFinder finds one course.
type courseFinder interface {
	Course(ctx context.Context, key string) (course.Course, error)
}

// buildFinder finds one build.
type buildFinder interface {
	Build(ctx context.Context, id int64) (course.Build, error)
}

// gate finds the course of a request and checks the caller's right to it.
type gate struct {
	courses   courseFinder
	addresses *Addresses
	log       *slog.Logger
	limits    *limits
	server    *server
	now       func() time.Time
}

// course finds the course that the path names. byDefault is the answer for a
// course that A+ does not know.
func (g *gate) course(c *gin.Context, a Access, byDefault bool) (course.Course, error) {
	caller, err := g.caller(c)
	if err != nil {
		return course.Course{}, err
	}
	found, err := g.find(c, c.Param("key"))
	if err != nil {
		return course.Course{}, err
	}
	if !caller.may(a, found, byDefault) {
		return course.Course{}, noAccess(found.Key)
	}
	return found, nil
}

// build finds the course and the build that the path names, for the REST API.
func (g *gate) build(c *gin.Context, a Access, rows buildFinder) (course.Course, course.Build, error) {
	found, err := g.course(c, a, false)
	if err != nil {
		return found, course.Build{}, err
	}
	missing := &wordedError{text: "There is no such build of course " + found.Key + ".", kind: course.ErrNotFound}
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return found, course.Build{}, missing
	}
	b, err := rows.Build(c.Request.Context(), id)
	if isNotFound(err) || err == nil && b.CourseID != found.ID {
		return found, course.Build{}, missing
	}
	return found, b, err
}

func noAccess(key string) error {
	return &wordedError{text: "No access to course " + key, kind: course.ErrDenied}
}

// caller gives the sender of a request that needs credentials.
func (g *gate) caller(c *gin.Context) (Caller, error) {
	i := exchangeOf(c.Request).identity
	switch {
	case i.refusal != nil:
		return i.caller, g.server.turnAway(c, i.refusal)
	case i.caller.anonymous():
		return i.caller, errAnonymous
	}
	return i.caller, nil
}

func (g *gate) find(c *gin.Context, key string) (course.Course, error) {
	if !course.ValidKey(key) {
		return course.Course{}, noCourse(key)
	}
	found, err := g.courses.Course(c.Request.Context(), key)
	if errors.Is(err, course.ErrNotFound) {
		return course.Course{}, noCourse(key)
	}
	return found, err
}

func noCourse(key string) error {
	return &wordedError{text: fmt.Sprintf("There is no course %q.", key), kind: course.ErrNotFound}
}
