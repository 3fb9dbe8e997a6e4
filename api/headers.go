package api

import (
	"maps"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// courseContent says whether a route serves the files of courses. They are the
// courses' own: pages of A+ load and frame them, and they run scripts.
func courseContent(route string) bool {
	return route == staticRoute || route == protectedRoute
}

// strictHeaders tell browsers to be strict. Answers share the values, which
// nobody changes: Set and Add put others in their place.
func strictHeaders() http.Header {
	return http.Header{
		"Content-Security-Policy": {"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
		"X-Frame-Options":         {"DENY"},
		"X-Content-Type-Options":  {"nosniff"},
		"Referrer-Policy":         {"same-origin"},
		// A page of a course that has opened one of ours loses hold of it.
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Cache-Control":                {"no-store"},
	}
}

// dataHeaders are the strict headers of the document that A+ imports. It is no
// page: browsers that believe its type run nothing of it and let no other site
// embed it, so the headers about pages would change nothing. They are left out
// since each costs the busiest address a fiftieth of its time.
func dataHeaders() http.Header {
	h := strictHeaders()
	for _, ofPages := range []string{"Content-Security-Policy", "Referrer-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy"} {
		h.Del(ofPages)
	}
	return h
}

// secureHeaders gives everything but the files of courses the strict headers.
// What they say is the least that an answer allows; pages, which need more, say
// so themselves.
func (s *server) secureHeaders(c *gin.Context) {
	h := c.Writer.Header()
	if s.Addresses.secure(c.Request) {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	} else if s.Addresses.distrusts(c.Request) {
		s.distrust.Do(func() {
			s.Log.Warn("a proxy that is not trusted says that people use https: until TRUSTED_PROXIES lists it or PUBLIC_BASE_URL is set, addresses in answers begin with http and cookies are not Secure",
				"peer", c.Request.RemoteAddr)
		})
	}
	if courseContent(c.FullPath()) {
		return
	}
	if c.FullPath() == aplusJSONRoute {
		maps.Copy(h, s.strictData)
		return
	}
	maps.Copy(h, s.strict)
}

// secure says whether the caller reaches the service by https.
func (a *Addresses) secure(r *http.Request) bool {
	if a.public != "" {
		return strings.HasPrefix(a.public, "https:")
	}
	return a.scheme(r) == "https"
}

// distrusts says whether a request claims to have come by https, and is not believed
// since it comes from no trusted proxy.
func (a *Addresses) distrusts(r *http.Request) bool {
	return a.public == "" && r.Header.Get("X-Forwarded-Proto") == "https" && !a.fromProxy(r)
}
