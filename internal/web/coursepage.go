package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/web/message"
)

// How many builds and deliveries one page shows.
const (
	buildsPerPage     = 25
	deliveriesPerPage = 10
)

type coursePage struct {
	Title     string
	Tab       string // of the course's pages, the one that is shown
	Course    course.Course
	Base      string
	Write     bool
	Live      bool   // a build is pending or running
	Seen      string // state that the page shows, or an older one; see stateOf
	Notices   []string
	Stored    *course.Release
	Published *shownRelease
	Releases  []shownRelease
	Builds    []course.Build
	Latest    *course.Build // that was not skipped
	Longest   time.Duration // of the builds of this page
	Older     bool          // not the first page of builds
	Next      int64         // 0 on the last page

	Diff     *course.Diff     // of the waiting release; nil: none waits
	Held     bool             // it waits for an approval
	Previews []course.Release // of branches

	Deliveries      []course.Delivery // for callers who may write
	NextDelivery    int64             // 0 on the last page of deliveries
	OlderDeliveries bool              // not the first page of deliveries
}

// shownRelease is a release with what the build rows and the security log know
// of it.
type shownRelease struct {
	course.Release
	Build *course.Build // nil: its row is gone
	By    string        // who published it; empty: the service itself, or nobody knows
}

// Back says whether publishing this release takes students back.
func (p coursePage) Back(r shownRelease) bool {
	return p.Published != nil && r.BuildID < p.Published.BuildID
}

// IsPublished says whether students see this release.
func (p coursePage) IsPublished(r shownRelease) bool {
	return p.Published != nil && r.Version == p.Published.Version
}

// Waits says whether there is a release that students do not see yet.
func (p coursePage) Waits() bool {
	return p.Stored != nil && (p.Published == nil || p.Stored.BuildID > p.Published.BuildID)
}

// IsHeld says whether a release waits for an approval, so that publishing it would
// be refused.
func (p coursePage) IsHeld(r shownRelease) bool {
	return p.Held && p.Stored != nil && r.Version == p.Stored.Version
}

// Newest says whether students see what the newest build made.
func (p coursePage) Newest() bool {
	return p.Published != nil && p.Latest != nil && p.Published.BuildID == p.Latest.ID
}

// RolledBack is the newest release that students saw before somebody went back
// to an older one; nil: nobody did.
func (p coursePage) RolledBack() *shownRelease {
	for i, r := range p.Releases {
		if p.Published != nil && !r.PublishedAt.IsZero() && r.BuildID > p.Published.BuildID {
			return &p.Releases[i]
		}
	}
	return nil
}

// Share is how long a build took beside the longest of the page, of 100.
func (p coursePage) Share(b course.Build) int64 {
	if p.Longest <= 0 || b.StartedAt.IsZero() || b.FinishedAt.IsZero() {
		return 0
	}
	return max(int64(b.FinishedAt.Sub(b.StartedAt)*100/p.Longest), 1)
}

// Open lists the builds of the page that have not ended.
func (p coursePage) Open() []course.Build {
	var out []course.Build
	for _, b := range p.Builds {
		if !b.Status.Final() {
			out = append(out, b)
		}
	}
	return out
}

// notices are what a form that has done its work says on the next page.
func notices(p message.Printer, done string, oldSecret bool) []string {
	switch done {
	case "published":
		return []string{p.T("The release is published.")}
	case "approved":
		return []string{p.T("The release is approved. It is published once A+ has imported it, or once you publish it.")}
	case "saved":
		return []string{p.T("The course is saved.")}
	case "secret":
		old := p.T("deliveries with the old one are refused.")
		if oldSecret {
			old = p.T("the old one stays valid for a while.")
		}
		return []string{p.T("The course has a new webhook secret. Put it into the git host's settings: %s", old)}
	}
	return nil
}

// course shows one course with its releases and builds.
func (s *site) course(w http.ResponseWriter, r *http.Request) error {
	c, err := s.find(r, false)
	if err != nil {
		return err
	}
	return s.showCourse(w, r, c, notices(s.printer(r), r.URL.Query().Get("done"), false))
}

func (s *site) showCourse(w http.ResponseWriter, r *http.Request, c course.Course, told []string) error {
	page := coursePage{Title: c.Key, Tab: "overview", Course: c, Base: s.BaseURL(r), Write: s.May(r, true, c), Notices: told}
	var err error
	if page.Seen, err = s.stateOf(r.Context(), c); err != nil {
		return err
	}
	if err := s.addBuilds(r, &page); err != nil {
		return err
	}
	if page.Write {
		if err := s.addDeliveries(r, &page); err != nil {
			return err
		}
	}
	if err := s.addReleases(r.Context(), &page); err != nil {
		// The page is still of use to whoever wants to know why.
		s.Log.ErrorContext(r.Context(), "releases cannot be read", "course", c.Key, "error", err)
		page.Notices = append(page.Notices, s.printer(r).T("The releases of this course cannot be read now."))
	}
	s.addChanges(r.Context(), &page)
	return s.render(w, r, http.StatusOK, "course.html", page)
}

