package api_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"coursewright/api"
	"coursewright/internal/course"
	"coursewright/internal/settings"
)

// limited is an API with small limits behind a proxy at 192.0.2.1.
func limited(t *testing.T, l api.Limits) *fixture {
	t.Helper()
	f := newFixture(t, func(c *api.Config) {
		c.Auth, c.Limits, c.Pages = oneToken{}, l, pages()
		a, err := api.NewAddresses("", []string{"192.0.2.1"})
		must(t, err)
		c.Addresses = a
	})
	f.addCourse(t, "intro")
	f.addCourse(t, "other")
	return f
}

// statuses sends a request some times from an address.
func (f *fixture) statuses(t *testing.T, times int, request, from string, headers ...string) string {
	t.Helper()
	method, target, _ := strings.Cut(request, " ")
	target, body, _ := strings.Cut(target, " ")
	var out []string
	for range times {
		w := f.send(t, method, target, body, append([]string{"X-Forwarded-For", from}, headers...)...)
		out = append(out, strconv.Itoa(w.Code))
		after, err := strconv.Atoi(w.Header().Get("Retry-After"))
		if limited := w.Code == http.StatusTooManyRequests; limited && (err != nil || after < 1 || after > 60) || !limited && err == nil {
			t.Errorf("%s: status %d, Retry-After %q", request, w.Code, w.Header().Get("Retry-After"))
		}
	}
	return strings.Join(out, " ")
}

func TestFailedLoginsAreLimited(t *testing.T) {
	t.Parallel()
	f := limited(t, api.Limits{LoginFailures: 3})
	const bad, good = "Bearer bad", "Bearer good.token.x"
	for _, tt := range []struct {
		name, request, from, token string
		times                      int
		want                       string
	}{
		{"one address", "POST /login", "203.0.113.1", bad, 5, "401 401 401 429 429"},
		{"a good login from there", "POST /login", "203.0.113.1", good, 2, "200 200"},
		{"still", "POST /login", "203.0.113.1", bad, 1, "429"},
		{"without a token", "POST /login", "203.0.113.1", "", 1, "429"},
		{"another address", "POST /login", "203.0.113.2", bad, 2, "401 401"},
		{"other addresses of one network of IPv6", "POST /login", "2001:db8::1", bad, 2, "401 401"},
		{"the network's next", "POST /login", "2001:db8::ffff:1", bad, 2, "401 429"},
		{"another network", "POST /login", "2001:db8:0:1::1", bad, 1, "401"},
		{"other requests are counted apart", "GET /api/v1/courses", "203.0.113.1", bad, 31, strings.Repeat("401 ", 30) + "429"},
		{"and good ones pass", "GET /api/v1/courses", "203.0.113.1", good, 1, "200"},
		{"protected files", "GET /static/intro/a.html", "203.0.113.1", bad, 1, "429"},
		{"the login page", "GET /login", "203.0.113.1", "", 3, "200 200 200"},
	} {
		var headers []string
		if tt.token != "" {
			headers = []string{"Authorization", tt.token}
		}
		if got := f.statuses(t, tt.times, tt.request, tt.from, headers...); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if n := strings.Count(f.log.String(), "event=limit"); n != 3 {
		t.Errorf("the log tells of %d limits, want 3, each once: %s", n, f.log)
	}
	if strings.Contains(f.log.String(), "status=429") {
		t.Error("what was too much is in the security log")
	}
}

// One account is not tried out from many addresses.
func TestFailedLoginsOfOneAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *api.Config) {
		c.Auth, c.Limits = account{}, api.Limits{LoginFailures: 2}
		addresses, err := api.NewAddresses("", []string{"192.0.2.1"})
		must(t, err)
		c.Addresses = addresses
	})
	for i, want := range []string{"401", "401", "429", "429"} {
		from := fmt.Sprintf("203.0.113.%d", i)
		if got := f.statuses(t, 1, "POST /login", from, "Authorization", "Bearer of-jdoe"); got != want {
			t.Errorf("login %d: %s, want %s", i, got, want)
		}
	}
	if got := f.statuses(t, 1, "POST /login", "203.0.113.9", "Authorization", "Bearer of-another"); got != "401" {
		t.Errorf("another account: %s", got)
	}
}

// account is an Authorizer that refuses everybody, and names the account.
type account struct{}

func (account) Caller(r *http.Request) (api.Caller, error) {
	return api.Caller{}, &api.AuthError{Text: "Expired token", Account: r.Header.Get("Authorization")}
}

