package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
	"coursewright/internal/webhook"
)

type hookBuilds interface {
	Wake(key string)
	Await(ctx context.Context, buildID int64) (course.Build, error)
}

// hookPolicy is what the deployment says about hooks.
type hookPolicy struct {
	immediate bool // answer when the build has ended
	unsigned  bool // believe deliveries for courses without a secret
	bodies    *deliveryBodies
}

// hookStore is what the hook writes.
type hookStore interface {
	buildRequester
	RecordDelivery(ctx context.Context, key string, d course.Delivery) (course.Delivery, error)
}

// hookRoute is where git hosts deliver.
const hookRoute = "/gitmanager/:key/hook"

// hook answers POST /gitmanager/KEY/hook. It is open to callers with Write
// access (A+'s button, scripts) and to git hosts that know the course's
// secret. Every authentic request is answered with success, also one that
// needs no build: git hosts show others as failed deliveries.
func hook(g *gate, rows hookStore, builds hookBuilds, policy hookPolicy) handler {
	return func(c *gin.Context) error {
		found, err := g.find(c, c.Param("key"))
		if err != nil {
			err, _ = g.limits.badHook(c, err)
			return err
		}
		a, err := policy.admit(c, found)
		if err != nil {
			err, _ = g.limits.badHook(c, err)
			return err
		}
		ip := g.addresses.ClientIP(c.Request)
		a.delivery.RequestIP = ip
		options, err := policy.receive(g, c, &a)
		switch {
		case a.trusted && err != nil:
			return err
		case err != nil || a.ignored != "":
			return a.turnAway(g, c, rows, err)
		}
		if err := g.limits.hook(c); err != nil {
			return err
		}
		request := course.BuildRequest{Options: options, Trigger: course.TriggerHook, RequestIP: ip}
		if a.preview.PreviewBranch != "" {
			request.Options = a.preview
			g.note(c, "", "preview_branch", a.preview.PreviewBranch)
		}
		if !a.trusted {
			a.delivery.Verdict, a.delivery.Options = course.DeliveryAccepted, request.Options
			request.Delivery = &a.delivery
		}
		b, err := rows.RequestBuild(c.Request.Context(), found.Key, request)
		if err != nil {
			return err
		}
		builds.Wake(found.Key)
		g.audit(c, "INITIATE-BUILD", found.Key, "build", b.ID, "service", a.delivery.Service)
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

// admission is what was found out about a request.
type admission struct {
	trusted  bool // the caller may choose the image and the command as well
	course   course.Course
	service  webhook.Service // that the sender says it is
	ignored  string
	preview  course.BuildOptions // of a push to another branch, which is previewed; zero: none
	delivery course.Delivery
}

// turnAway keeps a delivery that makes no build and answers it.
func (a admission) turnAway(g *gate, c *gin.Context, rows hookStore, refusal error) error {
	var why *webhook.Refusal
	if refusal == nil {
		if err := g.limits.hook(c); err != nil {
			return err
		}
		a.delivery.Verdict, a.delivery.Reason = course.DeliveryIgnored, a.ignored
	} else {
		answer, keep := g.limits.badHook(c, refusal)
		if !errors.As(refusal, &why) || !keep {
			return answer
		}
		refusal, a.delivery.Verdict, a.delivery.Reason = answer, course.DeliveryRefused, why.Text
	}
	if _, err := rows.RecordDelivery(c.Request.Context(), a.course.Key, a.delivery); err != nil {
		return errors.Join(err, refusal)
	}
	if refusal != nil {
		return refusal
	}
	g.audit(c, "IGNORE-DELIVERY", a.course.Key, "reason", a.ignored)
	writeText(c, http.StatusOK, a.ignored)
	return nil
}

// admit decides who may go on: callers with Write access, and those who say that
// they are git hosts, which have to prove it next. Nobody else's body is read.
func (p hookPolicy) admit(c *gin.Context, found course.Course) (admission, error) {
	out := admission{course: found}
	caller := CallerOf(c.Request)
	service, signed := webhook.Detect(c.Request.Header)
	switch {
	case caller.Open && signed, caller.anonymous():
		// Open access checks signatures as well, so that teachers can try
		// their hooks.
	case caller.may(Write, found, false):
		out.trusted = true
		return out, nil
	default:
		return out, noAccess(found.Key)
	}
	if !signed {
		return out, &requestError{status: http.StatusBadRequest, detail: "Unknown git service"}
	}
	out.service = service
	out.delivery = course.Delivery{
		Service: string(service), Event: webhook.EventName(service, c.Request.Header), Headers: webhook.KeptHeaders(c.Request.Header),
	}
	return out, nil
}

// receive reads the body and what it asks for. Of senders who have to prove who
// they are it is read only when the headers do not tell already that they
// cannot.
func (p hookPolicy) receive(g *gate, c *gin.Context, a *admission) (course.BuildOptions, error) {
	if a.trusted {
		body, err := readDelivery(c)
		return formOptions(c.Request, body, true), err
	}
	if err := p.verify(g, c, a.course, func(secret string) error {
		return webhook.VerifyHeaders(a.service, c.Request.Header, secret)
	}); err != nil {
		return course.BuildOptions{}, err
	}
	leave, err := p.bodies.enter(c.Request)
	if err != nil {
		return course.BuildOptions{}, err
	}
	defer leave()
	body, err := readDelivery(c)
	if err != nil {
		return course.BuildOptions{}, err
	}
	if err := p.check(g, c, a, body); err != nil {
		return course.BuildOptions{}, err
	}
	return formOptions(c.Request, body, false), nil
}

// check decides whether a git host's delivery starts a build. What it says is
// read when it has proved who it is.
func (p hookPolicy) check(g *gate, c *gin.Context, a *admission, body []byte) error {
	d := webhook.Delivery{Header: c.Request.Header, Body: body}
	if err := p.verify(g, c, a.course, func(secret string) error { return webhook.Verify(a.service, d, secret) }); err != nil {
		return err
	}
	event := webhook.ParseEvent(a.service, d)
	build, why := event.Decide(a.course.GitBranch)
	if !build && a.course.PreviewBranches {
		a.preview.PreviewBranch = event.Other(a.course.GitBranch)
		if a.preview.ValidateFor(a.course) != nil {
			a.preview.PreviewBranch = "" // a name that git would not have
		}
	}
	if !build && a.preview.PreviewBranch == "" {
		a.ignored = why
	}
	return nil
}

// verify tries every secret that is valid now.
func (p hookPolicy) verify(g *gate, c *gin.Context, found course.Course, with func(secret string) error) error {
	secrets := found.Secrets(g.now())
	if len(secrets) == 0 && p.unsigned {
		g.log.WarnContext(c.Request.Context(), "a delivery is believed without a secret", "course", found.Key)
		return nil
	}
	err := with("")
	for _, secret := range secrets {
		if err = with(secret); err == nil {
			return nil
		}
	}
	return err
}
