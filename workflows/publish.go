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
	err := workflow.ExecuteLocalActivity(onPublishFolder(ctx), publishing.Switch, in).Get(ctx, &out)
	return out, err
}
