package workflows

import (
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"coursewright/activities"
	"coursewright/internal/course"
)

// Search attributes of build workflows, for Temporal's Web UI and
// `temporal workflow list --query`.
var (
	attrCourse = temporal.NewSearchAttributeKeyKeyword("CoursewrightCourse")
	attrBuild  = temporal.NewSearchAttributeKeyInt64("CoursewrightBuild")
	attrCommit = temporal.NewSearchAttributeKeyKeyword("CoursewrightCommit")
	attrStatus = temporal.NewSearchAttributeKeyKeyword("CoursewrightStatus")
)

// SearchAttributes lists the names and types that a namespace must have before
// a workflow starts.
func SearchAttributes() map[string]enums.IndexedValueType {
	out := map[string]enums.IndexedValueType{}
	for _, k := range []temporal.SearchAttributeKey{attrCourse, attrBuild, attrCommit, attrStatus} {
		out[k.GetName()] = k.GetValueType()
	}
	return out
}

// state is what Temporal's lists show of a build.
type state struct {
	job    activities.Job
	status course.Status
	commit string
}

// announce shows the state of a build in Temporal's lists. It costs no round
// trip: the commands ride on the next workflow task's completion. Failing to
// show is no reason to fail a build.
func (s *story) announce(ctx workflow.Context, now state) {
	s.unsaid = nil
	updates := []temporal.SearchAttributeUpdate{
		attrCourse.ValueSet(now.job.CourseKey),
		attrBuild.ValueSet(now.job.BuildID),
		attrStatus.ValueSet(string(now.status)),
	}
	if now.commit != "" {
		updates = append(updates, attrCommit.ValueSet(now.commit))
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		s.log.Warn("search attributes", "course", now.job.CourseKey, "error", err)
	}
	if s.wholeBuilds && now.status != course.StatusRunning {
		return // the memo was given at the beginning
	}
	memo := map[string]any{"build": now.job.BuildID, "version": now.job.Version}
	if !s.wholeBuilds {
		memo["commit"], memo["status"] = now.commit, string(now.status)
	}
	if err := workflow.UpsertMemo(ctx, memo); err != nil {
		s.log.Warn("memo", "course", now.job.CourseKey, "error", err)
	}
}

// announceSoon is announce for a state that may be over before anybody sees it:
// when the next build begins in the same workflow task, that is announced
// instead. Each announcement costs Temporal a write.
func (s *story) announceSoon(ctx workflow.Context, now state) {
	if !s.wholeBuilds {
		s.announce(ctx, now)
		return
	}
	s.unsaid = &now
}

// announceNow says what announceSoon has put off, before something that takes
// time.
func (s *story) announceNow(ctx workflow.Context) {
	if s.unsaid != nil {
		s.announce(ctx, *s.unsaid)
	}
}
