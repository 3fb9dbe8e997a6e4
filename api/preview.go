package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
)

// previewRoute begins the addresses under which a release can be looked at
// before it is published, or a branch that never is.
const previewRoute = "/preview/:key/:version"

// previews serves releases to callers who may read the course. Whatever a release
// holds it links to itself, never to what is published.
type previews struct {
	gate     *gate
	releases Releases
	compiled *compiledCourses
	at       *Addresses
	statics  staticPlaces
}

// routes registers the addresses.
func (p previews) routes(s *server, r *gin.Engine) {
	reads(r, previewRoute, s.addSlash)
	reads(r, previewRoute+"/", s.texts(p.begin))
	reads(r, previewRoute+"/aplus-json", s.texts(p.document))
	reads(r, previewRoute+"/static/*filepath", s.texts(p.static))
	reads(r, previewRoute+"/model/:exercise/:basename", s.texts(p.exerciseFile(courseconfig.ModelFiles)))
	reads(r, previewRoute+"/exercise_template/:exercise/:basename", s.texts(p.exerciseFile(courseconfig.TemplateFiles)))
}

// release finds the release that the path names. The answer depends on who asks
// and is for nobody else.
func (p previews) release(c *gin.Context) (course.Release, previewLinks, error) {
	c.Header("Cache-Control", "private, no-cache")
	c.Header("Vary", "Authorization, Cookie")
	found, err := p.gate.course(c, Read, true)
	if err != nil {
		return course.Release{}, previewLinks{}, err
	}
	rel, err := p.releases.Release(found.Key, c.Param("version"))
	if isNotFound(err) {
		err = &wordedError{text: "There is no such release of the course any more. The course's page lists those that can be looked at.", kind: course.ErrNotFound}
	}
	return rel, previewLinks{release: rel, base: p.at.Base(c.Request), statics: p.statics}, err
}

// document answers /preview/KEY/VERSION/aplus-json: what A+ would import. It has
// no publish_url, so that whoever imports it publishes nothing.
func (p previews) document(c *gin.Context) error {
	rel, links, err := p.release(c)
	if err != nil {
		return err
	}
	body, err := p.body(rel, links)
	if err != nil {
		return err
	}
	tag := entityTag(body)
	c.Header("Etag", tag)
	if hasTag(c.GetHeader("If-None-Match"), tag) {
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return nil
	}
	writeJSON(c, http.StatusOK, body)
	return nil
}

func (p previews) body(rel course.Release, links previewLinks) ([]byte, error) {
	stored, err := p.releases.Document(rel)
	if err != nil {
		return nil, fmt.Errorf("document of release %s: %w", rel.Version, err)
	}
	own, err := links.inDocument(stored)
	if err != nil {
		return nil, err
	}
	return finishDocument(own, links.base, struct {
		Errors []string `json:"errors"`
	}{Errors: []string{}})
}

// begin answers /preview/KEY/VERSION/: it leads to the first page.
func (p previews) begin(c *gin.Context) error {
	rel, links, err := p.release(c)
	if err != nil {
		return err
	}
	if rel.StaticDir != "" {
		f, _, err := openContent(p.releases, rel, rel.StaticDir, indexFile)
		if err == nil {
			_ = f.Close() // opened for reading only
			c.Redirect(http.StatusFound, links.path()+"static/"+indexFile)
			return nil
		}
		if !isNotFound(err) {
			return err
		}
	}
	body, err := p.body(rel, links)
	if err != nil {
		return err
	}
	to := firstPage(body, links.base+links.path())
	if to == "" {
		to = "aplus-json"
	}
	c.Redirect(http.StatusFound, links.path()+to)
	return nil
}

// firstPage is the address of a document's first chapter below the prefix, empty
// for none.
func firstPage(document []byte, prefix string) string {
	type object struct {
		URL      json.RawMessage `json:"url"`
		Children []object        `json:"children"`
	}
	var d struct {
		Modules []object `json:"modules"`
	}
	if json.Unmarshal(document, &d) != nil {
		return ""
	}
	var look func(list []object) string
	look = func(list []object) string {
		for _, o := range list {
			for _, address := range addressesIn(o.URL) {
				if rest, ours := strings.CutPrefix(address, prefix); ours {
					return rest
				}
			}
			if found := look(o.Children); found != "" {
				return found
			}
		}
		return ""
	}
	return look(d.Modules)
}

// addressesIn reads an address, or one for each language.
func addressesIn(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var all map[string]string
	if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	var out []string
	for _, language := range sortedNames(all) {
		out = append(out, all[language])
	}
	return out
}

// exerciseFile answers /preview/KEY/VERSION/model/EXERCISE/NAME and the like.
func (p previews) exerciseFile(list courseconfig.FileList) handler {
	return func(c *gin.Context) error {
		rel, _, err := p.release(c)
		if err != nil {
			return err
		}
		compiled, err := p.compiled.of(rel)
		if err != nil {
			return err
		}
		return sendExerciseFile(c, p.releases, rel, compiled, list)
	}
}

// static answers /preview/KEY/VERSION/static/PATH: a file of the static folder,
// public when it is published or not. The service sends it itself, also where
// nginx sends published files: nginx does not see what is not published.
func (p previews) static(c *gin.Context) error {
	rel, links, err := p.release(c)
	if err != nil {
		return err
	}
	name := strings.TrimPrefix(c.Param("filepath"), "/")
	if rel.StaticDir == "" {
		return noFile()
	}
	clean, err := previewName(name)
	if err != nil {
		return err
	}
	c.Header("Content-Security-Policy", links.policy())
	f, info, err := openContent(p.releases, rel, rel.StaticDir, clean)
	if isNotFound(err) && !strings.HasSuffix(name, "/") && p.isFolder(rel, clean) {
		c.Redirect(http.StatusFound, links.path()+"static/"+(&url.URL{Path: clean}).EscapedPath()+"/")
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // opened for reading only
	return links.send(c, f, info, contentType(clean))
}

// indexFile is what stands for its folder.
const indexFile = "index.html"

// previewName makes a path of a request one below the static folder.
func previewName(name string) (string, error) {
	if name == "" || strings.HasSuffix(name, "/") {
		name += indexFile
	}
	if !isLocal(name) {
		return "", noFile()
	}
	return path.Clean(name), nil
}

func (p previews) isFolder(rel course.Release, name string) bool {
	f, _, err := openContent(p.releases, rel, rel.StaticDir, path.Join(name, indexFile))
	if err != nil {
		return false
	}
	return errors.Join(f.Close()) == nil
}
