package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"coursewright/internal/course"
)

// Sweeps is what the pages need of the sweeper's records.
type Sweeps interface {
	LastSweep(ctx context.Context) (course.Sweep, error)
	ListClosings(ctx context.Context, p course.Page) ([]course.Closing, error)
}

const (
	sweeperPath = "/admin/sweeper"
	// sweeperLate is after how long without a sweep something is wrong: they
	// come every few seconds.
	sweeperLate = time.Minute
	// shownClosings is how many closed builds the page lists.
	shownClosings = 50
)

type sweeperPage struct {
	Title    string
	Path     string // of the page
	Swept    bool   // at all
	Late     bool
	Last     course.Sweep
	Closings []course.Closing
}

// sweeper shows what the sweeper did last, and which builds it has closed.
func (s *site) sweeper(w http.ResponseWriter, r *http.Request) error {
	if err := s.administrator(r); err != nil {
		return err
	}
	page, err := s.swept(r)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "sweeper.html", page)
}

// swept reads what the sweeper has recorded.
func (s *site) swept(r *http.Request) (*sweeperPage, error) {
	page := &sweeperPage{Title: s.printer(r).T("Sweeper"), Path: sweeperPath, Swept: true}
	var err error
	if page.Last, err = s.Sweeps.LastSweep(r.Context()); errors.Is(err, course.ErrNotFound) {
		page.Swept = false
	} else if err != nil {
		return nil, err
	}
	page.Late = page.Swept && s.Now().Sub(page.Last.EndedAt) > sweeperLate
	page.Closings, err = s.Sweeps.ListClosings(r.Context(), course.Page{Limit: shownClosings})
	return page, err
}
