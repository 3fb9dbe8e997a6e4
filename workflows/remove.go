package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"coursewright/activities"
	"coursewright/internal/course"
)

const removeLimit = 10 * time.Minute

// Remove ends a course: its builds are cancelled, its folders removed, its rows
// deleted, in this order, so that a failure on the way leaves a course that can
// be removed again.
func Remove(ctx workflow.Context, in activities.Removal) error {
	open, err := stopBuilds(ctx, in)
	if err != nil {
		return err
	}
	if open.Host != "" {
		host := onHost(ctx, HostQueue(open.Host), removeLimit, 0)
		err := workflow.ExecuteActivity(host, onDisk.RemoveWorkingCopy, in).Get(ctx, nil)
		// A host that is gone for good has nothing left to remove.
		if err != nil && !noHost(err) {
			return err
		}
	}
	files := onPublishQueue(ctx, removeLimit)
	if err := workflow.ExecuteActivity(files, publishing.RemoveReleases, in).Get(ctx, nil); err != nil {
		return err
	}
	return untilDone(ctx, records.DeleteCourse, in, nil)
}

// stopBuilds cancels what is pending and what runs, and waits for the end of
// the latter.
func stopBuilds(ctx workflow.Context, in activities.Removal) (activities.OpenBuilds, error) {
	told := map[int64]bool{}
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		var open activities.OpenBuilds
		err := untilDone(ctx, records.CancelPending, in, &open)
		if err != nil || len(open.Running) == 0 {
			return open, err
		}
		for _, id := range open.Running {
			if told[id] {
				continue
			}
			told[id] = true
			if err := cancelForRemoval(ctx, in, id); err != nil {
				return open, err
			}
		}
		if err := workflow.Sleep(ctx, wait); err != nil {
			return open, err
		}
	}
}

// cancelForRemoval ends one running build, through its workflow or, when that
// is gone, directly.
func cancelForRemoval(ctx workflow.Context, in activities.Removal, id int64) error {
	const reason = "The course was removed."
	err := workflow.SignalExternalWorkflow(ctx, BuildID(in.CourseKey), "", SignalCancel,
		CancelBuild{BuildID: id, Reason: reason}).Get(ctx, nil)
	var gone *temporal.UnknownExternalWorkflowExecutionError
	if !errors.As(err, &gone) {
		return err
	}
	return untilDone(ctx, records.FinishBuild, activities.Ending{
		Job:    activities.Job{BuildID: id, CourseKey: in.CourseKey},
		Status: course.StatusCancelled,
		Reason: reason,
	}, nil)
}
