package api

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// guardHost refuses requests under a name that is not the service's: a web
// page whose name was rebound to this address would send its own.
//
// Health and metrics are asked by machines that know only the address.
func (s *server) guardHost(c *gin.Context) {
	switch c.FullPath() {
	case "/healthz", "/readyz", "/metrics":
		return
	}
	if s.allowedHost(c.Request.Host) {
		return
	}
	refuse(c, &requestError{
		status: http.StatusMisdirectedRequest,
		detail: "This service is not known under that host name, and it does not check logins. Set PUBLIC_BASE_URL to the address that people use, or let logins be checked.",
	})
}

func (s *server) allowedHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if s.Addresses.isPublic(name) || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if ip, err := netip.ParseAddr(name); err == nil && ip.IsLoopback() {
		return true
	}
	return slices.ContainsFunc(s.Hosts, func(h string) bool { return h == "*" || strings.EqualFold(h, name) })
}

// guardOrigin refuses requests by which a web page of another origin would
// change something. Programs that are no browsers pass.
func (s *server) guardOrigin(c *gin.Context) {
	r := c.Request
	if c.FullPath() == loginRoute {
		return // A+'s pages log in with a token, which no other site has
	}
	err := s.crossOrigin.Check(r)
	// Publishing changes something although A+ does it with GET.
	if site := r.Header.Get("Sec-Fetch-Site"); strings.HasPrefix(c.FullPath(), publishRoute) && site != "" && site != "same-origin" && site != "none" {
		err = http.ErrNotSupported
	}
	if err == nil {
		return
	}
	refuse(c, &requestError{status: http.StatusForbidden, detail: "A web page of another site sent this request; it was refused."})
}
