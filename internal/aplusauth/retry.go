package aplusauth

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"
)

// retries is what is left of the attempts to get a token, as A+'s services
// share them out.
type retries struct {
	made    int
	total   int
	connect int // no connection
	read    int // a connection that broke
	status  int // A+ in trouble, or asking for patience
}

// maxRetryAfter bounds the patience that A+ can ask for.
const maxRetryAfter = time.Minute

func newRetries() *retries { return &retries{total: 5, connect: 5, read: 2, status: 3} }

// next says whether to try again after this outcome, and how long to wait
// before: nothing, 0.8 s, 1.6 s and so on.
func (r *retries) next(a remoteAnswer, err error) (wait time.Duration, again bool) {
	var left *int
	var dial *net.OpError
	after, asked := retryAfter(a.retryAfter)
	switch {
	case err != nil && errors.As(err, &dial) && dial.Op == "dial":
		left = &r.connect
	case err != nil:
		left = &r.read
	case retryable(a.status), asked && (a.status == http.StatusRequestEntityTooLarge || a.status == http.StatusTooManyRequests):
		left = &r.status
	default:
		return 0, false
	}
	if *left == 0 || r.total == 0 {
		return 0, false
	}
	*left--
	r.total--
	r.made++
	if err == nil && asked {
		return after, true
	}
	if r.made > 1 {
		wait = 400 * time.Millisecond << (r.made - 1)
	}
	return wait, true
}

// retryable says whether a status tells of trouble that may pass.
func retryable(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// retryAfter reads the header of that name, seconds or a date.
func retryAfter(text string) (time.Duration, bool) {
	var wait time.Duration
	if seconds, err := strconv.Atoi(text); err == nil {
		wait = time.Duration(min(seconds, int(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = time.Until(at)
	} else {
		return 0, false
	}
	return max(0, min(wait, maxRetryAfter)), true
}

// pause waits, unless the context ends before.
func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
