package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// aplusJSONRoute is the address of the document that A+ imports.
const aplusJSONRoute = "/:key/aplus-json"

// source is where gitmanager's addresses say a release lies.
type source string

const (
	sourceStore   source = "STORE"
	sourcePublish source = "PUBLISH"
)

// aplusJSON answers /KEY/aplus-json, the document that A+ imports: of the
// stored release, else of the published one. A course that skips the failsafes
// is published by its build, so only that release counts. Failures have status
// 200 and success false, which A+ shows to the teacher.
func aplusJSON(g *gate, releases Releases, at *Addresses, cache *documentCache, recent *recentVersions) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Read, true)
		if err != nil {
			return err
		}
		g.audit(c, actionAplusJSON, found.Key)
		finder := documentFinder{
			releases: releases, cache: cache, recent: recent, log: g.log,
			base: at.Base(c.Request), zipped: acceptsGzip(c.Request.Header.Values("Accept-Encoding")),
		}
		document, errs := finder.find(c.Request.Context(), found)
		if document == nil {
			answer(c, http.StatusOK, gin.H{"success": false, "errors": errs})
			return nil
		}
		document.send(c)
		return nil
	}
}

// documentFinder finds the document of one request.
type documentFinder struct {
	releases Releases
	cache    *documentCache
	recent   *recentVersions
	log      *slog.Logger
	base     string
	zipped   bool // the client takes gzip
}

// find gives the document, or nil and what was wrong.
func (f documentFinder) find(ctx context.Context, of course.Course) (found *finishedDocument, errs []string) {
	now := f.recent.now()
	if served, ok := f.recent.get(of, now); ok {
		if found, ok := f.cache.get(documentID{key: of.Key, servedVersion: served, base: f.base, zipped: f.zipped}); ok {
			f.cache.tell(true)
			return found, nil
		}
	}
	found, errs = f.look(ctx, of)
	if found != nil && len(errs) == 0 {
		f.recent.add(of, now, found.of)
	}
	return found, errs
}

// look asks the releases for the document. Errors may accompany it.
func (f documentFinder) look(ctx context.Context, of course.Course) (found *finishedDocument, errs []string) {
	errs = []string{}
	var err error
	if !of.SkipBuildFailsafes {
		if found, err = f.newest(f.releases.Stored, of.Key, sourceStore, errs); err == nil {
			return found, nil
		}
		if !isNotFound(err) {
			f.log.ErrorContext(ctx, "stored release cannot be read", "course", of.Key, "error", err)
			errs = append(errs, "The stored version of the course cannot be read; trying the published one. Build the course again.")
		}
	}
	if found, err = f.newest(f.releases.Published, of.Key, sourcePublish, errs); err == nil {
		return found, errs
	}
	if isNotFound(err) {
		return nil, append(errs, fmt.Sprintf("Course %s has no version yet. Its build must succeed first; see the build log.", of.Key))
	}
	f.log.ErrorContext(ctx, "published release cannot be read", "course", of.Key, "error", err)
	return nil, append(errs, "The published version of the course cannot be read. Build the course again.")
}

// newest gives the finished document of the newest release of a kind, in the
// form that the client takes. Only documents without errors are kept in the
// cache.
func (f documentFinder) newest(find func(key string) (course.Release, error), key string, from source, errs []string) (*finishedDocument, error) {
	r, err := find(key)
	if err != nil {
		return nil, err
	}
	id := documentID{key: r.Key, servedVersion: servedVersion{version: r.Version, source: from}, base: f.base}
	plain := func() (*finishedDocument, error) {
		return f.kept(id, errs, func() (*finishedDocument, error) { return f.finish(r, from, errs) })
	}
	if !f.zipped {
		return plain()
	}
	zipped := id
	zipped.zipped = true
	return f.kept(zipped, errs, func() (*finishedDocument, error) {
		out, err := plain()
		if err != nil {
			return nil, err
		}
		return out.zip()
	})
}

// kept gives a document of the cache, or makes it, once for all who ask for it
// at the same time.
func (f documentFinder) kept(id documentID, errs []string, make func() (*finishedDocument, error)) (*finishedDocument, error) {
	if len(errs) > 0 {
		return make()
	}
	return f.cache.getOr(id, func() (*finishedDocument, error) {
		made, err := make()
		if err != nil {
			return nil, err
		}
		moved, err := made.toKernel()
		if err != nil {
			f.log.Warn("a document is sent the slower way", "course", id.key, "error", err)
			return made, nil
		}
		return moved, nil
	})
}

// finish makes the document of a release.
func (f documentFinder) finish(r course.Release, from source, errs []string) (*finishedDocument, error) {
	stored, err := f.releases.Document(r)
	if err != nil {
		return nil, err
	}
	body, err := finishDocument(stored, f.base, struct {
		BuildLog string   `json:"build_log_url"`
		Errors   []string `json:"errors"`
		Publish  string   `json:"publish_url"`
	}{
		BuildLog: f.base + "/gitmanager/" + r.Key + "/build_log-json",
		Errors:   errs,
		Publish:  fmt.Sprintf("%s/%s/publish/%s/%s", f.base, r.Key, from, r.Version),
	})
	if err != nil {
		return nil, err
	}
	made := newFinishedDocument(body)
	made.of = servedVersion{version: r.Version, source: from}
	return made, nil
}

// finishDocument puts the base URL in and appends the members of extra.
func finishDocument(stored []byte, base string, extra any) ([]byte, error) {
	head, isObject := bytes.CutSuffix(bytes.TrimSpace(stored), []byte("}"))
	if !isObject {
		return nil, errors.New("the stored document is not a JSON object")
	}
	tail, err := json.Marshal(extra)
	if err != nil {
		return nil, err
	}
	marker, err := jsonText(course.BaseURLMarker)
	if err != nil {
		return nil, err
	}
	escaped, err := jsonText(base)
	if err != nil {
		return nil, err
	}
	// The first reader waits for this: a large document is gone through and copied
	// once.
	var pieces [][]byte
	for piece := range bytes.SplitSeq(bytes.TrimSpace(head), marker) {
		pieces = append(pieces, escaped, piece)
	}
	pieces = pieces[1:]
	if len(pieces) > 1 || len(pieces[0]) > 1 { // more than the opening brace
		pieces = append(pieces, []byte(", "))
	}
	return bytes.Join(append(pieces, tail[1:]), nil), nil
}

// jsonText is the ASCII form of a text inside the quotes of a JSON string.
func jsonText(s string) ([]byte, error) {
	quoted, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, r := range string(quoted[1 : len(quoted)-1]) {
		if r < 0x80 {
			out = append(out, byte(r))
			continue
		}
		out = fmt.Appendf(out, `\u%04x`, r) // of the basic plane: the marker's, hosts are ASCII
	}
	return out, nil
}
