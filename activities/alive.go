package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

// heartbeatEvery is well below the heartbeat timeout of the policies; the SDK
// joins heartbeats that come faster than it sends them.
const heartbeatEvery = time.Second

// keepAlive heartbeats until the returned function is called, which waits for
// the heartbeats to end. Through them a running activity learns that it was
// cancelled or that its workflow is gone: the SDK then ends ctx.
func keepAlive(ctx context.Context) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(heartbeatEvery)
		defer t.Stop()
		for {
			activity.RecordHeartbeat(ctx)
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-t.C:
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
