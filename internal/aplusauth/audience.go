package aplusauth

import (
	"net/url"
	"strings"
)

// audienceOf gives the UID of the service at an address that takes self-signed
// tokens, empty if none is known. Prefixes with a scheme go before those
// without, long ones before short ones.
func (s *Service) audienceOf(u *url.URL) string {
	path := u.EscapedPath()
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	bare := strings.ToLower(u.Host) + path
	if uid, ok := longestPrefix(s.trusting, strings.ToLower(u.Scheme)+"://"+bare); ok {
		return uid
	}
	if uid, ok := longestPrefix(s.trusting, bare); ok {
		return uid
	}
	return s.audience
}

func longestPrefix(prefixes map[string]string, address string) (uid string, found bool) {
	longest := ""
	for prefix, candidate := range prefixes {
		if isPrefix(prefix, address) && (!found || len(prefix) > len(longest)) {
			longest, uid, found = prefix, candidate, true
		}
	}
	return uid, found
}

// isPrefix says whether address begins with prefix, and prefix ends where a
// host, a port or a part of a path does: a.example is no prefix of
// a.example.org.
func isPrefix(prefix, address string) bool {
	rest, ok := strings.CutPrefix(address, prefix)
	if !ok || prefix == "" {
		return false
	}
	return strings.HasSuffix(prefix, "/") || strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, ":")
}
