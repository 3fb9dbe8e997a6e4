package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// auditTimeout bounds the writing of one entry of the security log.
const auditTimeout = 10 * time.Second

// AuditStore keeps the security log.
type AuditStore interface {
	RecordAudit(ctx context.Context, e course.AuditEntry) error
	ListAudit(ctx context.Context, f course.AuditFilter, p course.Page) ([]course.AuditEntry, error)
}

// Actions of the security log that are not one route's own.
const (
	actionAplusJSON = "APLUS-JSON"
	actionLogin     = "LOGIN"
	actionToken     = "TOKEN" // a token that does not hold
	actionApprove   = "APPROVE-RELEASE"
	actionAccess    = "ACCESS" // somebody known who may not
)

// actionCheckOrigin has the service call a git host.
const actionCheckOrigin = "CHECK-ORIGIN"

// Actions on build hosts.
const (
	actionDrainHost  = "DRAIN-HOST"
	actionResumeHost = "RESUME-HOST"
	actionForgetHost = "FORGET-HOST"
)

// actionOf names what requests to a route want, in gitmanager's words where it
// had one. Empty: nothing that the security log tells of when it is allowed.
func actionOf(method, route string) string {
	switch route {
	case aplusJSONRoute:
		return actionAplusJSON
	case publishRoute + ":source", publishRoute + ":source/:version":
		return "PUBLISH"
	}
	switch method + " " + route {
	case "POST " + loginRoute:
		return actionLogin
	case "POST " + hookRoute, "POST /gitmanager/:key/builds", "POST /gitmanager/:key/deliveries/:id/redeliver",
		"POST /api/v1/courses/:key/builds", "POST /api/v1/courses/:key/builds/:id/retry", "POST /api/v1/courses/:key/deliveries/:id/redeliver":
		return "INITIATE-BUILD"
	case "POST /gitmanager/:key/builds/:id/cancel", "POST /api/v1/courses/:key/builds/:id/cancel":
		return "CANCEL-BUILD"
	case "POST /gitmanager/:key/releases/:version/publish", "POST /api/v1/courses/:key/releases/:version/publish":
		return "PUBLISH"
	case "POST " + approvePage, "POST /api/v1/courses/:key/releases/:version/approve":
		return actionApprove
	case "POST " + restPrefix + "origins/check", "POST " + originPage:
		return actionCheckOrigin
	case "POST /gitmanager/new/", "POST /api/v1/courses", "POST " + settingsRoute + "/*at":
		return "NEW-COURSE"
	case "POST /gitmanager/:key/", "POST /gitmanager/:key/webhook-secret", "PUT " + settingsRoute + "/*at",
		"PUT /api/v1/courses/:key", "PATCH /api/v1/courses/:key", "POST /api/v1/courses/:key/webhook-secret":
		return "EDIT-COURSE"
	case "POST /gitmanager/:key/delete", "DELETE /api/v1/courses/:key":
		return "DELETE-COURSE"
	case "POST " + hostsRoute + "/:id/drain", "POST " + hostsPage + "/:id/drain":
		return actionDrainHost
	case "POST " + hostsRoute + "/:id/resume", "POST " + hostsPage + "/:id/resume":
		return actionResumeHost
	case "DELETE " + hostsRoute + "/:id", "POST " + hostsPage + "/:id/forget":
		return actionForgetHost
	}
	return ""
}

// trail is what the security log learns of a request while it is answered.
type trail struct {
	action  string
	key     string // of the course
	outcome course.AuditOutcome
	details map[string]string
}

// add takes pairs of a name and a value.
func (t *trail) add(pairs []any) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if t.details == nil {
			t.details = map[string]string{}
		}
		t.details[fmt.Sprint(pairs[i])] = fmt.Sprint(pairs[i+1])
	}
}

// Audit tells the security log that a request has done what it asked for. Pairs
// are names and values that tell more; secrets do not belong there. It is for
// handlers that New's handler passes requests on to, such as the pages.
func Audit(r *http.Request, action, key string, pairs ...any) {
	t := &exchangeOf(r).trail
	t.action, t.key, t.outcome = action, key, course.AuditDone
	t.add(pairs)
}

