package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"coursewright/internal/course"
)

// BuildHosts is what the pages need of the build hosts.
type BuildHosts interface {
	ListHosts(ctx context.Context) ([]course.Host, error)
	DrainHost(ctx context.Context, id string) error
	ResumeHost(ctx context.Context, id string) error
	ForgetHost(ctx context.Context, id string, silent time.Duration) error
}

// hostsPath is the page of the build hosts.
const hostsPath = "/admin/hosts"

type hostRow struct {
	course.Host
	Path string // that the forms of the row begin with
}

type hostsPage struct {
	Title   string
	Sweeper string // address of its page; empty: there is none
	Rows    []hostRow
}

// administers says whether the sender of a request may do everything.
func (s *site) administers(r *http.Request) bool { return s.May(r, true, course.Course{}) }

func (s *site) administrator(r *http.Request) error {
	if !s.administers(r) {
		return fmt.Errorf("for administrators only: %w", course.ErrDenied)
	}
	return nil
}

// hosts lists the build hosts.
func (s *site) hosts(w http.ResponseWriter, r *http.Request) error {
	if err := s.administrator(r); err != nil {
		return err
	}
	list, err := s.Hosts.ListHosts(r.Context())
	if err != nil {
		return err
	}
	page := hostsPage{Title: "Build hosts"}
	if s.Sweeps != nil {
		page.Sweeper = sweeperPath
	}
	for _, h := range list {
		page.Rows = append(page.Rows, hostRow{Host: h, Path: hostsPath + "/" + url.PathEscape(h.ID)})
	}
	return s.render(w, http.StatusOK, "hosts.html", page)
}

// changeHost drains, resumes or forgets a build host and lists them again.
func (s *site) changeHost(w http.ResponseWriter, r *http.Request) error {
	if err := s.administrator(r); err != nil {
		return err
	}
	ctx, id := r.Context(), r.PathValue("id")
	var action string
	var err error
	switch r.PathValue("action") {
	case "drain":
		action, err = "DRAIN-HOST", s.Hosts.DrainHost(ctx, id)
	case "resume":
		action, err = "RESUME-HOST", s.Hosts.ResumeHost(ctx, id)
	case "forget":
		action, err = "FORGET-HOST", s.Hosts.ForgetHost(ctx, id, course.HostSilence)
	default:
		return errNoPage
	}
	if err != nil {
		return err
	}
	s.Audit(r, action, "", "host", id)
	http.Redirect(w, r, hostsPath, http.StatusSeeOther)
	return nil
}
