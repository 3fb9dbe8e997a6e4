package api

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// addresses knows under which address a caller reaches the service.
type addresses struct {
	public  string
	proxies []netip.Prefix
}

// base is the scheme and authority for absolute addresses, without a slash at
// the end.
func (a *addresses) base(r *http.Request) string {
	if a.public != "" {
		return strings.TrimSuffix(a.public, "/")
	}
	scheme := "http"
	if r.TLS != nil || a.fromProxy(r) && r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: r.Host}).String()
}

func (a *addresses) fromProxy(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap()
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
