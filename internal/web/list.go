package web

import (
	"context"
	"net/http"
	"strings"

	"coursewright/internal/course"
)

// coursesPerPage is how many courses one page shows, and coursesRead how many
// the search for them reads at a time.
const (
	coursesPerPage = 100
	coursesRead    = 200
)

type listRow struct {
	course.Course
	Build     *course.Build   // nil: never built
	Published *course.Release // nil: nothing is
}

type listPage struct {
	Title  string
	Live   bool // something runs
	Rows   []listRow
	Next   int64 // 0 on the last page
	SSHKey string
	Query  string
	State  string
	States []string
}

// The states that the list of courses can be narrowed to.
const (
	stateFailed      = "failed"
	stateOpen        = "open"
	stateWaiting     = "waiting"
	stateUnpublished = "unpublished"
)

func listStates() []string {
	return []string{"", stateFailed, stateOpen, stateWaiting, stateUnpublished}
}

// list shows the courses with their latest builds.
func (s *site) list(w http.ResponseWriter, r *http.Request) error {
	page := listPage{
		Title: s.printer(r).T("Courses"), SSHKey: s.SSHKey, States: listStates(),
		Query: strings.TrimSpace(r.URL.Query().Get("q")), State: r.URL.Query().Get("state"),
	}
	for last := before(r, "before"); ; {
		found, err := s.Courses.ListCourses(r.Context(), course.Page{Limit: coursesRead, Before: last})
		if err != nil {
			return err
		}
		rows, err := s.rows(r, found)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if !page.wants(row) {
				continue
			}
			if len(page.Rows) == coursesPerPage {
				page.Next = page.Rows[coursesPerPage-1].ID
				return s.render(w, r, http.StatusOK, "list.html", page)
			}
			page.Live = page.Live || row.Build != nil && !row.Build.Status.Final()
			page.Rows = append(page.Rows, row)
		}
		if len(found) < coursesRead {
			return s.render(w, r, http.StatusOK, "list.html", page)
		}
		last = found[len(found)-1].ID
	}
}

// rows adds to courses that the caller may see what is known of them.
func (s *site) rows(r *http.Request, found []course.Course) ([]listRow, error) {
	var rows []listRow
	var ids []int64
	for _, c := range found {
		if s.May(r, false, c) {
			rows = append(rows, listRow{Course: c})
			ids = append(ids, c.ID)
		}
	}
	latest, err := s.Rows.LatestBuilds(r.Context(), ids)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if b, ok := latest[rows[i].ID]; ok {
			rows[i].Build = &b
		}
		rows[i].Published = s.published(r.Context(), rows[i].Key)
	}
	return rows, nil
}

// published finds what is published of a course. What cannot be read is told on
// the course's own page.
func (s *site) published(ctx context.Context, key string) *course.Release {
	found, err := optional(s.Releases.Published(key))
	if err != nil {
		s.Log.ErrorContext(ctx, "releases cannot be read", "course", key, "error", err)
	}
	return found
}

// Waits says whether the newest build made a release that is not published.
func (r listRow) Waits() bool {
	return r.Build != nil && r.Build.Status == course.StatusSuccess && r.Build.Version != "" &&
		(r.Published == nil || r.Published.BuildID < r.Build.ID)
}

// wants says whether a row is one of those that are looked for.
func (p listPage) wants(row listRow) bool {
	text := strings.ToLower(p.Query)
	if text != "" && !strings.Contains(strings.ToLower(row.Key+" "+row.ShownOrigin()+" "+row.GitBranch), text) {
		return false
	}
	switch p.State {
	case stateFailed:
		return row.Build != nil && row.Build.Status == course.StatusFailed
	case stateOpen:
		return row.Build != nil && !row.Build.Status.Final()
	case stateWaiting:
		return row.Waits()
	case stateUnpublished:
		return row.Published == nil
	}
	return true
}

// StateName is what a choice of the filter is called.
func (listPage) StateName(state string) string {
	switch state {
	case stateFailed:
		return key("Failing")
	case stateOpen:
		return key("Building")
	case stateWaiting:
		return key("Waiting to be published")
	case stateUnpublished:
		return key("Never published")
	}
	return key("All")
}