// audit tells the security log that a request has done what it asked for.
func (g *gate) audit(c *gin.Context, action, key string, pairs ...any) {
	Audit(c.Request, action, key, pairs...)
}

// note tells the security log more about a request, whatever becomes of it.
func (g *gate) note(c *gin.Context, outcome course.AuditOutcome, pairs ...any) {
	t := &exchangeOf(c.Request).trail
	if outcome != "" {
		t.outcome = outcome
	}
	t.add(pairs)
}

// refused keeps why the settings API did nothing, which it answers with status
// 200.
func (t *trail) refused(why any) {
	text, ok := why.(string)
	if !ok {
		text = "some fields need a change"
	}
	t.outcome = course.AuditRefused
	if strings.HasPrefix(text, noInstancePrefix) {
		t.outcome = course.AuditDenied
	}
	t.add([]any{"reason", text})
}

// refuseToken tells of a token that does not hold, which names nobody.
func (t *trail) refuseToken(why *AuthError) {
	if t.action == "" {
		t.action = actionToken
	}
	t.outcome = course.AuditDenied
	t.add([]any{"reason", why.Text})
}

// keepTrail writes the security log: every request that changes something or
// that A+ imports a course by, every token that does not hold, and everybody
// known who is turned away.
func (s *server) keepTrail(c *gin.Context) {
	known := &exchange{trail: trail{action: actionOf(c.Request.Method, c.FullPath())}}
	c.Request = known.in(c.Request)
	c.Next()
	t, caller := &known.trail, known.identity.caller
	status := c.Writer.Status()
	if t.action == "" && status == http.StatusForbidden && !caller.anonymous() {
		t.action = actionAccess
	}
	// What is too much is not told of: it must not flood the log either.
	if t.action == "" || status == http.StatusTooManyRequests {
		return
	}
	if t.outcome == "" {
		t.outcome = outcomeOf(status)
	}
	// Where everybody may read, who imports a course is nobody's concern.
	if t.action == actionAplusJSON && t.outcome == course.AuditDone && (caller.Open || caller.anonymous()) {
		return
	}
	s.record(c, s.entry(c, t))
}

// outcomeOf guesses from the status what became of a request that no handler
// has called done. Who is not known is sent to the login page.
func outcomeOf(status int) course.AuditOutcome {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusFound:
		return course.AuditDenied
	case status >= http.StatusInternalServerError:
		return course.AuditFailed
	}
	return course.AuditRefused
}

func (s *server) entry(c *gin.Context, t *trail) course.AuditEntry {
	caller := CallerOf(c.Request)
	if t.key == "" && course.ValidKey(c.Param("key")) {
		t.key = c.Param("key")
	}
	return course.AuditEntry{
		Action: t.action, Course: t.key, Caller: caller.ID, Issuer: caller.Issuer,
		Address: s.Addresses.ClientIP(c.Request), Outcome: t.outcome, Details: t.details,
	}
}

// record writes an entry to the log and, if it is about somebody known who
// wants to change something, to the database: strangers cannot fill it, and
// what git hosts send is kept as deliveries.
func (s *server) record(c *gin.Context, e course.AuditEntry) {
	ctx := c.Request.Context()
	attrs := []any{
		"event", "audit", "action", e.Action, "outcome", e.Outcome, "course", e.Course, "caller", e.Caller, "issuer", e.Issuer,
		"address", e.Address, "method", knownMethod(c.Request.Method), "route", c.FullPath(), "status", c.Writer.Status(),
	}
	for name, value := range e.Details {
		attrs = append(attrs, name, value)
	}
	s.Log.InfoContext(ctx, "audit", attrs...)
	if s.Audit == nil || e.Caller == "" || e.Action == actionAplusJSON || e.Action == actionAccess {
		return
	}
	// The client may be gone; what it has done is told all the same.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), auditTimeout)
	defer stop()
	if err := s.Audit.RecordAudit(ctx, e); err != nil {
		s.Log.ErrorContext(ctx, "an entry of the security log was not kept", "action", e.Action, "course", e.Course, "caller", e.Caller, "error", err)
	}
}
