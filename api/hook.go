package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
	"coursewright/internal/webhook"
)

// maxDelivery bounds the body of a delivery: GitHub sends at most 25 MB.
const maxDelivery = 25 << 20

type hookBuilds interface {
	Wake(key string)
	Await(ctx context.Context, buildID int64) (course.Build, error)
}

// hookPolicy is what the deployment says about hooks.
type hookPolicy struct {
	immediate bool // answer when the build has ended
	unsigned  bool // believe deliveries for courses without a secret
}

// hook answers POST /gitmanager/KEY/hook. It is open to callers with Write
// access (A+'s button, scripts) and to git hosts that know the course's
// secret. Every authentic request is answered with success, also one that
// needs no build: git hosts show others as failed deliveries.
func hook(g *gate, rows buildRequester, builds hookBuilds, policy hookPolicy) handler {
	return func(c *gin.Context) error {
		found, err := g.find(c)
		if err != nil {
			return err
		}
		body, err := readBody(c, maxDelivery)
		if err != nil {
			return err
		}
		trusted, ignored, err := policy.admit(g, c, found, body)
		if err != nil {
			return err
		}
		if ignored != "" {
			g.audit(c, "IGNORE-DELIVERY", found.Key, "reason", ignored)
			writeText(c, http.StatusOK, ignored)
			return nil
		}
		b, err := rows.RequestBuild(c.Request.Context(), found.Key, course.BuildRequest{
			Options: formOptions(c.Request, body, trusted), Trigger: course.TriggerHook, RequestIP: g.addresses.ClientIP(c.Request),
		})
		if err != nil {
			return err
		}
		builds.Wake(found.Key)
		service, _ := webhook.Detect(c.Request.Header) // empty for other callers
		g.audit(c, "INITIATE-BUILD", found.Key, "build", b.ID, "service", service)
		if policy.immediate {
			if _, err := builds.Await(c.Request.Context(), b.ID); err != nil {
				return fmt.Errorf("await build %d: %w", b.ID, err)
			}
		}
		if c.GetHeader("Referer") != "" {
			c.Redirect(http.StatusFound, "/gitmanager/"+found.Key+"/updates")
			return nil
		}
		writeText(c, http.StatusOK, "ok")
		return nil
	}
}

// admit decides whether the request may start a build. trusted callers may
// choose the image and the command as well; ignored is the answer to an
// authentic delivery that needs no build.
func (p hookPolicy) admit(g *gate, c *gin.Context, found course.Course, body []byte) (trusted bool, ignored string, err error) {
	caller, err := g.auth.Caller(c.Request)
	if err != nil {
		return false, "", err
	}
	service, signed := webhook.Detect(c.Request.Header)
	switch {
	case caller.Open && signed, caller.anonymous():
		// Open access checks signatures as well, so that teachers can try
		// their hooks.
	case caller.may(Write, found, false):
		return true, "", nil
	default:
		return false, "", noAccess(found.Key)
	}
	if !signed {
		return false, "", &requestError{status: http.StatusBadRequest, detail: "Unknown git service"}
	}
	d := webhook.Delivery{Header: c.Request.Header, Body: body}
	if p.unsigned && found.WebhookSecret == "" {
		g.log.WarnContext(c.Request.Context(), "a delivery is believed without a secret", "course", found.Key)
	} else if err := webhook.Verify(service, d, found.WebhookSecret); err != nil {
		return false, "", err
	}
	if build, why := webhook.ParseEvent(service, d).Decide(found.GitBranch); !build {
		return false, why, nil
	}
	return false, "", nil
}
