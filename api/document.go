package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzip" // a third of the time of the standard library's
	"golang.org/x/sys/unix"
)

// Bounds of the cache of documents.
const (
	maxDocuments     = 256
	maxDocumentBytes = 64 << 20
)

// Bounds of the documents that the kernel sends from its own memory. Smaller ones
// are copied as fast, and of larger ones the client gets pages one by one where it
// would get larger pieces.
const (
	minSentFile = 32 << 10
	maxSentFile = 1 << 20
)

// documentID names a finished document: a version never changes.
type documentID struct {
	key string
	servedVersion
	base   string
	zipped bool
}

// finishedDocument is a document as it is sent.
type finishedDocument struct {
	body []byte
	file *os.File      // has the body in memory of the kernel; nil: body has it
	size int           // of the body, in bytes
	tag  string        // value of the header ETag, of both forms
	of   servedVersion // zero for what is of no course
	// Headers of every answer, and more of those with the body. Answers share
	// the values, as those of strictHeaders.
	always, whole http.Header
	names         []string // of the first
	lines         []byte   // both as they are sent, without the length
}

type documentCache = boundedCache[documentID, *finishedDocument]

func newDocumentCache() (*documentCache, error) {
	return newBoundedCache[documentID](maxDocuments, maxDocumentBytes, func(d *finishedDocument) int { return d.size })
}

// entityTag tells texts of one address apart. It is a weak tag, since it stands for
// all codings. The first reader of a document waits for it, which is why it is of a
// fast hash: who could make two texts of one tag would deceive his own readers only.
func entityTag(text []byte) string {
	return fmt.Sprintf(`W/"%016x-%x"`, xxhash.Sum64(text), len(text))
}

// newFinishedDocument prepares a document, once for all requests.
func newFinishedDocument(plain []byte) *finishedDocument {
	tag := entityTag(plain)
	out := &finishedDocument{
		body: plain, size: len(plain), tag: tag,
		always: dataHeaders(),
		whole:  http.Header{"Content-Type": {"application/json"}, "Content-Length": {strconv.Itoa(len(plain))}},
	}
	maps.Copy(out.always, http.Header{"Etag": {tag}, "Vary": {"Accept-Encoding"}, "Cache-Control": {"private, no-cache"}})
	out.names = slices.Collect(maps.Keys(out.always))
	out.lines = headerLines(out.always, out.whole)
	return out
}

// headerLines is how headers are sent, but for the length of the body, which
// net/http must know.
func headerLines(headers ...http.Header) []byte {
	var out bytes.Buffer
	for _, h := range headers {
		_ = h.WriteSubset(&out, map[string]bool{"Content-Length": true}) // a buffer takes everything
	}
	return out.Bytes()
}

// zip is the document compressed.
func (d *finishedDocument) zip() (*finishedDocument, error) {
	var zipped bytes.Buffer
	// The first reader of a document waits for this, and most documents are read
	// a few times only: more effort would cost more than the bytes it saves.
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, d.reader()); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	out := *d
	out.body = bytes.Clone(zipped.Bytes()) // the buffer holds up to twice as much
	out.file, out.size = nil, len(out.body)
	out.whole = maps.Clone(d.whole)
	out.whole["Content-Length"] = []string{strconv.Itoa(out.size)}
	out.whole["Content-Encoding"] = []string{"gzip"}
	out.lines = headerLines(out.always, out.whole)
	return &out, nil
}

// toKernel moves the body to a file in memory if that makes sending it faster.
// The file has no name and goes with the document.
func (d *finishedDocument) toKernel() (*finishedDocument, error) {
	if d.size < minSentFile || d.size > maxSentFile {
		return d, nil
	}
	const name = "aplus-json" // seen by who lists the files of the process
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("file in memory: %w", err)
	}
	file := os.NewFile(uintptr(fd), name)
	if _, err := file.Write(d.body); err != nil {
		return nil, errors.Join(fmt.Errorf("file in memory: %w", err), file.Close())
	}
	out := *d
	out.body, out.file = nil, file
	return &out, nil
}

// reader reads the body.
func (d *finishedDocument) reader() io.Reader {
	if d.file != nil {
		return io.NewSectionReader(d.file, 0, int64(d.size))
	}
	return bytes.NewReader(d.body)
}

// send answers with the document in the form that the client takes, or with
// 304 when it has it.
func (d *finishedDocument) send(c *gin.Context) {
	h := c.Writer.Header()
	reading := c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead
	if known := c.GetHeader("If-None-Match"); reading && known != "" && hasTag(known, d.tag) {
		maps.Copy(h, d.always)
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return
	}
	conn := gatheringConnOf(c)
	if conn == nil {
		maps.Copy(h, d.always)
		maps.Copy(h, d.whole)
		d.write(c)
		return
	}
	// net/http copies and sorts what it is given, for a tenth of a request's time.
	for _, name := range d.names {
		delete(h, name)
	}
	h["Content-Length"] = d.whole["Content-Length"]
	h["Content-Type"] = nil // it shall not guess
	conn.gathered(c.Writer, d.lines, func() { d.write(c) })
}

// write sends the status and the body.
func (d *finishedDocument) write(c *gin.Context) {
	c.Status(http.StatusOK)
	// The status is sent: a failing write has nobody left to be told.
	if d.file == nil {
		_, _ = c.Writer.Write(d.body)
		return
	}
	c.Writer.Flush()
	if c.Request.Method != http.MethodHead {
		_, _ = io.Copy(underneath(c.Writer), d.reader())
	}
}

// underneath is the writer that gin's writes to: it hands a file on to the
// connection, which gin's does not.
func underneath(w gin.ResponseWriter) io.Writer {
	if wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return wrapper.Unwrap()
	}
	return w
}

// hasTag says whether a list of entity tags has this one, by weak comparison.
func hasTag(list, tag string) bool {
	strong := func(s string) string { return strings.TrimPrefix(strings.TrimSpace(s), "W/") }
	return slices.ContainsFunc(strings.Split(list, ","), func(item string) bool {
		return strong(item) == strong(tag) || strings.TrimSpace(item) == "*"
	})
}

// acceptsGzip reads the header Accept-Encoding.
func acceptsGzip(values []string) bool {
	anything := false
	for item := range strings.SplitSeq(strings.Join(values, ","), ",") {
		coding, params, _ := strings.Cut(item, ";")
		weight := 1.0
		if q, given := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q="); given {
			var err error
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				weight = 0
			}
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return weight > 0
		case "*":
			anything = weight > 0
		}
	}
	return anything
}
