package api

import (
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// releaseBody is a release as the REST API shows it.
type releaseBody struct {
	Version     string     `json:"version"`
	BuildID     int64      `json:"build_id"`
	Commit      string     `json:"commit"`
	StoredAt    *time.Time `json:"stored_at"`
	PublishedAt *time.Time `json:"published_at"`
}

// releaseItem is a release in a list, which tells what it is used for.
type releaseItem struct {
	releaseBody
	Published bool `json:"published"` // students see it
	Stored    bool `json:"stored"`    // the newest that awaits publishing
}

func newReleaseBody(r course.Release) releaseBody {
	return releaseBody{
		Version: r.Version, BuildID: r.BuildID, Commit: r.Commit,
		StoredAt: optionalTime(r.StoredAt), PublishedAt: optionalTime(r.PublishedAt),
	}
}

// listReleases answers GET /api/v1/courses/KEY/releases, newest first.
func listReleases(g *gate, releases Releases) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Read, false)
		if err != nil {
			return err
		}
		q := newQuery(c)
		page := q.page()
		if err := q.finish(); err != nil {
			return err
		}
		list, err := allReleases(releases, found.Key)
		if err != nil {
			return err
		}
		id := func(r releaseItem) int64 { return r.BuildID }
		list, next := cut(c, pageOf(list, page, id), page, id)
		show(c, listBody[releaseItem]{Items: append([]releaseItem{}, list...), Next: next})
		return nil
	}
}

// getRelease answers GET /api/v1/courses/KEY/releases/VERSION.
func getRelease(g *gate, releases Releases) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Read, false)
		if err != nil {
			return err
		}
		list, err := allReleases(releases, found.Key)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(list, func(r releaseItem) bool { return r.Version == c.Param("version") })
		if at < 0 {
			return noRelease(found.Key, c.Param("version"))
		}
		show(c, list[at])
		return nil
	}
}

// allReleases are the stored and the published releases that are kept, newest
// first.
func allReleases(releases Releases, key string) ([]releaseItem, error) {
	list, err := releases.Releases(key)
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	published, err := releases.Published(key)
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	stored, err := releases.Stored(key)
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	// Those that are kept were published once; the stored one is newer.
	if stored.Version != "" && !slices.ContainsFunc(list, func(r course.Release) bool { return r.Version == stored.Version }) {
		list = slices.Insert(list, 0, stored)
	}
	items := make([]releaseItem, 0, len(list))
	for _, r := range list {
		items = append(items, releaseItem{
			releaseBody: newReleaseBody(r),
			Published:   published.Version == r.Version,
			Stored:      stored.Version == r.Version,
		})
	}
	return items, nil
}
