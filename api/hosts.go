package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// BuildHosts is what the API needs of the build hosts.
type BuildHosts interface {
	ListHosts(ctx context.Context) ([]course.Host, error)
	Host(ctx context.Context, id string) (course.Host, error)
	DrainHost(ctx context.Context, id string) error
	ResumeHost(ctx context.Context, id string) error
	ForgetHost(ctx context.Context, id string, silent time.Duration) error
}

const hostsRoute = restPrefix + "hosts"

// hosts are the addresses of the build hosts, for callers who may do
// everything.
func (s *server) hosts(r *gin.RouterGroup) {
	reads(r, "", s.problems(listHosts(s.gate, s.BuildHosts)))
	reads(r, "/:id", s.problems(getHost(s.gate, s.BuildHosts)))
	r.POST("/:id/drain", s.problems(changeHost(s.gate, s.BuildHosts, actionDrainHost, s.BuildHosts.DrainHost)))
	r.POST("/:id/resume", s.problems(changeHost(s.gate, s.BuildHosts, actionResumeHost, s.BuildHosts.ResumeHost)))
	r.DELETE("/:id", s.problems(forgetHost(s.gate, s.BuildHosts)))
}

// hostBody is a build host as the REST API shows it.
type hostBody struct {
	ID        string           `json:"id"`
	Name      string           `json:"name"`
	Version   string           `json:"version"`
	State     course.HostState `json:"state"`
	Reason    string           `json:"reason"` // why it takes no builds of its own accord
	Gone      bool             `json:"gone"`   // it has been silent for too long
	StartedAt time.Time        `json:"started_at"`
	SeenAt    time.Time        `json:"seen_at"`
	Builds    int              `json:"builds"` // under way on it
	Slots     int              `json:"slots"`
	Running   int              `json:"running"` // build commands
	Waiting   int              `json:"waiting"` // for a slot
	Load      float64          `json:"load"`
	DiskFree  int64            `json:"disk_free"`  // bytes
	DiskTotal int64            `json:"disk_total"` // bytes
}

func newHostBody(h course.Host) hostBody {
	return hostBody{
		ID: h.ID, Name: h.Name, Version: h.Version, State: h.State, Reason: h.Trouble, Gone: h.Gone(),
		StartedAt: h.StartedAt.UTC(), SeenAt: h.SeenAt.UTC(), Builds: h.Builds, Slots: h.Slots, Running: h.Running, Waiting: h.Waiting,
		Load: h.Load, DiskFree: h.DiskFree, DiskTotal: h.DiskTotal,
	}
}

// listHosts answers GET /api/v1/hosts. They are few: there are no pages.
func listHosts(g *gate, hosts BuildHosts) handler {
	return func(c *gin.Context) error {
		if err := g.everything(c); err != nil {
			return err
		}
		list, err := hosts.ListHosts(c.Request.Context())
		if err != nil {
			return err
		}
		showList(c, list, nil, newHostBody)
		return nil
	}
}

// getHost answers GET /api/v1/hosts/ID.
func getHost(g *gate, hosts BuildHosts) handler {
	return func(c *gin.Context) error {
		if err := g.everything(c); err != nil {
			return err
		}
		return answerHost(c, hosts)
	}
}

// changeHost answers POST /api/v1/hosts/ID/drain and /resume with the host as
// it is then.
func changeHost(g *gate, hosts BuildHosts, action string, change func(context.Context, string) error) handler {
	return func(c *gin.Context) error {
		if err := g.everything(c); err != nil {
			return err
		}
		id := c.Param("id")
		if err := change(c.Request.Context(), id); err != nil {
			return noSuchHost(err)
		}
		g.audit(c, action, "", "host", id)
		return answerHost(c, hosts)
	}
}

// forgetHost answers DELETE /api/v1/hosts/ID. A host that still reports would
// be back at once; it has to be stopped first.
func forgetHost(g *gate, hosts BuildHosts) handler {
	return func(c *gin.Context) error {
		if err := g.everything(c); err != nil {
			return err
		}
		id := c.Param("id")
		err := hosts.ForgetHost(c.Request.Context(), id, course.HostSilence)
		if errors.Is(err, course.ErrConflict) {
			return &wordedError{text: "The build host still reports itself; stop its worker first.", kind: course.ErrConflict}
		}
		if err != nil {
			return noSuchHost(err)
		}
		g.audit(c, actionForgetHost, "", "host", id)
		c.Status(http.StatusNoContent)
		return nil
	}
}

func answerHost(c *gin.Context, hosts BuildHosts) error {
	h, err := hosts.Host(c.Request.Context(), c.Param("id"))
	if err != nil {
		return noSuchHost(err)
	}
	answer(c, http.StatusOK, newHostBody(h))
	return nil
}

func noSuchHost(err error) error {
	if isNotFound(err) {
		return &wordedError{text: "There is no build host with this id.", kind: course.ErrNotFound}
	}
	return err
}
