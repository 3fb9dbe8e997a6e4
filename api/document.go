package api

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzip" // a third of the time of the standard library's
)

// Bounds of the cache of documents.
const (
	maxDocuments     = 256
	maxDocumentBytes = 64 << 20
)

// documentID names a finished document: a version never changes.
type documentID struct {
	key, version string
	source       source
	base         string
	zipped       bool
}

// finishedDocument is a document as it is sent.
type finishedDocument struct {
	body []byte
	tag  string // value of the header ETag, of both forms
	// Headers of every answer, and more of those with the body. Answers share
	// the values, as those of strictHeaders.
	always, whole http.Header
}

type documentCache = boundedCache[documentID, *finishedDocument]

func newDocumentCache() (*documentCache, error) {
	return newBoundedCache[documentID](maxDocuments, maxDocumentBytes, func(d *finishedDocument) int { return len(d.body) })
}

// newFinishedDocument tags a document, once for all requests. The tag is a weak
// one, since it stands for both forms.
func newFinishedDocument(plain []byte) *finishedDocument {
	const tagBytes = 16
	sum := sha256.Sum256(plain)
	tag := fmt.Sprintf(`W/"%x"`, sum[:tagBytes])
	return &finishedDocument{
		body: plain, tag: tag,
		always: http.Header{"Etag": {tag}, "Vary": {"Accept-Encoding"}, "Cache-Control": {"private, no-cache"}},
		whole:  http.Header{"Content-Type": {"application/json"}, "Content-Length": {strconv.Itoa(len(plain))}},
	}
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
	if _, err := w.Write(d.body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	out := *d
	out.body = bytes.Clone(zipped.Bytes()) // the buffer holds up to twice as much
	out.whole = maps.Clone(d.whole)
	out.whole["Content-Length"] = []string{strconv.Itoa(len(out.body))}
	out.whole["Content-Encoding"] = []string{"gzip"}
	return &out, nil
}

// send answers with the document in the form that the client takes, or with
// 304 when it has it.
func (d *finishedDocument) send(c *gin.Context) {
	maps.Copy(c.Writer.Header(), d.always)
	reading := c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead
	if reading && hasTag(c.GetHeader("If-None-Match"), d.tag) {
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return
	}
	maps.Copy(c.Writer.Header(), d.whole)
	gathered(c, func() {
		c.Status(http.StatusOK)
		// The status is sent: a failing write has nobody left to be told.
		_, _ = c.Writer.Write(d.body)
	})
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
