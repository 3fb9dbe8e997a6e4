package client

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Headers of requests.
const (
	idempotencyHeader = "Idempotency-Key"
	ifMatchHeader     = "If-Match"
)

const restPath = "/api/v1"

func coursePath(key string) string { return restPath + "/courses/" + url.PathEscape(key) }

func buildPath(key string, id int64) string {
	return coursePath(key) + "/builds/" + strconv.FormatInt(id, 10)
}

func deliveryPath(key string, id int64) string {
	return coursePath(key) + "/deliveries/" + strconv.FormatInt(id, 10)
}

// longestPage is how many items a page of a list can have.
const longestPage = 200

// list is the query of a list with long pages.
func list() url.Values { return url.Values{"limit": {strconv.Itoa(longestPage)}} }

func put(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

func putTime(query url.Values, name string, at time.Time) {
	if !at.IsZero() {
		query.Set(name, at.UTC().Format(time.RFC3339Nano))
	}
}

func joined(list []Status) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}

// pages walks through the pages of a list. The sequence ends with an error, or
// after the last item.
func pages[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		for next := path; next != ""; {
			var page struct {
				Items []T    `json:"items"`
				Next  string `json:"next"`
			}
			if _, _, err := c.do(ctx, request{method: http.MethodGet, path: next, query: query}, &page); err != nil {
				yield(zero, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			next, query = page.Next, nil // the address of the next page has the filters
			if next != "" && !strings.HasPrefix(next, "/") {
				yield(zero, fmt.Errorf("%s has a next page elsewhere, which is %w", c.base, ErrForeign))
				return
			}
		}
	}
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	var out T
	_, _, err := c.do(ctx, request{method: http.MethodGet, path: path}, &out)
	return out, err
}

// Courses lists the courses that the caller may read, newest first. text is
// part of a key, branch or origin; status is of the newest build; both may be
// empty.
func (c *Client) Courses(ctx context.Context, text string, status Status) iter.Seq2[Course, error] {
	query := list()
	put(query, "q", text)
	put(query, "status", string(status))
	return pages[Course](ctx, c, restPath+"/courses", query)
}

// Course gives a course and its tag, by which it can be changed safely.
func (c *Client) Course(ctx context.Context, key string) (Course, string, error) {
	var out Course
	_, header, err := c.do(ctx, request{method: http.MethodGet, path: coursePath(key)}, &out)
	return out, header.Get("ETag"), err
}

// CreateCourse adds a course with the given fields, such as key and git_branch.
func (c *Client) CreateCourse(ctx context.Context, fields map[string]any) (Course, error) {
	var out Course
	_, _, err := c.do(ctx, request{method: http.MethodPost, path: restPath + "/courses", body: fields}, &out)
	return out, err
}

// ChangeCourse changes the given fields of a course. With a tag, this and the calls
// below are refused when somebody else was faster.
func (c *Client) ChangeCourse(ctx context.Context, key, tag string, fields map[string]any) (Course, error) {
	var out Course
	_, _, err := c.do(ctx, request{method: http.MethodPatch, path: coursePath(key), body: fields, header: ifMatch(tag)}, &out)
	return out, err
}

func ifMatch(tag string) http.Header {
	if tag == "" {
		return nil
	}
	return http.Header{ifMatchHeader: {tag}}
}

// ReplaceCourse gives a course the given settings, and those of a new course for
// all others. It needs a tag, or * for whatever is there.
func (c *Client) ReplaceCourse(ctx context.Context, key, tag string, fields map[string]any) (Course, error) {
	var out Course
	_, _, err := c.do(ctx, request{method: http.MethodPut, path: coursePath(key), body: fields, header: ifMatch(tag)}, &out)
	return out, err
}

// RemoveCourse removes a course with its builds, releases and files.
func (c *Client) RemoveCourse(ctx context.Context, key, tag string) error {
	r := request{method: http.MethodDelete, path: coursePath(key), query: url.Values{"confirm": {key}}, header: ifMatch(tag)}
	_, _, err := c.do(ctx, r, nil)
	return err
}

// RenewSecret gives a course a new webhook secret; the old one is accepted for
// some hours more.
func (c *Client) RenewSecret(ctx context.Context, key, tag string, keepOldHours int) (Course, error) {
	var out Course
	body := map[string]int{"keep_old_hours": keepOldHours}
	_, _, err := c.do(ctx, request{method: http.MethodPost, path: coursePath(key) + "/webhook-secret", body: body, header: ifMatch(tag)}, &out)
	return out, err
}

// BuildFilter chooses builds; what is empty chooses all.
type BuildFilter struct {
	Status  []Status
	Trigger string // such as HOOK
	Host    string
	Commit  string // the beginning of its hash
	Since   time.Time
	Until   time.Time

	PageSize int // how many are fetched at a time; 0: as many as can be
}

func (f BuildFilter) query() url.Values {
	query := list()
	if f.PageSize > 0 {
		query.Set("limit", strconv.Itoa(min(f.PageSize, longestPage)))
	}
	put(query, "status", joined(f.Status))
	put(query, "trigger", f.Trigger)
	put(query, "host", f.Host)
	put(query, "commit", f.Commit)
	putTime(query, "since", f.Since)
	putTime(query, "until", f.Until)
	return query
}

// Builds lists the builds of a course, newest first.
func (c *Client) Builds(ctx context.Context, key string, f BuildFilter) iter.Seq2[Build, error] {
	return pages[Build](ctx, c, coursePath(key)+"/builds", f.query())
}

// Build gives a build with its steps and diagnostics.
func (c *Client) Build(ctx context.Context, key string, id int64) (Build, error) {
	return get[Build](ctx, c, buildPath(key, id))
}

// StartBuild asks for a build. It is tried again when the answer is lost, and
// makes one build all the same.
func (c *Client) StartBuild(ctx context.Context, key string, o BuildOptions) (Build, error) {
	var out Build
	_, _, err := c.do(ctx, once(coursePath(key)+"/builds", o), &out)
	return out, err
}

// RetryBuild asks for a build with the options of one that has ended; with
// rebuildAll everything counts as changed.
func (c *Client) RetryBuild(ctx context.Context, key string, id int64, rebuildAll bool) (Build, error) {
	body := map[string]bool{}
	if rebuildAll {
		body["rebuild_all"] = true
	}
	var out Build
	_, _, err := c.do(ctx, once(buildPath(key, id)+"/retry", body), &out)
	return out, err
}

// once is a request that may be sent again: its key tells the service that it is
// the same one.
func once(path string, body any) request {
	var key [16]byte
	_, _ = rand.Read(key[:]) // crypto/rand.Read never fails: it ends the program instead
	return request{method: http.MethodPost, path: path, body: body, header: http.Header{idempotencyHeader: {hex.EncodeToString(key[:])}}}
}

// CancelBuild asks a build to end.
func (c *Client) CancelBuild(ctx context.Context, key string, id int64) (Build, error) {
	var out Build
	_, _, err := c.do(ctx, request{method: http.MethodPost, path: buildPath(key, id) + "/cancel"}, &out)
	return out, err
}

// Log gives the log of a build from an offset on, and the offset to read on from.
func (c *Client) Log(ctx context.Context, key string, id, offset int64) (string, int64, error) {
	r := request{method: http.MethodGet, path: buildPath(key, id) + "/log", query: url.Values{"offset": {strconv.FormatInt(offset, 10)}}}
	text, header, err := c.do(ctx, r, nil)
	if err != nil {
		return "", offset, err
	}
	next, err := strconv.ParseInt(header.Get("Log-Next-Offset"), 10, 64)
	if err != nil {
		return "", offset, fmt.Errorf("%s gives a log, but %w", c.base, ErrForeign)
	}
	return string(text), next, nil
}

// Releases lists the releases of a course, newest first.
func (c *Client) Releases(ctx context.Context, key string) iter.Seq2[ListedRelease, error] {
	return pages[ListedRelease](ctx, c, coursePath(key)+"/releases", nil)
}

// Previews lists the previews of a course's branches, newest first.
func (c *Client) Previews(ctx context.Context, key string) iter.Seq2[Preview, error] {
	return pages[Preview](ctx, c, coursePath(key)+"/previews", nil)
}

// Release gives a release.
func (c *Client) Release(ctx context.Context, key, version string) (ListedRelease, error) {
	return get[ListedRelease](ctx, c, coursePath(key)+"/releases/"+url.PathEscape(version))
}

// Publish makes a release the one that students see; with rollback also an older
// one than the published.
func (c *Client) Publish(ctx context.Context, key, version string, rollback bool) (Published, error) {
	var out Published
	path := coursePath(key) + "/releases/" + url.PathEscape(version) + "/publish"
	_, _, err := c.do(ctx, request{method: http.MethodPost, path: path, body: map[string]bool{"rollback": rollback}}, &out)
	return out, err
}

// Diff compares a release with another one; with the published one when against
// is empty.
func (c *Client) Diff(ctx context.Context, key, version, against string) (Diff, error) {
	r := request{method: http.MethodGet, path: coursePath(key) + "/releases/" + url.PathEscape(version) + "/diff"}
	if against != "" {
		r.query = url.Values{"against": {against}}
	}
	var out Diff
	_, _, err := c.do(ctx, r, &out)
	return out, err
}

// Approve lets a release be published although it takes exercises from A+. It is
// refused when another release than against is published, unless that is empty.
func (c *Client) Approve(ctx context.Context, key, version, against string) (Approval, error) {
	var out Approval
	path := coursePath(key) + "/releases/" + url.PathEscape(version) + "/approve"
	_, _, err := c.do(ctx, request{method: http.MethodPost, path: path, body: map[string]string{"against": against}}, &out)
	return out, err
}

// Deliveries lists what git hosts sent to the hook of a course, newest first, with
// one verdict if that is given.
func (c *Client) Deliveries(ctx context.Context, key, verdict string) iter.Seq2[Delivery, error] {
	query := list()
	put(query, "verdict", verdict)
	return pages[Delivery](ctx, c, coursePath(key)+"/deliveries", query)
}

// Delivery gives a delivery.
func (c *Client) Delivery(ctx context.Context, key string, id int64) (Delivery, error) {
	return get[Delivery](ctx, c, deliveryPath(key, id))
}

// Redeliver does again what an accepted delivery asked for.
func (c *Client) Redeliver(ctx context.Context, key string, id int64) (Build, error) {
	var out Build
	_, _, err := c.do(ctx, request{method: http.MethodPost, path: deliveryPath(key, id) + "/redeliver"}, &out)
	return out, err
}

func decode[T any](text string) (out T, err error) {
	err = json.Unmarshal([]byte(text), &out)
	return out, err
}
