package buildlog

import (
	"context"
	"fmt"
	"time"

	"coursewright/internal/course"
)

// Source is what a log is read from.
type Source interface {
	// ReadLog gives the log from the byte offset on, and the offset to read on
	// from; no chunks mean that there is nothing new.
	ReadLog(ctx context.Context, buildID, offset int64) (chunks []course.LogChunk, next int64, err error)
	// Build finds a build, course.ErrNotFound otherwise.
	Build(ctx context.Context, id int64) (course.Build, error)
}

const (
	pollMin = 50 * time.Millisecond  // while the log grows
	pollMax = 500 * time.Millisecond // while it does not
)

// Follow sends the chunks of a build's log from the byte offset on, in order,
// until the build is final and its log is sent. It ends earlier with the error
// of send, of the source (course.ErrNotFound for an unknown build) or of the
// context.
func Follow(ctx context.Context, src Source, buildID, offset int64, send func(course.LogChunk) error) error {
	wait := pollMin
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		// The state is read before the log: what was written before the end
		// of the build is then surely sent.
		b, err := src.Build(ctx, buildID)
		if err != nil {
			return fmt.Errorf("follow build %d: %w", buildID, err)
		}
		next, err := sendNew(ctx, src, buildID, offset, send)
		if err != nil {
			return err
		}
		if b.Status.Final() {
			return nil
		}
		wait = min(2*wait, pollMax)
		if next != offset {
			wait = pollMin
		}
		offset = next
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sendNew sends all that there is and gives the offset to read on from.
func sendNew(ctx context.Context, src Source, buildID, offset int64, send func(course.LogChunk) error) (int64, error) {
	for {
		chunks, next, err := src.ReadLog(ctx, buildID, offset)
		if err != nil {
			return offset, fmt.Errorf("follow build %d: %w", buildID, err)
		}
		if len(chunks) == 0 {
			return offset, nil
		}
		for _, chunk := range chunks {
			if err := send(chunk); err != nil {
				return offset, err
			}
		}
		offset = next
	}
}
