package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/web/message"
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

// What the page of the fleet looks at.
const (
	queueShown   = 100
	failuresSeen = 500
	failuresDays = 7
)

type hostRow struct {
	course.Host
	Path string // that the forms of the row begin with
}

// Used is the share of the disk that is in use, of 100.
func (h hostRow) Used() int64 {
	if h.DiskTotal <= 0 {
		return 0
	}
	return (h.DiskTotal - h.DiskFree) * 100 / h.DiskTotal
}

// Busy is the share of the slots that are taken, of 100.
func (h hostRow) Busy() int {
	if h.Slots <= 0 {
		return 0
	}
	return min(h.Running*100/h.Slots, 100)
}

// failureGroup is how often builds failed for one cause.
type failureGroup struct {
	Step    string
	Service bool // not the courses' fault
	Count   int
	Courses []string
	Latest  course.Build
}

type hostsPage struct {
	Title    string
	Rows     []hostRow
	Running  []course.Build
	Queue    []course.Build // that wait, the oldest first
	More     bool           // there are more in the queue than are shown
	Failures []failureGroup
	Days     int
	Slots    int // of hosts that take builds
	Taken    int
	Trouble  int          // hosts that take no builds
	Sweeper  *sweeperPage // nil: nobody tells what it does
}

// administers says whether the sender of a request may do everything.
func (s *site) administers(r *http.Request) bool { return s.May(r, true, course.Course{}) }

func (s *site) administrator(r *http.Request) error {
	if !s.administers(r) {
		return fmt.Errorf("for administrators only: %w", course.ErrDenied)
	}
	return nil
}

// hosts shows the fleet: the hosts, what waits, what failed.
func (s *site) hosts(w http.ResponseWriter, r *http.Request) error {
	if err := s.administrator(r); err != nil {
		return err
	}
	list, err := s.Hosts.ListHosts(r.Context())
	if err != nil {
		return err
	}
	page := hostsPage{Title: s.printer(r).T("Fleet"), Days: failuresDays}
	for _, h := range list {
		page.Rows = append(page.Rows, hostRow{Host: h, Path: hostsPath + "/" + url.PathEscape(h.ID)})
		if h.TakesBuilds() {
			page.Slots += h.Slots
			page.Taken += h.Running
		} else {
			page.Trouble++
		}
	}
	open, err := s.Rows.OpenBuilds(r.Context(), queueShown+1)
	if err != nil {
		return err
	}
	page.More = len(open) > queueShown
	for _, b := range open[:min(len(open), queueShown)] {
		if b.Status == course.StatusRunning {
			page.Running = append(page.Running, b)
		} else {
			page.Queue = append(page.Queue, b)
		}
	}
	if page.Failures, err = s.failures(r.Context()); err != nil {
		return err
	}
	if s.Sweeps != nil {
		if page.Sweeper, err = s.swept(r); err != nil {
			return err
		}
	}
	return s.render(w, r, http.StatusOK, "hosts.html", page)
}

// failures groups the failed builds of the last days by their causes, the most
// frequent first, the service's own before those of courses.
func (s *site) failures(ctx context.Context) ([]failureGroup, error) {
	filter := course.BuildFilter{Statuses: []course.Status{course.StatusFailed}, Since: s.Now().AddDate(0, 0, -failuresDays)}
	list, err := s.Rows.SearchBuilds(ctx, filter, course.Page{Limit: failuresSeen})
	if err != nil {
		return nil, err
	}
	var groups []failureGroup
	for _, b := range list { // newest first
		step, service := failedStep(b), serviceTrouble(b.Reason)
		i := slices.IndexFunc(groups, func(g failureGroup) bool { return g.Step == step && g.Service == service })
		if i < 0 {
			i = len(groups)
			groups = append(groups, failureGroup{Step: step, Service: service, Latest: b})
		}
		g := &groups[i]
		g.Count++
		if !slices.Contains(g.Courses, b.CourseKey) {
			g.Courses = append(g.Courses, b.CourseKey)
		}
	}
	slices.SortStableFunc(groups, func(a, b failureGroup) int {
		if a.Service != b.Service {
			if a.Service {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.Count, a.Count)
	})
	return groups, nil
}

// failedStep is the step in which a build failed, empty when none had begun.
// Graders are one cause, whichever of a course's it was.
func failedStep(b course.Build) string {
	name := ""
	for _, step := range b.Steps {
		if step.Outcome == course.OutcomeFailed {
			name = step.Name
		}
	}
	if strings.HasPrefix(name, graderStep) {
		return strings.TrimSpace(graderStep)
	}
	return name
}

// hostStates are the states of build hosts as people read them.
var hostStates = map[course.HostState]string{
	course.HostActive:   key("active"),
	course.HostDraining: key("draining"),
	course.HostFailing:  key("failing"),
	course.HostStopped:  key("stopped"),
}

func hostState(p message.Printer, s course.HostState) string { return p.T(hostStates[s]) }

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
