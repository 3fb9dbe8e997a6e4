package activities

import (
	"context"
	"strconv"
	"time"

	"coursewright/internal/course"
)

// Traces makes spans of what happens to builds. A span travels between processes
// as a text, empty for none.
type Traces interface {
	// Begin names a span that End makes, so that others can be made in it before.
	Begin(parent string) (span string)
	// End makes a span of something that is over.
	End(ctx context.Context, s Span)
	// Same says whether a span is in the trace that ctx is in.
	Same(ctx context.Context, span string) bool
	// Within makes a span for a part of an activity; the function ends it.
	Within(ctx context.Context, name string) (in context.Context, end func(error))
}

// Span is something that has happened.
type Span struct {
	Name       string
	Self       string // given by Begin; empty: nothing happened in it
	Parent     string // empty: the first of its trace
	From, To   time.Time
	Failure    string // empty: it went well
	Attributes map[string]string
}

// attributesOf tell which build a span is about.
func attributesOf(key string, build int64) map[string]string {
	return map[string]string{"coursewright.course": key, "coursewright.build": strconv.FormatInt(build, 10)}
}

// traceClaimed names the span of a build that begins and tells how long it had
// waited.
func (r *Records) traceClaimed(ctx context.Context, b course.Build) string {
	if r.Traces == nil {
		return ""
	}
	span := r.Traces.Begin(b.Trace)
	r.Traces.End(ctx, Span{
		Name: "queue", Parent: span, From: b.RequestedAt, To: time.Now(), Attributes: attributesOf(b.CourseKey, b.ID),
	})
	return span
}

// traceEnded makes the span of a build that has its final status.
func (r *Records) traceEnded(ctx context.Context, in Ending) {
	if r.Traces == nil || in.Job.Trace == "" {
		return
	}
	s := Span{
		Name: "build", Self: in.Job.Trace, Parent: in.Job.TraceParent, From: in.Job.RequestedAt, To: time.Now(),
		Attributes: attributesOf(in.Job.CourseKey, in.Job.BuildID),
	}
	s.Attributes["coursewright.status"] = string(in.Status)
	if in.Status == course.StatusFailed {
		s.Failure = in.Reason
	}
	r.Traces.End(ctx, s)
}

// tracePublished tells of the publishing of a release in the trace of the request
// that its build began with, unless it happens in that.
func (p *PublishSteps) tracePublished(ctx context.Context, began time.Time, published course.Release, b course.Build) {
	if p.Traces == nil || b.Trace == "" || p.Traces.Same(ctx, b.Trace) {
		return
	}
	s := Span{Name: "publish", Parent: b.Trace, From: began, To: time.Now(), Attributes: attributesOf(published.Key, published.BuildID)}
	s.Attributes["coursewright.version"] = published.Version
	p.Traces.End(ctx, s)
}

// within makes a span for a step of a build inside of its activity.
func (l Ledger) within(ctx context.Context, name string) (in context.Context, end func(error)) {
	if l.Traces == nil {
		return ctx, func(error) {}
	}
	return l.Traces.Within(ctx, "step "+name)
}
