package activities

import (
	"context"

	"go.temporal.io/sdk/activity"
)

// logInfo logs with the workflow and the run that an activity belongs to; outside of
// activities there is nobody to log for.
func logInfo(ctx context.Context, message string, pairs ...any) {
	if activity.IsActivity(ctx) {
		activity.GetLogger(ctx).Info(message, pairs...)
	}
}

// logWarn does so with a warning.
func logWarn(ctx context.Context, message string, pairs ...any) {
	if activity.IsActivity(ctx) {
		activity.GetLogger(ctx).Warn(message, pairs...)
	}
}
