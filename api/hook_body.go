package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/semaphore"
)

const (
	// maxDelivery bounds the body of a delivery: GitHub sends at most 25 MB.
	maxDelivery = 25 << 20
	// smallDelivery is what nearly all are below.
	smallDelivery = 1 << 20
	// deliveryTime is how long a body may take. Git hosts give up earlier.
	deliveryTime = 30 * time.Second
)

// deliveryBodies bounds the memory for bodies whose senders have not proved yet
// who they are. Small ones do not wait for large ones, which anybody can send
// slowly.
type deliveryBodies struct{ small, large *semaphore.Weighted }

func newDeliveryBodies() *deliveryBodies {
	const largeOnes, smallOnes = 4, 64
	return &deliveryBodies{
		small: semaphore.NewWeighted(smallOnes * smallDelivery),
		large: semaphore.NewWeighted(largeOnes * maxDelivery),
	}
}

// enter waits until there is room for the request's body. leave gives the room
// back.
func (b *deliveryBodies) enter(r *http.Request) (leave func(), err error) {
	if r.ContentLength > maxDelivery {
		return nil, tooLarge(maxDelivery)
	}
	room, size := b.small, r.ContentLength
	if size < 0 { // not told
		size = maxDelivery
	}
	if size > smallDelivery {
		room = b.large
	}
	ctx, cancel := context.WithTimeout(r.Context(), deliveryTime)
	defer cancel()
	if err := room.Acquire(ctx, size); err != nil {
		return nil, &requestError{
			status: http.StatusServiceUnavailable,
			detail: "Too many deliveries arrive at the same time. Deliver this one again.",
		}
	}
	return func() { room.Release(size) }, nil
}

// readDelivery reads the body of a call of a hook.
func readDelivery(c *gin.Context) ([]byte, error) {
	wire := http.NewResponseController(c.Writer)
	if err := wire.SetReadDeadline(time.Now().Add(deliveryTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("deadline of a body: %w", err)
	}
	body, err := readBody(c, maxDelivery)
	if err != nil {
		return nil, err // the connection is closed
	}
	// The server goes on reading, to notice when the sender goes away.
	if err := wire.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("deadline of a body: %w", err)
	}
	return body, nil
}
