package api

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// staticRoute is where the pages of courses find their files.
const staticRoute = "/static/*filepath"

// staticFiles serves /static/: what the links in its root lead to, as long as
// it lies in the publish folder, in the course's own release there, or in the
// root itself.
type staticFiles struct {
	root    string // holds the links
	courses string // holds the published releases
}

// serveStatic answers /static/PATH as gitmanager's proxies do: a public file,
// else a protected one of the course that the path begins with.
func serveStatic(public staticFiles, protected protectedFiles) handler {
	return func(c *gin.Context) error {
		crossOriginHeaders(c)
		if c.Request.Method == http.MethodOptions {
			c.Status(http.StatusNoContent)
			return nil
		}
		err := public.serve(c)
		if !isNotFound(err) {
			return err
		}
		key, name, _ := strings.Cut(strings.TrimPrefix(c.Param("filepath"), "/"), "/")
		if !course.ValidKey(key) {
			return err
		}
		c.AddParam("key", key)
		return protected.send(c, name)
	}
}

// serve sends the public file that the path names.
func (s staticFiles) serve(c *gin.Context) error {
	missing := noFile()
	name := path.Clean("/" + c.Param("filepath"))
	if s.root == "" || name == "/" || strings.ContainsRune(name, 0) {
		return missing
	}
	directory := strings.HasSuffix(c.Request.URL.Path, "/")
	f, info, err := s.open(name)
	if err == nil && info.IsDir() {
		_ = f.Close() // opened for reading only
		folder := name
		name = path.Join(folder, "index.html")
		f, info, err = s.open(name)
		if err == nil && !directory {
			_ = f.Close()
			to := url.URL{Path: "/static" + folder + "/", RawQuery: c.Request.URL.RawQuery}
			c.Redirect(http.StatusMovedPermanently, to.String())
			return nil
		}
	} else if err == nil && directory {
		_ = f.Close()
		return missing
	}
	if err != nil {
		if unreachable(err) {
			return missing
		}
		return fmt.Errorf("static file: %w", err)
	}
	defer func() { _ = f.Close() }()
	if !info.Mode().IsRegular() {
		return missing
	}
	sendFile(c, f, info, contentType(name))
	return nil
}

// sendFile writes a file with the headers for caches. A pooled file keeps the
// time of its first appearance, so the same name may go back in time when a
// course is rolled back: only the very same time means unchanged.
func sendFile(c *gin.Context, f *os.File, info fs.FileInfo, kind string) {
	c.Header("Content-Type", kind)
	c.Header("Etag", etag(info))
	if c.Writer.Header().Get("Cache-Control") == "" {
		c.Header("Cache-Control", "no-cache")
	}
	r := c.Request
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	if err == nil && !since.Equal(info.ModTime().Truncate(time.Second)) {
		r = r.Clone(r.Context())
		r.Header.Del("If-Modified-Since")
	}
	http.ServeContent(c.Writer, r, "", info.ModTime(), f)
}

// open resolves the links of the name and opens the file below the folder it
// lies in; a link that changes meanwhile cannot lead out.
func (s staticFiles) open(name string) (*os.File, fs.FileInfo, error) {
	const tries = 2 // a release that is swapped or pruned meanwhile is looked up again
	var f *os.File
	err := fs.ErrNotExist
	for range tries {
		if f, err = s.openOnce(name); err == nil || !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func (s staticFiles) openOnce(name string) (*os.File, error) {
	key, rest, _ := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	course, err := filepath.EvalSymlinks(filepath.Join(s.root, key))
	if err != nil {
		return nil, err
	}
	target, err := filepath.EvalSymlinks(filepath.Join(course, filepath.FromSlash(rest)))
	if err != nil {
		return nil, err
	}
	for _, folder := range []string{s.courses, s.root} {
		if folder == "" {
			continue
		}
		base, err := filepath.EvalSymlinks(folder)
		if err != nil {
			return nil, err
		}
		entry, err := filepath.Rel(base, course)
		if err != nil || !filepath.IsLocal(entry) {
			continue
		}
		below, err := filepath.Rel(base, target)
		if err != nil || !filepath.IsLocal(below) || owner(below) != owner(entry) {
			break
		}
		return openBelow(base, below)
	}
	return nil, fs.ErrNotExist
}

// owner is the part of a path below a root that no link of a course leads out
// of: the release, such as .releases/KEY/VERSION, else the first folder.
func owner(below string) string {
	parts := strings.Split(filepath.ToSlash(below), "/")
	if parts[0] == ".releases" {
		return strings.Join(parts[:min(len(parts), 3)], "/")
	}
	return parts[0]
}

func openBelow(base, below string) (*os.File, error) {
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // a directory handle has nothing to flush
	return openIn(root, below)
}

// openIn opens a file below the folder for reading.
func openIn(root *os.Root, name string) (*os.File, error) {
	// Without O_NONBLOCK a FIFO in a course would hold the request for ever.
	return root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

func noFile() error {
	return &wordedError{text: "There is no such file.", kind: course.ErrNotFound}
}

// unreachable says whether the error means that no such file can be served, as
// opposed to trouble with the disk.
func unreachable(err error) bool {
	var exhausted syscall.Errno
	if errors.As(err, &exhausted) {
		return exhausted != syscall.EIO && exhausted != syscall.EMFILE && exhausted != syscall.ENFILE && exhausted != syscall.ENOMEM
	}
	// What is left are the refusals of package os: escapes and too many links.
	return true
}

// etag tells apart any two files that a name has had: content changes with
// the inode, the size or the time.
func etag(info fs.FileInfo) string {
	var inode uint64
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = st.Ino
	}
	return fmt.Sprintf(`"%x-%x-%x"`, inode, info.Size(), info.ModTime().UnixNano())
}

// crossOriginHeaders lets the pages of A+ load course files.
func crossOriginHeaders(c *gin.Context) {
	c.Header("Access-Control-Allow-Origin", "*")
	c.Header("Access-Control-Allow-Methods", "GET, OPTIONS")
}
