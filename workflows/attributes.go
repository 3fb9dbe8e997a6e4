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

// announce shows the state of a build in Temporal's lists. It costs no round
// trip: the commands ride on the next workflow task's completion. Failing to
// show is no reason to fail a build.
func (s *story) announce(ctx workflow.Context, job activities.Job, status course.Status, commit string) {
	updates := []temporal.SearchAttributeUpdate{
		attrCourse.ValueSet(job.CourseKey),
		attrBuild.ValueSet(job.BuildID),
		attrStatus.ValueSet(string(status)),
	}
	if commit != "" {
		updates = append(updates, attrCommit.ValueSet(commit))
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		s.log.Warn("search attributes", "course", job.CourseKey, "error", err)
	}
	memo := map[string]any{"build": job.BuildID, "version": job.Version, "commit": commit, "status": string(status)}
	if err := workflow.UpsertMemo(ctx, memo); err != nil {
		s.log.Warn("memo", "course", job.CourseKey, "error", err)
	}
}
