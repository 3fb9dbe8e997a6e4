package web

import (
	"net/http"
	"strconv"

	"coursewright/internal/course"
)

// coursesPerPage is how many courses one page shows.
const coursesPerPage = 100

type listRow struct {
	course.Course
	Build *course.Build // nil: never built
}

type listPage struct {
	Title  string
	Live   bool // something runs
	Rows   []listRow
	Next   int64 // 0 on the last page
	SSHKey string
	Hosts  string // address of the build hosts' page, for those who may see it
}

// list shows the courses with their latest builds.
func (s *site) list(w http.ResponseWriter, r *http.Request) error {
	before, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
	found, err := s.Courses.ListCourses(r.Context(), course.Page{Limit: coursesPerPage + 1, Before: before})
	if err != nil {
		return err
	}
	page := listPage{Title: "Courses", SSHKey: s.SSHKey}
	if s.Hosts != nil && s.administers(r) {
		page.Hosts = hostsPath
	}
	if len(found) > coursesPerPage {
		found = found[:coursesPerPage]
		page.Next = found[coursesPerPage-1].ID
	}
	ids := make([]int64, 0, len(found))
	for _, c := range found {
		if s.May(r, false, c) {
			page.Rows = append(page.Rows, listRow{Course: c})
			ids = append(ids, c.ID)
		}
	}
	latest, err := s.Rows.LatestBuilds(r.Context(), ids)
	if err != nil {
		return err
	}
	for i, row := range page.Rows {
		if b, ok := latest[row.ID]; ok {
			page.Rows[i].Build = &b
			page.Live = page.Live || !b.Status.Final()
		}
	}
	return s.render(w, http.StatusOK, "list.html", page)
}
