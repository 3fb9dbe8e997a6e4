package api

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// Limits bound how often some things may happen in a minute; 0: without limit.
// Whoever does what they may is never turned away for what others did: beyond
// the limits on failures, failing requests are answered with 429 in place of
// their usual refusal and leave no trace in the database.
type Limits struct {
	// LoginFailures are logins that fail, from one address or for one account;
	// ten times as many other requests may show a token that does not hold.
	LoginFailures int
	// HookFailures are calls of the hook that are refused: of one course from
	// one address, and of courses that do not exist from one address. Beyond as
	// many in total a course's refused deliveries are not kept.
	HookFailures int
	// Hooks are calls of one course's hook that are taken; ten times as many
	// may come from one address.
	Hooks int
}

// many is how many times a limit is meant where many share one key.
const many = 10

// maxLimited bounds the addresses, accounts and courses that one limit counts;
// those heard of last are forgotten last.
const maxLimited = 10_000

// limits are the limits at work.
type limits struct {
	logins, tokens          *rateLimit
	hookFailures, keptFails *rateLimit
	hooks, hookSenders      *rateLimit
	server                  *server
}

func newLimits(l Limits, s *server) (*limits, error) {
	out := &limits{server: s}
	for _, one := range []struct {
		to        **rateLimit
		perMinute int
	}{
		{&out.logins, l.LoginFailures},
		{&out.tokens, many * l.LoginFailures},
		{&out.hookFailures, l.HookFailures},
		{&out.keptFails, l.HookFailures},
		{&out.hooks, l.Hooks},
		{&out.hookSenders, many * l.Hooks},
	} {
		var err error
		if *one.to, err = newRateLimit(one.perMinute); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// rateLimit counts something by key, bounded in memory. It is safe for
// concurrent use.
type rateLimit struct {
	perMinute int
	mu        sync.Mutex
	keys      *simplelru.LRU[string, *allowance]
}

// allowance is what one key may still do.
type allowance struct {
	*rate.Limiter
	exceeded bool // since when it was last enough
}

func newRateLimit(perMinute int) (*rateLimit, error) {
	keys, err := simplelru.NewLRU[string, *allowance](maxLimited, nil)
	if err != nil {
		return nil, fmt.Errorf("limit of %d a minute: %w", perMinute, err)
	}
	return &rateLimit{perMinute: perMinute, keys: keys}, nil
}

// take counts one for the key. wait is 0 if it is within the limit, else the
// time until the next one is; first says that the limit was not exceeded before.
func (l *rateLimit) take(key string) (wait time.Duration, first bool) {
	if l.perMinute <= 0 {
		return 0, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a, ok := l.keys.Get(key)
	if !ok {
		a = &allowance{Limiter: rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)}
		l.keys.Add(key, a)
	}
	now := time.Now()
	if a.AllowN(now, 1) {
		a.exceeded = false
		return 0, false
	}
	first, a.exceeded = !a.exceeded, true
	missing := 1 - a.TokensAt(now)
	return time.Duration(missing / float64(a.Limit()) * float64(time.Second)), first
}

// exceeded counts one for the key and gives the answer to a request beyond the
// limit, nil within it. The log tells of it once, until it was enough again.
func (l *limits) exceeded(c *gin.Context, of *rateLimit, what, key string) error {
	wait, first := of.take(key)
	if wait == 0 {
		return nil
	}
	if first {
		l.server.Log.WarnContext(c.Request.Context(), "too many requests",
			"event", "limit", "what", what, "address", l.server.Addresses.ClientIP(c.Request), "course", c.Param("key"), "per_minute", of.perMinute)
	}
	seconds := max(1, int(math.Ceil(wait.Seconds())))
	c.Header("Retry-After", strconv.Itoa(seconds))
	return &requestError{
		status: http.StatusTooManyRequests,
		detail: fmt.Sprintf("Too many requests: %s. Try again in %d s.", what, seconds),
	}
}

// badToken counts a token that does not hold and gives the answer: its refusal,
// or that there were too many.
func (l *limits) badToken(c *gin.Context, bad *AuthError) error {
	of, what := l.tokens, "tokens that do not hold"
	if c.FullPath() == loginRoute {
		of, what = l.logins, "failed logins"
	}
	keys := []string{"address " + l.sender(c)}
	if bad.Account != "" {
		keys = append(keys, "account "+bad.Account)
	}
	for _, key := range keys {
		if err := l.exceeded(c, of, what, key); err != nil {
			return err
		}
	}
	return bad
}

// badHook counts a refused call of a hook and gives the answer: its refusal, or
// that there were too many. keep says whether the delivery may be kept.
func (l *limits) badHook(c *gin.Context, refusal error) (answer error, keep bool) {
	if status := statusOf(refusal); status >= http.StatusInternalServerError {
		return refusal, false // the service's own trouble
	}
	const what = "refused calls of hooks"
	course := c.Param("key")
	if isNotFound(refusal) {
		course = "" // names that nobody uses cost nothing to make up
	}
	if err := l.exceeded(c, l.hookFailures, what, l.sender(c)+" "+course); err != nil {
		return err, false
	}
	wait, _ := l.keptFails.take(course)
	return refusal, wait == 0
}

// hook counts a call that is taken; it gives the answer if there were too many.
func (l *limits) hook(c *gin.Context) error {
	const what = "calls of hooks"
	if err := l.exceeded(c, l.hookSenders, what, l.sender(c)); err != nil {
		return err
	}
	return l.exceeded(c, l.hooks, what, c.Param("key"))
}

// sender is the address of the sender as it is counted: of IPv6 the network that
// one customer gets.
func (l *limits) sender(c *gin.Context) string {
	text := l.server.Addresses.ClientIP(c.Request)
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Unmap().Is4() {
		return text
	}
	const network = 64
	prefix, err := addr.WithZone("").Prefix(network)
	if err != nil { // not reached: the length fits
		return text
	}
	return prefix.String()
}
