package settings

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// CommitStatusHost is a git host that is told how builds go.
type CommitStatusHost struct {
	Kind  string   // github, gitlab or gitea
	API   *url.URL // without a slash at the end
	Token Secret
}

// commitStatuses are git hosts by name.
func commitStatuses() kind[map[string]CommitStatusHost] {
	k := kind[map[string]CommitStatusHost]{
		name:    "object of hosts",
		allowed: `a JSON object such as {"github.com": {"token": "…"}, "git.example.org": {"kind": "gitea", "token": "…"}}`,
		show:    func(m map[string]CommitStatusHost) string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") },
	}
	k.parse = func(r raw) (map[string]CommitStatusHost, error) {
		hosts, ok := r.value.(map[string]any)
		if !ok {
			return nil, errRefused
		}
		out := make(map[string]CommitStatusHost, len(hosts))
		for _, name := range slices.Sorted(maps.Keys(hosts)) {
			h, err := commitStatusHost(name, hosts[name])
			if err != nil {
				return nil, fmt.Errorf("%q: %w", name, err)
			}
			out[strings.ToLower(name)] = h
		}
		return out, nil
	}
	return k
}

// commitStatusHost reads one host. Its errors never repeat a value, which may be
// the token.
func commitStatusHost(name string, value any) (CommitStatusHost, error) {
	var out CommitStatusHost
	fields, ok := value.(map[string]any)
	if u, err := url.Parse("//" + name); !ok || name == "" || err != nil || u.Host != name {
		return out, fmt.Errorf("give the name of a git host, with a port where its addresses have one, and an object with its token")
	}
	texts := map[string]string{}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		text, ok := fields[field].(string)
		if !ok || !slices.Contains([]string{"kind", "token", "api"}, field) {
			return out, fmt.Errorf("give kind, token and api only, as texts")
		}
		texts[field] = text
	}
	out.Kind = texts["kind"]
	if out.Kind == "" {
		out.Kind = map[string]string{"github.com": "github", "gitlab.com": "gitlab", "codeberg.org": "gitea"}[strings.ToLower(name)]
	}
	if out.Kind == "forgejo" {
		out.Kind = "gitea"
	}
	if !slices.Contains([]string{"github", "gitlab", "gitea"}, out.Kind) {
		return out, fmt.Errorf("give its kind: github, gitlab, gitea or forgejo")
	}
	out.Token = Secret(strings.TrimSpace(texts["token"]))
	if out.Token == "" || headerText(out.Token) != nil {
		return out, fmt.Errorf("give a token, of letters, digits and signs without spaces")
	}
	api := texts["api"]
	if api == "" {
		api = defaultAPI(strings.ToLower(name), out.Kind)
	}
	u, err := url.Parse(strings.TrimSuffix(api, "/"))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return out, fmt.Errorf("give as api an address such as https://git.example.org/api/v1")
	}
	out.API = u
	return out, nil
}

func defaultAPI(name, kind string) string {
	switch {
	case name == "github.com":
		return "https://api.github.com"
	case kind == "github":
		return "https://" + name + "/api/v3"
	case kind == "gitlab":
		return "https://" + name + "/api/v4"
	}
	return "https://" + name + "/api/v1"
}
