package api

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Addresses knows under which address a caller reaches the service.
type Addresses struct {
	public     string
	publicName string // its host, in lower case and without port
	proxies    []netip.Prefix
}

// NewAddresses takes the base of the absolute addresses in answers, such as
// https://gitmanager.example.org, which may be empty: then it is the scheme
// and host of each request. trustedProxies are addresses or networks whose
// X-Forwarded-For and X-Forwarded-Proto are believed.
func NewAddresses(publicURL string, trustedProxies []string) (*Addresses, error) {
	proxies, err := parseProxies(trustedProxies)
	if err != nil {
		return nil, fmt.Errorf("trusted proxies: %w", err)
	}
	a := &Addresses{public: strings.TrimSuffix(publicURL, "/"), proxies: proxies}
	if u, err := url.Parse(a.public); err == nil {
		a.publicName = strings.ToLower(u.Hostname())
	}
	return a, nil
}

// Base is the scheme and authority for absolute addresses, without a slash at
// the end.
func (a *Addresses) Base(r *http.Request) string {
	if a.public != "" {
		return a.public
	}
	return (&url.URL{Scheme: a.scheme(r), Host: r.Host}).String()
}

// scheme is the one by which the caller reaches the service.
func (a *Addresses) scheme(r *http.Request) string {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" && a.fromProxy(r) {
		return "https"
	}
	return "http"
}

// hook is the address of a course's webhook.
func (a *Addresses) hook(r *http.Request, key string) string {
	return a.Base(r) + "/gitmanager/" + key + "/hook"
}

// ClientIP is the address of whoever sent the request: the connection's, or,
// when that is a trusted proxy's, the last one in X-Forwarded-For that is not.
func (a *Addresses) ClientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if !a.fromProxy(r) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		host = addr.String()
		if !a.isProxy(addr) {
			break
		}
	}
	return host
}

// isPublic says whether a host name, in lower case and without port, is that of
// the public address.
func (a *Addresses) isPublic(name string) bool { return a.publicName != "" && a.publicName == name }

func (a *Addresses) fromProxy(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && a.isProxy(peer.Addr())
}

func (a *Addresses) isProxy(addr netip.Addr) bool {
	addr = addr.Unmap()
	return slices.ContainsFunc(a.proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

func parseProxies(list []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(list))
	for _, text := range list {
		if addr, err := netip.ParseAddr(text); err == nil {
			addr = addr.Unmap()
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}
