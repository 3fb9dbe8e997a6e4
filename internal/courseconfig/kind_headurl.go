package courseconfig

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"coursewright/internal/courseconfig/pyvalue"
)

// headURLKind is an http(s) address, or the path of a file below the static
// folder.
type headURLKind struct{}

// address is an http(s) address as it is exported; a path is a plain text.
type address string

func (headURLKind) allowed() string {
	return "an http or https address, or the path of a file in the static folder"
}

func (headURLKind) schema() object { return object{"type": "string"} }

func (k headURLKind) coerce(c *checker, v *pyvalue.Value, at *place) (any, bool) {
	if s, ok := asText(v); ok {
		if url, ok := parseAddress(s); ok {
			return url, true
		}
	}
	if v.Kind != pyvalue.String {
		c.fail(v, at, "found "+found(v)+"; allowed is "+k.allowed(), "")
		return nil, false
	}
	value, ok := anyPath(c, v, at)
	if ok && strings.HasPrefix(v.Str, "//") && !strings.HasPrefix(v.Str, "///") {
		c.fail(v, at, "found "+quote(v.Str)+", an address without http: or https:", "write https:"+v.Str)
		return nil, false
	}
	return value, ok
}

// addressPattern splits an address: scheme, user, password, host, port, path,
// query, fragment. The user is everything up to the last @ before the path.
var addressPattern = regexp.MustCompile(`^(?i:(https?)://)(?:([^\s:/]*)(?::([^\s/]*))?@)?` +
	`((?:\p{Nd}{1,3}\.){3}\p{Nd}{1,3}|\[[A-Fa-f0-9]*:[A-Fa-f0-9:]+\]|[^\s/:?#]+)(?::(\p{Nd}+))?` +
	`(/[^\s?#]*)?(?:\?([^\s#]*))?(?:#([^\s#]*))?$`)

// Host names: letters, digits, hyphens and underscores between dots, in ASCII
// with a top level of letters, or of any script; and numbers between dots.
var (
	asciiHost = regexp.MustCompile(`^(?i)(?:[_0-9a-z](?:[-_0-9a-z]{0,61}[_0-9a-z])?\.)+[a-z]{2,63}\.?$`)
	// Read on first use: most runs of the program never need it, and it takes long.
	wideHost = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?i)(?:[_0-9a-\x{40000}](?:[-_0-9a-\x{40000}]{0,61}[_0-9a-\x{40000}])?\.)*[_0-9a-\x{40000}](?:[-_0-9a-\x{40000}]{0,61}[_0-9a-\x{40000}])?\.?$`)
	})
	numbersPattern = regexp.MustCompile(`^(?:\p{Nd}{1,3}\.){3}\p{Nd}{1,3}$`)
)

const maxAddress = 1 << 16

// parseAddress reads an http(s) address. It is kept as written when its host is
// an ordinary one; otherwise it is put together again with the host in ASCII.
func parseAddress(s string) (address, bool) {
	s = strings.TrimFunc(s, pyvalue.IsSpace)
	g := addressPattern.FindStringSubmatch(s)
	if g == nil || utf8.RuneCountInString(s) > maxAddress {
		return "", false
	}
	host, port := g[4], pyvalue.ASCIIDigits(g[5])
	if n, err := strconv.ParseInt(port, 10, 64); port != "" && (err != nil || n > 65535) {
		return "", false
	}
	switch {
	case strings.HasPrefix(host, "["), numbersPattern.MatchString(host), asciiHost.MatchString(host):
		return address(s), true
	case !wideHost().MatchString(host):
		return "", false
	}
	ascii, ok := asciiName(host)
	if !ok {
		return "", false
	}
	return address(rebuild(g, ascii)), true
}

// rebuild writes an address with another host; empty parts vanish.
func rebuild(g []string, host string) string {
	s := g[1] + "://" + g[2]
	if g[3] != "" {
		s += ":" + g[3]
	}
	if g[2] != "" || g[3] != "" {
		s += "@"
	}
	s += host
	if g[5] != "" {
		s += ":" + g[5]
	}
	s += g[6]
	if g[7] != "" {
		s += "?" + g[7]
	}
	if g[8] != "" {
		s += "#" + g[8]
	}
	return s
}

// asciiName writes a host name of any script in ASCII; labels that are ASCII
// stay as they are.
func asciiName(host string) (string, bool) {
	profile := idna.New(idna.MapForLookup(), idna.Transitional(true), idna.StrictDomainName(false))
	labels := strings.Split(host, ".")
	for i, label := range labels {
		if strings.ContainsFunc(label, func(r rune) bool { return r >= utf8.RuneSelf }) {
			ascii, err := profile.ToASCII(label)
			if err != nil {
				return "", false
			}
			labels[i] = ascii
		}
	}
	return strings.Join(labels, "."), true
}
