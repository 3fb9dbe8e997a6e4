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
	query := url.Values{"limit": {"200"}}
	if text != "" {
		query.Set("q", text)
	}
	if status != "" {
		query.Set("status", string(status))
	}
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

// ChangeCourse changes the given fields of a course. With a tag it is refused
// when somebody else was faster.
func (c *Client) ChangeCourse(ctx context.Context, key, tag string, fields map[string]any) (Course, error) {
	var out Course
	r := request{method: http.MethodPatch, path: coursePath(key), body: fields}
	if tag != "" {
		r.header = http.Header{ifMatchHeader: {tag}}
	}
	_, _, err := c.do(ctx, r, &out)
	return out, err
}

// RemoveCourse removes a course with its builds, releases and files.
func (c *Client) RemoveCourse(ctx context.Context, key string) error {
	_, _, err := c.do(ctx, request{method: http.MethodDelete, path: coursePath(key), query: url.Values{"confirm": {key}}}, nil)
	return err
}

// RenewSecret gives a course a new webhook secret; the old one is accepted for
// some hours more.
func (c *Client) RenewSecret(ctx context.Context, key string, keepOldHours int) (Course, error) {
	var out Course
	body := map[string]int{"keep_old_hours": keepOldHours}
	_, _, err := c.do(ctx, request{method: http.MethodPost, path: coursePath(key) + "/webhook-secret", body: body}, &out)
	return out, err
}

// Builds lists the builds of a course, newest first, of some states if any are
// given.
func (c *Client) Builds(ctx context.Context, key string, limit int, status ...Status) iter.Seq2[Build, error] {
	query := url.Values{"limit": {strconv.Itoa(min(max(limit, 1), 200))}}
	text := ""
	for i, s := range status {
		if i > 0 {
			text += ","
		}
		text += string(s)
	}
	if text != "" {
		query.Set("status", text)
	}
	return pages[Build](ctx, c, coursePath(key)+"/builds", query)
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

// Hosts lists the build hosts, for administrators.
func (c *Client) Hosts(ctx context.Context) iter.Seq2[Host, error] {
	return pages[Host](ctx, c, restPath+"/hosts", nil)
}

// Host gives a build host.
func (c *Client) Host(ctx context.Context, id string) (Host, error) {
	return get[Host](ctx, c, hostPath(id))
}

// DrainHost lets a build host finish its builds and take no new ones.
func (c *Client) DrainHost(ctx context.Context, id string) (Host, error) {
	return c.changeHost(ctx, id, "/drain")
}

// ResumeHost lets a build host take builds again.
func (c *Client) ResumeHost(ctx context.Context, id string) (Host, error) {
	return c.changeHost(ctx, id, "/resume")
}

func (c *Client) changeHost(ctx context.Context, id, how string) (Host, error) {
	var out Host
	_, _, err := c.do(ctx, request{method: http.MethodPost, path: hostPath(id) + how}, &out)
	return out, err
}

// ForgetHost forgets a build host that will not come back.
func (c *Client) ForgetHost(ctx context.Context, id string) error {
	_, _, err := c.do(ctx, request{method: http.MethodDelete, path: hostPath(id)}, nil)
	return err
}

func hostPath(id string) string { return restPath + "/hosts/" + url.PathEscape(id) }

// Deliveries lists what git hosts sent to the hook of a course, newest first.
func (c *Client) Deliveries(ctx context.Context, key string) iter.Seq2[Delivery, error] {
	return pages[Delivery](ctx, c, coursePath(key)+"/deliveries", nil)
}

// Delivery gives a delivery.
func (c *Client) Delivery(ctx context.Context, key string, id int64) (Delivery, error) {
	return get[Delivery](ctx, c, coursePath(key)+"/deliveries/"+strconv.FormatInt(id, 10))
}

// Redeliver does again what an accepted delivery asked for.
func (c *Client) Redeliver(ctx context.Context, key string, id int64) (Build, error) {
	var out Build
	path := coursePath(key) + "/deliveries/" + strconv.FormatInt(id, 10) + "/redeliver"
	_, _, err := c.do(ctx, request{method: http.MethodPost, path: path}, &out)
	return out, err
}

func decode[T any](text string) (out T, err error) {
	err = json.Unmarshal([]byte(text), &out)
	return out, err
}
