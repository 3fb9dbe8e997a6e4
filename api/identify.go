package api

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
)

// openRoute says whether a route serves everybody alike, whatever token is
// shown.
func openRoute(at string) bool {
	switch at {
	case "/healthz", "/readyz", "/metrics", "/robots.txt", "/assets/:name", schemaRoute, badgeRoute, descriptionRoute + ".json", descriptionRoute + ".yaml", docsRoute:
		return true
	}
	return false
}

// passesOver says whether a bad cookie counts as none here: on the way to a new
// one, and for git hosts and scripts, which have their own ways to prove who
// they are.
func passesOver(c *gin.Context) bool {
	switch c.FullPath() {
	case loginRoute:
		return c.Request.Method != http.MethodPost
	case hookRoute:
		return c.Request.Method == http.MethodPost
	}
	return false
}

// identify finds out who sent a request, once for all handlers. A token that
// does not hold is refused at every address, also at those that do not exist.
func (s *server) identify(c *gin.Context) {
	if openRoute(c.FullPath()) {
		return
	}
	caller, err := s.Auth.Caller(c.Request)
	of := exchangeOf(c.Request)
	found := identity{caller: caller}
	var bad *AuthError
	switch {
	case err == nil:
	case !errors.As(err, &bad):
		s.report(c, err)
		refuse(c, err)
		return
	case bad.Cookie && passesOver(c):
		found.caller = Caller{}
	case c.FullPath() == staticRoute:
		found = identity{refusal: bad} // most of these files are for everybody
	default:
		refuseToken(c, s.turnAway(c, bad))
		return
	}
	of.identity = found
}

// turnAway gives the answer to a token that does not hold: the browser forgets
// it, and the log tells of it.
func (s *server) turnAway(c *gin.Context, bad *AuthError) error {
	if bad.Cookie {
		s.login.dropCookie(c)
	}
	exchangeOf(c.Request).trail.refuseToken(bad)
	return s.limits.badToken(c, bad)
}

// refuseToken answers in gitmanager's words, which A+ shows to its users.
func refuseToken(c *gin.Context, bad error) {
	if strings.HasPrefix(c.Request.URL.Path, "/api/v1/") {
		writeProblem(c.Writer, bad)
	} else {
		writeText(c, statusOf(bad), newProblem(bad).Detail)
	}
	c.Abort()
}

// toLogin sends a browser to the login page, which leads back.
func toLogin(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	to := loginRoute
	// Proxies refuse answers whose headers fill a page of memory.
	const longest = 1000
	if path := c.Request.URL.Path; len(path) <= longest {
		to += "?referer=" + url.QueryEscape(path)
	}
	c.Redirect(http.StatusFound, to)
}
