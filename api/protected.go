package api

import (
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// protectedRoute is where nginx and callers with a token ask for the files of a
// course that are not public.
const protectedRoute = "/protected/:key/*filepath"

// internalRoute begins the addresses that nginx serves from the publish folder
// when an answer names one in X-Accel-Redirect.
const internalRoute = "/authorized_static/"

// protectedFiles serves the files of a published course's static folder to
// callers who may read the course.
type protectedFiles struct {
	gate        *gate
	releases    Releases
	accelerated bool // nginx sends the files
}

// serve answers /protected/KEY/PATH.
func (p protectedFiles) serve(c *gin.Context) error {
	return p.send(c, strings.TrimPrefix(c.Param("filepath"), "/"))
}

// send answers with the file of that name in the static folder of the course
// that the path parameter names.
func (p protectedFiles) send(c *gin.Context, name string) error {
	found, err := p.gate.course(c, Read, true)
	if err != nil {
		return err
	}
	rel, err := p.releases.Published(found.Key)
	if isNotFound(err) {
		return noFile()
	}
	if err != nil {
		return err
	}
	if rel.StaticDir == "" || !filepath.IsLocal(name) || strings.HasSuffix(name, "/") {
		return noFile()
	}
	name = path.Clean(name)
	f, info, err := openContent(p.releases, rel, rel.StaticDir, name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // opened for reading only
	c.Header("Cache-Control", "private, no-cache")
	if p.accelerated {
		p.handOver(c, path.Join(rel.Key, rel.StaticDir, name))
		return nil
	}
	c.Header("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": path.Base(name)}))
	sendFile(c, f, info, contentType(name))
	return nil
}

// handOver lets nginx send a file of the publish folder. nginx keeps these
// headers and adds those for caches and ranges itself.
func (p protectedFiles) handOver(c *gin.Context, name string) {
	c.Header("X-Accel-Redirect", (&url.URL{Path: internalRoute + name}).EscapedPath())
	c.Header("Content-Type", contentType(name))
	c.Header("Content-Length", "0")
	c.Status(http.StatusOK)
	c.Writer.WriteHeaderNow()
}

// openContent opens a regular file below a folder of a release's content. No
// link leads out of that folder.
func openContent(releases Releases, rel course.Release, folder, name string) (*os.File, fs.FileInfo, error) {
	content, err := releases.Content(rel)
	if isNotFound(err) {
		return nil, nil, noFile()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("content of release %s: %w", rel.Version, err)
	}
	defer func() { _ = content.Close() }() // a directory handle has nothing to flush
	root, err := content.OpenRoot(filepath.FromSlash(folder))
	if err != nil {
		return nil, nil, fileError(err)
	}
	defer func() { _ = root.Close() }() // as above
	f, err := openIn(root, filepath.FromSlash(name))
	if err != nil {
		return nil, nil, fileError(err)
	}
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() {
		return f, info, nil
	}
	_ = f.Close() // opened for reading only
	if err == nil {
		err = fs.ErrNotExist
	}
	return nil, nil, fileError(err)
}

// fileError tells a file that cannot be served from trouble with the disk.
func fileError(err error) error {
	if unreachable(err) {
		return noFile()
	}
	return fmt.Errorf("course file: %w", err)
}
