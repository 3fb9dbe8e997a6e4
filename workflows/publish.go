package workflows

import (
	"go.temporal.io/sdk/workflow"

	"coursewright/activities"
)

var publishing *activities.PublishSteps

// Publish makes a release the one that students see. It runs on the queue of
// the process that owns the publish folder; its workflow id lets one publish
// of a course happen at a time. The switch is a local activity: A+ waits for
// the answer with a transaction open.
func Publish(ctx workflow.Context, in activities.Publish) (activities.Published, error) {
	var out activities.Published
	if err := workflow.ExecuteLocalActivity(onPublishFolder(ctx), publishing.Switch, in).Get(ctx, &out); err != nil {
		return out, err
	}
	// The release is live. What the graders say is told to the caller, all of
	// it; it takes nothing back.
	told := make([]workflow.Future, out.Graders)
	for i := range told {
		told[i] = workflow.ExecuteActivity(onOtherService(ctx, PublishQueue, callLimit), publishing.TellGrader,
			activities.Telling{CourseKey: in.CourseKey, Version: out.Version, Index: i})
	}
	for _, f := range told {
		var t activities.Told
		if err := f.Get(ctx, &t); err != nil {
			t.Complaints = []string{messageOf(err)}
		}
		out.Errors = append(out.Errors, t.Complaints...)
	}
	return out, nil
}
