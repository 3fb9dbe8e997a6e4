package gitrepo

import (
	"encoding/base64"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"coursewright/internal/course"
)

// origin is a checked address of a repository, taken apart so that its
// credentials never reach a command line, a file or a log.
type origin struct {
	url      string // without credentials; what git gets and .git/config holds
	local    bool
	scheme   string // http, https, ssh, git or file
	host     string // with port; empty for local ones
	username string // of http(s) credentials
	password string
	secrets  []string // texts to hide in logs
}

// scpLike matches host:path and user@host:path.
var scpLike = regexp.MustCompile(`^([\w.~+-]+@)?(\[[0-9a-fA-F:.]+\]|[\w.-]+):(.*)$`)

// parseOrigin checks an address as a user gave it. The error is an
// *course.AuthorError that does not repeat credentials.
func (g *Git) parseOrigin(raw string) (origin, error) {
	allowed := "Give an address such as https://host/group/course.git or git@host:group/course.git."
	switch {
	case raw == "":
		return origin{}, course.Authorf("The course has no git origin. %s", allowed)
	case strings.HasPrefix(raw, "-"), strings.ContainsFunc(raw, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return origin{}, course.Authorf("The git origin begins with a hyphen or contains control characters. %s", allowed)
	}
	if strings.Contains(raw, "://") {
		return g.parseURL(raw, allowed)
	}
	if strings.Contains(raw, "::") && !strings.Contains(raw, "[") {
		return origin{}, course.Authorf("The git origin uses a remote helper (name::address), which is not supported. %s", allowed)
	}
	if m := scpLike.FindStringSubmatch(raw); m != nil {
		if before, _, _ := strings.Cut(m[3], "/"); m[1] == "" && strings.Contains(before, "@") {
			// user:password@host/course.git, which ssh would take for a path.
			return origin{}, course.Authorf("The git origin begins with a user and a password, but not with https://. %s", allowed)
		}
		if strings.HasPrefix(m[2], "-") || m[3] == "" {
			return origin{}, course.Authorf("The git origin %q is not a valid ssh address. %s", raw, allowed)
		}
		return origin{url: raw, scheme: "ssh", host: m[2]}, nil
	}
	if !filepath.IsAbs(raw) {
		shown := raw
		if _, host, found := strings.Cut(raw, "@"); found {
			shown = "***@" + host // it may be a token
		}
		return origin{}, course.Authorf("The git origin %q is not an address that is understood. %s", shown, allowed)
	}
	return g.localOrigin(raw)
}

func (g *Git) parseURL(raw, allowed string) (origin, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// The error of url.Parse repeats the address, credentials included.
		return origin{}, course.Authorf("The git origin is not a valid address. %s", allowed)
	}
	switch strings.ToLower(u.Scheme) {
	case "file":
		if u.Host != "" && u.Host != "localhost" {
			return origin{}, course.Authorf("The git origin names a file on another machine. %s", allowed)
		}
		return g.localOrigin(u.Path)
	case "http", "https", "ssh", "git":
	default:
		return origin{}, course.Authorf("The git origin uses %q; allowed are https, http, ssh and git. %s", u.Scheme, allowed)
	}
	if u.Hostname() == "" || strings.HasPrefix(u.Host, "-") || strings.ContainsAny(u.Host, "*?%") {
		return origin{}, course.Authorf("The git origin has no valid host name. %s", allowed)
	}
	return remoteOrigin(u)
}

func remoteOrigin(u *url.URL) (origin, error) {
	o := origin{scheme: strings.ToLower(u.Scheme), host: u.Host}
	if u.RawQuery != "" || u.Fragment != "" {
		return origin{}, course.Authorf("The git origin has a part that begins with ? or #, which git hosts do not use. Put an access token before the host name: https://token@host/course.git.")
	}
	password, _ := u.User.Password()
	if hasControl(u.User.Username() + password) {
		return origin{}, course.Authorf("The user name or password in the git origin contains control characters.")
	}
	if u.User != nil && u.User.String() != "" {
		o.secrets = append(o.secrets, u.User.String()+"@", password, url.QueryEscape(password), url.PathEscape(password))
	}
	clean := *u
	clean.Scheme = o.scheme
	clean.User = nil
	switch o.scheme {
	case "http", "https":
		o.username, o.password = u.User.Username(), password
		if o.hasCredentials() { // as they travel: a git host may repeat the header
			o.secrets = append(o.secrets, base64.StdEncoding.EncodeToString([]byte(o.username+":"+o.password)))
		}
		if password == "" && o.username != "" {
			// Some hosts take an access token in the place of the user name.
			o.secrets = append(o.secrets, o.username)
		}
	case "ssh":
		if strings.HasPrefix(u.User.Username(), "-") {
			return origin{}, course.Authorf("The user name in the git origin begins with a hyphen.")
		}
		if u.User.Username() != "" {
			clean.User = url.User(u.User.Username())
			o.secrets = o.secrets[1:] // the user of an ssh address is no secret
		}
	}
	o.url = clean.String()
	return o, nil
}

func (g *Git) localOrigin(path string) (origin, error) {
	if !g.cfg.AllowLocal && (g.cfg.Own == "" || path != g.cfg.Own) {
		return origin{}, course.Authorf("The git origin is a path on the server, which this installation does not allow. Give an https or ssh address.")
	}
	if !filepath.IsAbs(path) {
		return origin{}, course.Authorf("The git origin is a relative path. Give an absolute one.")
	}
	return origin{url: filepath.Clean(path), scheme: "file", local: true}, nil
}

func (o origin) hasCredentials() bool { return o.username != "" || o.password != "" }

// site is what credentials belong to.
func (o origin) site() string { return o.scheme + "://" + o.host }

// protocols are the transports for this origin and its submodules. A remote
// course must not name folders of the server as submodules.
func (o origin) protocols() string {
	if o.local {
		return "http:https:ssh:git:file"
	}
	return "http:https:ssh:git"
}

// foreignUser matches credentials in other addresses, such as submodules'. The
// user name of an ssh address alone is none.
var foreignUser = regexp.MustCompile(`(?i)(https?://)[^/@\s]+@|(\w+://)[^/@\s:]+:[^/@\s]*@`)

// hide replaces the origin's credentials, and what looks like others', in a
// text.
func (o origin) hide(s string) string {
	s = foreignUser.ReplaceAllString(s, "$1$2***@")
	for _, secret := range o.secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, mask(secret))
		}
	}
	return s
}

func mask(secret string) string {
	if strings.HasSuffix(secret, "@") {
		return "***@"
	}
	return "***"
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f })
}
