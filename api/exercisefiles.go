package api

import (
	"path/filepath"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
)

// compiledName is the document of a release that courseconfig compiled.
const compiledName = "course.json"

// Bounds of the cache of compiled courses; the bytes are those of their JSON.
const (
	maxCompiled      = 128
	maxCompiledBytes = 16 << 20
)

type releaseID struct{ key, version string }

// compiledCourse is a compiled course and the length of its JSON.
type compiledCourse struct {
	*courseconfig.Compiled
	length int
}

// compiledCourses reads the compiled courses of releases.
type compiledCourses struct {
	releases Releases
	cache    *boundedCache[releaseID, compiledCourse]
}

func newCompiledCourses(releases Releases) (*compiledCourses, error) {
	cache, err := newBoundedCache[releaseID](maxCompiled, maxCompiledBytes, func(c compiledCourse) int { return c.length })
	return &compiledCourses{releases: releases, cache: cache}, err
}

// published gives the published release of a course and what it was compiled
// to. ErrNotFound when there is none.
func (c *compiledCourses) published(key string) (course.Release, *courseconfig.Compiled, error) {
	rel, err := c.releases.Published(key)
	if err != nil {
		return rel, nil, err
	}
	compiled, err := c.of(rel)
	return rel, compiled, err
}

// of gives what a release was compiled to.
func (c *compiledCourses) of(rel course.Release) (*courseconfig.Compiled, error) {
	id := releaseID{key: rel.Key, version: rel.Version}
	kept, err := c.cache.getOr(id, func() (compiledCourse, error) {
		data, err := c.releases.ReadFile(rel, compiledName)
		if err != nil {
			return compiledCourse{}, err
		}
		compiled, err := courseconfig.ReadCompiled(data)
		return compiledCourse{Compiled: compiled, length: len(data)}, err
	})
	return kept.Compiled, err
}

// exerciseFile answers /model/KEY/EXERCISE/NAME and the like: the file of that
// name in the exercise's list, in the language that the query asks for.
func exerciseFile(g *gate, courses *compiledCourses, list courseconfig.FileList) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Read, true)
		if err != nil {
			return err
		}
		rel, compiled, err := courses.published(found.Key)
		if isNotFound(err) {
			return noFile()
		}
		if err != nil {
			return err
		}
		return sendExerciseFile(c, courses.releases, rel, compiled, list)
	}
}

// sendExerciseFile answers with the file that the path and the query name.
func sendExerciseFile(c *gin.Context, releases Releases, rel course.Release, compiled *courseconfig.Compiled, list courseconfig.FileList) error {
	name, ok := compiled.File(list, c.Param("exercise"), c.Param("basename"), c.Query("lang"))
	if !ok || !filepath.IsLocal(name) {
		return noFile()
	}
	f, info, err := openContent(releases, rel, ".", name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // opened for reading only
	// Whatever the file is, A+ shows it as a text, and a browser must not
	// take it for a page.
	c.Header("X-Content-Type-Options", "nosniff")
	c.Header("Cache-Control", "private, no-cache")
	sendFile(c, f, info, "text/plain")
	return nil
}
