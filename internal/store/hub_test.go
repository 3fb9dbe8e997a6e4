package store_test

import (
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// A reader who never comes costs a bounded amount, and is told that something
// was missed.
func TestHubBoundsWhatWaits(t *testing.T) {
	t.Parallel()
	var hub store.Hub
	changes := hub.Subscribe(t.Context(), 0)
	const many = 5500
	for i := range int64(many) {
		hub.Publish(course.Change{Kind: course.ChangeLog, BuildID: i + 1})
	}
	missed, n := false, 0
	for c := range changes {
		n++
		missed = missed || c.Kind == course.ChangeUnknown
		if c.BuildID == many || n > many {
			break
		}
	}
	if !missed || n > 1100 {
		t.Errorf("%d changes were told, missed %v; want a bounded number and the word that some were missed", n, missed)
	}
}