func TestRefusedHooksAreLimited(t *testing.T) {
	t.Parallel()
	f := limited(t, api.Limits{HookFailures: 3})
	const push = `{"ref":"refs/heads/main"}`
	wrong := []string{"X-GitHub-Event", "push", "X-Hub-Signature-256", signature("wrong", push)}
	right := []string{"X-GitHub-Event", "push", "X-Hub-Signature-256", signature("s3cret-for-tests-intro", push)}
	const intro, other, none = "POST /gitmanager/intro/hook " + push, "POST /gitmanager/other/hook " + push, "POST /gitmanager/none/hook " + push
	for _, tt := range []struct {
		name, request, from string
		headers             []string
		times               int
		want                string
	}{
		{"wrongly signed", intro, "203.0.113.1", wrong, 5, "403 403 403 429 429"},
		{"a good one from there", intro, "203.0.113.1", right, 9, "200 200 200 200 200 200 200 200 200"},
		{"another course", other, "203.0.113.1", wrong, 1, "403"},
		{"another address", intro, "203.0.113.2", wrong, 1, "403"},
		{"courses that do not exist", none, "203.0.113.1", wrong, 4, "404 404 404 429"},
		{"by any name", "POST /gitmanager/none2/hook", "203.0.113.1", nil, 1, "429"},
		{"no git host", "POST /gitmanager/other/hook", "203.0.113.3", nil, 4, "400 400 400 429"},
	} {
		if got := f.statuses(t, tt.times, tt.request, tt.from, tt.headers...); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	list, err := f.store.ListDeliveries(t.Context(), "intro", course.Page{Limit: 100})
	must(t, err)
	refused := 0
	for _, d := range list {
		if d.Verdict == course.DeliveryRefused {
			refused++
		}
	}
	if refused != 3 || len(list) != 12 {
		t.Errorf("%d of %d deliveries that are kept were refused, want 3 of 12: others must not push the good ones out", refused, len(list))
	}
}

func TestHooksAreLimited(t *testing.T) {
	t.Parallel()
	f := limited(t, api.Limits{Hooks: 4})
	const push, ping = `{"ref":"refs/heads/main"}`, `{"zen":"x"}`
	signed := func(event, body string) []string {
		return []string{"X-GitHub-Event", event, "X-Hub-Signature-256", signature("s3cret-for-tests-intro", body)}
	}
	if got := f.statuses(t, 3, "POST /gitmanager/intro/hook "+push, "203.0.113.1", signed("push", push)...); got != "200 200 200" {
		t.Errorf("pushes: %s", got)
	}
	if got := f.statuses(t, 2, "POST /gitmanager/intro/hook "+ping, "203.0.113.2", signed("ping", ping)...); got != "200 429" {
		t.Errorf("then pings from elsewhere: %s", got)
	}
	builds, err := f.store.ListBuilds(t.Context(), "intro", course.Page{Limit: 100})
	must(t, err)
	if len(builds) != 3 {
		t.Errorf("%d builds, want 3", len(builds))
	}
}

// Limits remember so many senders and no more.
func TestLimitsAreBounded(t *testing.T) {
	t.Parallel()
	f := limited(t, api.Limits{LoginFailures: 1})
	bad := []string{"Authorization", "Bearer bad"}
	if got := f.statuses(t, 2, "POST /login", "203.0.113.1", bad...); got != "401 429" {
		t.Fatalf("before: %s", got)
	}
	for i := range 10_000 {
		f.send(t, "POST", "/login", "", "X-Forwarded-For", fmt.Sprintf("10.0.%d.%d", i/250, i%250), "Authorization", "Bearer bad")
	}
	if got := f.statuses(t, 1, "POST /login", "203.0.113.1", bad...); got != "401" {
		t.Errorf("after ten thousand others: %s, want to be forgotten", got)
	}
}

func TestTheDefaultLimitsLetABurstPass(t *testing.T) {
	t.Parallel()
	s, err := settings.Load(settings.Sources{})
	must(t, err)
	if s.LoginFailures < 1 || s.HookFailures < 1 || s.Hooks < 1 {
		t.Errorf("limits are off: %d, %d, %d", s.LoginFailures, s.HookFailures, s.Hooks)
	}
	f := limited(t, api.Limits{LoginFailures: s.LoginFailures, HookFailures: s.HookFailures, Hooks: s.Hooks})
	const push = `{"ref":"refs/heads/main"}`
	var clients sync.WaitGroup
	for i := range 10 {
		clients.Go(func() {
			from := fmt.Sprintf("203.0.113.%d", i)
			for range 50 {
				w := f.send(t, "POST", "/gitmanager/intro/hook", push, "X-Forwarded-For", from,
					"X-GitHub-Event", "push", "X-Hub-Signature-256", signature("s3cret-for-tests-intro", push))
				if w.Code != http.StatusOK {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
			}
		})
	}
	clients.Wait()
	builds, err := f.store.ListBuilds(t.Context(), "intro", course.Page{Limit: 1000})
	must(t, err)
	if len(builds) != 500 {
		t.Errorf("%d builds were asked for, want 500", len(builds))
	}
}