// addBuilds adds a page of builds, and the newest.
func (s *site) addBuilds(r *http.Request, page *coursePage) error {
	before := before(r, "before")
	page.Older = before > 0
	var err error
	page.Builds, err = s.Rows.ListBuilds(r.Context(), page.Course.Key, course.Page{Limit: buildsPerPage + 1, Before: before})
	if err != nil {
		return err
	}
	if len(page.Builds) > buildsPerPage {
		page.Builds = page.Builds[:buildsPerPage]
		page.Next = page.Builds[buildsPerPage-1].ID
	}
	for _, b := range page.Builds {
		page.Live = page.Live || !b.Status.Final()
		page.Longest = max(page.Longest, s.elapsed(b))
	}
	latest, err := s.Rows.LatestBuilds(r.Context(), []int64{page.Course.ID})
	if b, ok := latest[page.Course.ID]; ok {
		page.Latest = &b
	}
	return err
}

// before reads the parameter that a list begins before; 0 for the first page.
func before(r *http.Request, name string) int64 {
	n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// addDeliveries adds a page of the deliveries: the newest, or those before the
// one that the query names.
func (s *site) addDeliveries(r *http.Request, page *coursePage) error {
	before := before(r, "deliveries")
	page.OlderDeliveries = before > 0
	list, err := s.Rows.ListDeliveries(r.Context(), page.Course.Key, course.Page{Limit: deliveriesPerPage + 1, Before: before})
	if err != nil {
		return err
	}
	if len(list) > deliveriesPerPage {
		list = list[:deliveriesPerPage]
		page.NextDelivery = list[deliveriesPerPage-1].ID
	}
	page.Deliveries = list
	return nil
}

func (s *site) addReleases(ctx context.Context, page *coursePage) error {
	key := page.Course.Key
	stored, err := optional(s.Releases.Stored(key))
	if err != nil {
		return err
	}
	published, err := optional(s.Releases.Published(key))
	if err != nil {
		return err
	}
	list, err := s.Releases.Releases(key)
	if err != nil {
		return err
	}
	// Those that are kept were published once; the stored one is newer.
	if stored != nil && !slices.ContainsFunc(list, func(r course.Release) bool { return r.Version == stored.Version }) {
		list = slices.Insert(list, 0, *stored)
	}
	publishers, err := s.publishers(ctx, key)
	if err != nil {
		return err
	}
	page.Stored = stored
	for _, r := range list {
		shown := shownRelease{Release: r, By: publishers[r.Version]}
		if shown.Build, err = s.rowOf(ctx, page, r); err != nil {
			return err
		}
		page.Releases = append(page.Releases, shown)
		if published != nil && r.Version == published.Version {
			page.Published = &shown
		}
	}
	if published != nil && page.Published == nil {
		page.Published = &shownRelease{Release: *published, By: publishers[published.Version]}
		page.Published.Build, err = s.rowOf(ctx, page, *published)
	}
	return err
}

// rowOf finds the build that made a release; nil when its row is gone.
func (s *site) rowOf(ctx context.Context, page *coursePage, r course.Release) (*course.Build, error) {
	for i := range page.Builds {
		if page.Builds[i].ID == r.BuildID {
			return &page.Builds[i], nil
		}
	}
	b, err := s.Rows.Build(ctx, r.BuildID)
	return optional(b, err)
}

// publishers tells who published the releases of a course last, by version, as
// far as the newest entries of the security log know.
func (s *site) publishers(ctx context.Context, key string) (map[string]string, error) {
	out := map[string]string{}
	if s.AuditLog == nil {
		return out, nil
	}
	const looked = 200
	list, err := s.AuditLog.ListAudit(ctx, course.AuditFilter{Course: key, Action: "PUBLISH", Outcome: course.AuditDone}, course.Page{Limit: looked})
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		version := e.Details["version"]
		if _, known := out[version]; version != "" && !known {
			out[version] = e.Caller
		}
	}
	return out, nil
}

// overview shows what A+ needs to know of a course.
func (s *site) overview(w http.ResponseWriter, r *http.Request) error {
	c, err := s.find(r, false)
	if err != nil {
		return err
	}
	page := coursePage{Title: c.Key, Course: c, Base: s.BaseURL(r)}
	published, err := optional(s.Releases.Published(c.Key))
	if err != nil {
		return err
	}
	if published != nil {
		page.Published = &shownRelease{Release: *published}
	}
	return s.render(w, r, http.StatusOK, "overview.html", page)
}
