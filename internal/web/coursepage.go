package web

import (
	"net/http"
	"slices"
	"strconv"

	"coursewright/internal/course"
)

// How many builds and deliveries one page shows.
const (
	buildsPerPage     = 25
	deliveriesPerPage = 10
)

type coursePage struct {
	Title     string
	Course    course.Course
	Base      string
	Write     bool
	Live      bool // a build is pending or running
	Notices   []string
	Stored    *course.Release
	Published *course.Release
	Releases  []course.Release
	Builds    []course.Build
	Next      int64 // 0 on the last page

	Deliveries      []course.Delivery // for callers who may write
	NextDelivery    int64             // 0 on the last page of deliveries
	OlderDeliveries bool              // not the first page of deliveries
	OldSecretValid  bool              // a secret before the present one still is
}

// Older says whether publishing this release takes students back.
func (p coursePage) Older(r course.Release) bool {
	return p.Published != nil && r.BuildID < p.Published.BuildID
}

// IsPublished says whether students see this release.
func (p coursePage) IsPublished(r course.Release) bool {
	return p.Published != nil && r.Version == p.Published.Version
}

// notices are what a form that has done its work says on the next page.
func notices(done string, oldSecret bool) []string {
	switch done {
	case "published":
		return []string{"The release is published."}
	case "saved":
		return []string{"The course is saved."}
	case "secret":
		old := "deliveries with the old one are refused."
		if oldSecret {
			old = "the old one stays valid for a while."
		}
		return []string{"The course has a new webhook secret. Put it into the git host's settings: " + old}
	}
	return nil
}

// course shows one course with its releases and builds.
func (s *site) course(w http.ResponseWriter, r *http.Request) error {
	c, err := s.find(r, false)
	if err != nil {
		return err
	}
	return s.showCourse(w, r, c, notices(r.URL.Query().Get("done"), len(c.Secrets(s.Now())) > 1))
}

func (s *site) showCourse(w http.ResponseWriter, r *http.Request, c course.Course, said []string) error {
	page := coursePage{Title: c.Key, Course: c, Base: s.BaseURL(r), Write: s.May(r, true, c), Notices: said}
	before, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
	if page.Builds, err = s.Rows.ListBuilds(r.Context(), c.Key, course.Page{Limit: buildsPerPage + 1, Before: before}); err != nil {
		return err
	}
	if len(page.Builds) > buildsPerPage {
		page.Builds = page.Builds[:buildsPerPage]
		page.Next = page.Builds[buildsPerPage-1].ID
	}
	if page.Write {
		page.OldSecretValid = len(c.Secrets(s.Now())) > 1
		if err := s.addDeliveries(r, &page); err != nil {
			return err
		}
	}
	for _, b := range page.Builds {
		page.Live = page.Live || !b.Status.Final()
	}
	if err := s.addReleases(&page); err != nil {
		// The page is still of use to whoever wants to know why.
		s.Log.ErrorContext(r.Context(), "releases cannot be read", "course", c.Key, "error", err)
		page.Notices = append(page.Notices, "The releases of this course cannot be read now.")
	}
	return s.render(w, http.StatusOK, "course.html", page)
}

// addDeliveries adds a page of the deliveries: the newest, or those before the
// one that the query names.
func (s *site) addDeliveries(r *http.Request, page *coursePage) error {
	before, err := strconv.ParseInt(r.URL.Query().Get("deliveries"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
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

func (s *site) addReleases(page *coursePage) error {
	key := page.Course.Key
	var err error
	if page.Stored, err = optional(s.Releases.Stored(key)); err != nil {
		return err
	}
	if page.Published, err = optional(s.Releases.Published(key)); err != nil {
		return err
	}
	if page.Releases, err = s.Releases.Releases(key); err != nil {
		return err
	}
	// Those that are kept were published once; the stored one is newer.
	if page.Stored != nil && !slices.ContainsFunc(page.Releases, func(r course.Release) bool { return r.Version == page.Stored.Version }) {
		page.Releases = slices.Insert(page.Releases, 0, *page.Stored)
	}
	return nil
}

// overview shows what A+ needs to know of a course.
func (s *site) overview(w http.ResponseWriter, r *http.Request) error {
	c, err := s.find(r, false)
	if err != nil {
		return err
	}
	page := coursePage{Title: c.Key, Course: c, Base: s.BaseURL(r)}
	if page.Published, err = optional(s.Releases.Published(c.Key)); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "overview.html", page)
}
