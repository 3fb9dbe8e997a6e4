package api

import (
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// auditBody is an entry of the security log as the REST API shows it.
type auditBody struct {
	ID      int64               `json:"id"`
	At      time.Time           `json:"at"`
	Action  string              `json:"action"`
	Outcome course.AuditOutcome `json:"outcome"`
	Course  string              `json:"course"`
	Caller  string              `json:"caller"`
	Issuer  string              `json:"issuer"`
	Address string              `json:"address"`
	Details map[string]string   `json:"details"`
}

func newAuditBody(e course.AuditEntry) auditBody {
	out := auditBody{
		ID: e.ID, At: e.At.UTC(), Action: e.Action, Outcome: e.Outcome, Course: e.Course,
		Caller: e.Caller, Issuer: e.Issuer, Address: e.Address, Details: e.Details,
	}
	if out.Details == nil {
		out.Details = map[string]string{}
	}
	return out
}

// listAudit answers GET /api/v1/audit, newest first. It is for callers who may do everything.
func listAudit(g *gate, log AuditStore) handler {
	return func(c *gin.Context) error {
		if err := g.everything(c); err != nil {
			return err
		}
		q := newQuery(c)
		page, filter := q.page(), course.AuditFilter{
			Course: q.text("course"), Action: q.text("action"), Caller: q.text("caller"),
			Outcome: choice(q, "outcome", course.AuditDone, course.AuditDenied, course.AuditRefused, course.AuditFailed),
			Since:   q.time("since"), Until: q.time("until"),
		}
		if err := q.finish(); err != nil {
			return err
		}
		list, err := log.ListAudit(c.Request.Context(), filter, oneMore(page))
		if err != nil {
			return err
		}
		list, next := cut(c, list, page, func(e course.AuditEntry) int64 { return e.ID })
		showList(c, list, next, newAuditBody)
		return nil
	}
}

// everything lets callers through who may do everything: holders of a master
// token.
func (g *gate) everything(c *gin.Context) error {
	caller, err := g.caller(c)
	if err == nil && !caller.may(Write, course.Course{}, false) {
		err = &wordedError{text: "This is for administrators; it needs a master token.", kind: course.ErrDenied}
	}
	return err
}
