package settings

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// check looks at settings together and fills in what follows from others. It
// says nothing about settings that are wrong by themselves.
func (l *loader) check(s *Settings) {
	if len(l.problems) > 0 {
		return
	}
	l.checkFolders(s)
	l.checkBuilder(s)
	l.checkNetwork(s)
	l.checkTemporal(s)
	completeAuth(&s.Auth)
	if s.Auth.DisableLoginChecks && !loopback(s.Listen) {
		l.warnings = append(l.warnings, "DISABLE_LOGIN_CHECKS is on and LISTEN is "+s.Listen+": everybody who reaches this address may do everything")
	}
	if s.Auth.RemoteAuthenticatorURL != "" && s.Auth.RemoteAuthenticatorUID == "" {
		l.problem(Problem{Source: s.source("REMOTE_AUTHENTICATOR_URL"), Name: "REMOTE_AUTHENTICATOR_URL", Message: "is given, but REMOTE_AUTHENTICATOR_UID is not: give the UID of A+, usually aplus"})
	}
}

func (s *Settings) source(name string) string {
	for _, v := range s.values {
		if v.Name == name {
			return v.Source
		}
	}
	return sourceDefault
}

// show changes how a setting is listed, for one that follows from others.
func (s *Settings) show(name, text string) {
	for i, v := range s.values {
		if v.Name == name {
			s.values[i].Text = text
		}
	}
}

// checkFolders refuses folders that lie in each other: each is cleaned by
// rules of its own.
func (l *loader) checkFolders(s *Settings) {
	folders := []struct{ name, path string }{
		{"BUILD_PATH", s.BuildPath}, {"STORE_PATH", s.StorePath}, {"COURSES_PATH", s.CoursesPath}, {"STATIC_ROOT", s.StaticRoot},
	}
	for i, a := range folders {
		for _, b := range folders[i+1:] {
			if inside(a.path, b.path) || inside(b.path, a.path) {
				l.problem(Problem{Source: s.source(b.name), Name: b.name, Value: quoteValue(b.path, false), Message: "must not be the same folder as " + a.name + " (" + a.path + "), nor lie in it or around it"})
			}
		}
	}
}

func inside(path, folder string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}

func (l *loader) checkBuilder(s *Settings) {
	if s.BuildModule != "" && !s.Given("BUILDER") {
		s.Builder = "exec"
		s.show("BUILDER", s.Builder)
	}
	switch {
	case s.Builder == "exec" && s.BuildModule == "":
		l.problem(Problem{Source: s.source("BUILDER"), Name: "BUILDER", Value: `"exec"`, Message: "needs BUILD_MODULE: give the path of the executable"})
	case s.Builder != "exec" && s.BuildModule != "":
		l.warnings = append(l.warnings, "BUILD_MODULE has no effect: BUILDER is "+s.Builder)
	case s.Builder == "local" && s.AllowLocalBuilder:
		l.warnings = append(l.warnings, "BUILDER is local: builds run WITHOUT ISOLATION, so every course author can read and change what the service can")
	case s.Builder == "local":
		l.problem(Problem{Source: s.source("BUILDER"), Name: "BUILDER", Value: `"local"`, Message: "runs builds without isolation: set ALLOW_LOCAL_BUILDER to true if every course author may do what the service may, or use docker"})
	}
}

// checkNetwork warns of networks that lead everywhere.
func (l *loader) checkNetwork(s *Settings) {
	if s.Builder != "docker" {
		return
	}
	reach := ""
	switch s.Containers.Network {
	case "host":
		reach = "all that listens on the build host, its loopback address included"
	case "bridge", "default", "podman", "slirp4netns", "pasta":
		reach = "the build host, its neighbours and the addresses at which clouds serve credentials"
	default:
		return
	}
	l.warnings = append(l.warnings, "BUILD_NETWORK is "+s.Containers.Network+": builds reach "+reach+"; docs/builders.md tells how to make a network that leads to the Internet only")
}

// completeAuth adds what aplus-auth derives from other settings.
func completeAuth(a *Auth) {
	keys := map[string]string{}
	for uid, key := range a.UIDToKey {
		keys[uid] = key
	}
	add := func(uid, key string) {
		if _, ok := keys[uid]; !ok && uid != "" && key != "" {
			keys[uid] = key
		}
	}
	add(a.UID, a.PublicKey)
	add(a.RemoteAuthenticatorUID, a.RemoteAuthenticatorKey)
	a.UIDToKey = keys
	if a.TrustedUIDs == nil && a.RemoteAuthenticatorUID != "" {
		a.TrustedUIDs = []string{a.RemoteAuthenticatorUID}
	}
	if a.TrustingRemotes == nil && a.RemoteAuthenticatorURL != "" {
		if u, err := url.Parse(a.RemoteAuthenticatorURL); err == nil {
			a.TrustingRemotes = map[string]string{strings.ToLower(u.Host): a.RemoteAuthenticatorUID}
		}
	}
}

func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	address, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && address.IsLoopback())
}

// Duties are what a process of the service does.
type Duties struct {
	Serves bool // answers requests
	Builds bool // builds courses
}

// CheckService reports, as an *Error, what is missing for running a process of
// the service, as opposed to commands such as check, which need less. All of
// them call graders or A+, only one that serves is called.
func (s Settings) CheckService(d Duties) error {
	var problems []Problem
	missing := func(name, message string) {
		problems = append(problems, Problem{Source: s.source(name), Name: name, Message: message})
	}
	if s.Auth.PrivateKey == "" && !s.Auth.DisableJWTSigning {
		missing("PRIVATE_KEY", "is missing: give the RSA key by "+Prefix+"PRIVATE_KEY_FILE")
	}
	if d.Serves && s.Auth.PublicKey == "" && !s.Auth.DisableLoginChecks {
		missing("PUBLIC_KEY", "is missing: give the public half of the RSA key by "+Prefix+"PUBLIC_KEY_FILE")
	}
	if s.TemporalAddress == "" {
		missing("TEMPORAL_ADDRESS", "is missing: give host:port of Temporal's frontend service")
	}
	for _, f := range []struct {
		name, path, users string
		needed            bool
	}{
		{"STORE_PATH", s.StorePath, "api and workers", true},
		{"COURSES_PATH", s.CoursesPath, "all api processes", d.Serves},
	} {
		if !f.needed {
			continue
		}
		if info, err := os.Stat(f.path); err != nil || !info.IsDir() {
			problems = append(problems, Problem{
				Source: s.source(f.name), Name: f.name, Value: quoteValue(f.path, false),
				Message: "is no folder that this process can see: make it, or mount the one that " + f.users + " share",
			})
		}
	}
	if len(problems) > 0 {
		return &Error{Problems: problems}
	}
	return nil
}
