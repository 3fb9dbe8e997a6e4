package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Fleet is what happens on the build hosts at one moment.
type Fleet struct {
	At      time.Time   `json:"at"`
	Hosts   []Host      `json:"hosts"`
	Slots   Slots       `json:"slots"` // of hosts that take builds
	Running []OpenBuild `json:"running"`
	Waiting []OpenBuild `json:"waiting"`
	// LongestWaiting is in seconds.
	LongestWaiting float64  `json:"longest_waiting_seconds"`
	Failures       Failures `json:"failures"`
}

// Slots counts the builds that may run at a time.
type Slots struct {
	Total   int `json:"total"`
	Running int `json:"running"`
	Waiting int `json:"waiting"`
	Free    int `json:"free"`
}

// OpenBuild is a build that has not ended.
type OpenBuild struct {
	ID          int64     `json:"id"`
	Course      string    `json:"course"`
	Status      Status    `json:"status"`
	Class       string    `json:"class"` // manual, push or automatic
	Host        string    `json:"host"`
	Step        string    `json:"step"`
	RequestedAt time.Time `json:"requested_at"`
	Seconds     float64   `json:"seconds"` // that it has run or waited
}

// Failures counts the builds that failed.
type Failures struct {
	Since   time.Time `json:"since"`
	Total   int       `json:"total"`
	ByCause []Cause   `json:"by_cause"` // the most frequent one first
}

// Cause is why some builds failed.
type Cause struct {
	Cause        string   `json:"cause"` // the step that failed, or interrupted
	Count        int      `json:"count"`
	Courses      []string `json:"courses"`
	Hosts        []string `json:"hosts"`
	LatestBuild  int64    `json:"latest_build"`
	LatestReason string   `json:"latest_reason"`
}

// Sweep is a look of the reconciler at the builds that have not ended.
type Sweep struct {
	EndedAt   time.Time `json:"ended_at"`
	By        string    `json:"by"`
	Took      float64   `json:"took_seconds"`
	Running   int       `json:"running"`
	Pending   int       `json:"pending"`
	Closed    int       `json:"closed"`
	Signalled int       `json:"signalled"` // courses whose workflow was told
	Courses   []string  `json:"courses"`
	Trouble   string    `json:"trouble"`
}

// Closing is a build that the reconciler has closed.
type Closing struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	Course string    `json:"course"`
	Build  int64     `json:"build"`
	Reason string    `json:"reason"`
}

// AuditEntry is an entry of the security log.
type AuditEntry struct {
	ID      int64             `json:"id"`
	At      time.Time         `json:"at"`
	Action  string            `json:"action"`
	Outcome string            `json:"outcome"` // done, denied, refused or failed
	Course  string            `json:"course"`
	Caller  string            `json:"caller"`
	Issuer  string            `json:"issuer"`
	Address string            `json:"address"`
	Details map[string]string `json:"details"`
}

// AuditFilter chooses entries of the security log; what is empty chooses all.
type AuditFilter struct {
	Course  string
	Action  string // such as EDIT-COURSE
	Caller  string
	Outcome string
	Since   time.Time
	Until   time.Time
}

// SearchBuilds lists builds of all courses, newest first, for administrators; of
// one course when its key is given.
func (c *Client) SearchBuilds(ctx context.Context, course string, f BuildFilter) iter.Seq2[Build, error] {
	query := f.query()
	put(query, "course", course)
	return pages[Build](ctx, c, restPath+"/builds", query)
}

// Fleet tells what happens on the build hosts, for administrators, and which
// builds failed since then, or for a day when since is zero.
func (c *Client) Fleet(ctx context.Context, since time.Time) (Fleet, error) {
	query := url.Values{}
	putTime(query, "since", since)
	var out Fleet
	_, _, err := c.do(ctx, request{method: http.MethodGet, path: restPath + "/fleet", query: query}, &out)
	return out, err
}

// LastSweep gives the latest look of the reconciler, for administrators; nil: it
// has not looked yet.
func (c *Client) LastSweep(ctx context.Context) (*Sweep, error) {
	var out struct {
		Last *Sweep `json:"last"`
	}
	_, _, err := c.do(ctx, request{method: http.MethodGet, path: restPath + "/reconciler", query: url.Values{"limit": {"1"}}}, &out)
	return out.Last, err
}

// Closings lists the builds that the reconciler has closed, newest first, for
// administrators.
func (c *Client) Closings(ctx context.Context) iter.Seq2[Closing, error] {
	return pages[Closing](ctx, c, restPath+"/reconciler", list())
}

// AuditLog lists the entries of the security log, newest first, for
// administrators.
func (c *Client) AuditLog(ctx context.Context, f AuditFilter) iter.Seq2[AuditEntry, error] {
	query := list()
	put(query, "course", f.Course)
	put(query, "action", f.Action)
	put(query, "caller", f.Caller)
	put(query, "outcome", f.Outcome)
	putTime(query, "since", f.Since)
	putTime(query, "until", f.Until)
	return pages[AuditEntry](ctx, c, restPath+"/audit", query)
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
