package settings

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// authObjects are gitmanager's settings that hold those of aplus-auth.
func authObjects() []string { return []string{"APLUS_AUTH", "APLUS_AUTH_LOCAL"} }

// serviceLink matches variables that Kubernetes makes for a service whose name
// begins like a prefix of ours: they are nobody's settings.
var serviceLink = regexp.MustCompile(`(^|_)(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

func isServiceLink(name, value string) bool {
	if name == "PORT" || strings.HasSuffix(name, "_PORT") {
		return strings.Contains(value, "://")
	}
	return serviceLink.MatchString(name)
}

// environment reads the variables.
func (l *loader) environment() layer {
	out := layer{}
	for _, r := range l.rows {
		for _, name := range r.Variables {
			if text, ok := l.env[name]; ok {
				l.put(out, r, given{readRaw(text), "variable " + name})
			}
		}
	}
	alias := cmp.Or(l.env[prefixVariable], gitmanagerPrefix)
	for _, name := range slices.Sorted(maps.Keys(l.env)) {
		if rest, ok := strings.CutPrefix(name, Prefix); ok {
			l.variable(out, name, rest)
		} else if rest, ok := strings.CutPrefix(name, alias); ok {
			l.oldVariable(out, name, rest)
		}
	}
	return out
}

// variable reads a variable of ours, and reports one that is no setting.
func (l *loader) variable(out layer, name, rest string) {
	text, source := l.env[name], "variable "+name
	if name == configVariable || slices.Contains(l.sources.Others, name) || l.take(out, rest, text, source) || isServiceLink(rest, text) {
		return
	}
	l.problem(Problem{Source: source, Message: l.unknown(rest, Prefix)})
}

// oldVariable reads a variable of gitmanager. One without a meaning is only
// warned of, since both services may share an environment.
func (l *loader) oldVariable(out layer, name, rest string) {
	text, source := l.env[name], "variable "+name
	if r, ok := l.byName[strings.TrimSuffix(rest, fileSuffix)]; ok && !r.Gitmanager {
		l.warnings = append(l.warnings, source+" is ignored: the setting is new, its variable is "+Prefix+rest)
		return
	}
	if l.take(out, rest, text, source) || isServiceLink(rest, text) {
		return
	}
	l.warnings = append(l.warnings, source+" is ignored: "+l.unknown(rest, Prefix))
}

// take reads a variable if its name is that of a setting.
func (l *loader) take(out layer, name, text, source string) bool {
	if r, ok := l.byName[name]; ok {
		l.put(out, r, given{readRaw(text), source})
		return true
	}
	if r, ok := l.byName[strings.TrimSuffix(name, fileSuffix)]; ok && r.File {
		l.putFile(out, r, text, source)
		return true
	}
	if slices.Contains(authObjects(), name) {
		l.auth(out, readRaw(text), source)
		return true
	}
	return false
}

// auth takes apart an object with settings of aplus-auth.
func (l *loader) auth(out layer, object raw, source string) {
	members, ok := object.value.(map[string]any)
	if !ok {
		if object.text != "" && !object.null() {
			l.problem(Problem{Source: source, Message: `give a JSON object, such as {"UID": "gitmanager"}`})
		}
		return
	}
	known := map[string]bool{}
	for _, r := range authRows() {
		known[r.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		switch {
		case known[name]:
			l.put(out, l.byName[name], given{fromValue(members[name]), source})
		case obsolete(name) != "":
			l.warnings = append(l.warnings, source+": "+name+" is ignored: "+obsolete(name))
		default:
			l.problem(Problem{Source: source, Name: name, Message: l.unknown(name, "")})
		}
	}
}

// unknown says what to do about a name that is no setting.
func (l *loader) unknown(name, prefix string) string {
	if why := obsolete(name); why != "" {
		return "gitmanager's setting " + name + " has no meaning any more. " + why
	}
	candidates := authObjects()
	for _, r := range l.rows {
		candidates = append(candidates, r.Name)
		if r.File {
			candidates = append(candidates, r.Name+fileSuffix)
		}
	}
	if near := nearMiss(name, candidates); near != "" {
		return "no setting has this name; did you mean " + prefix + near + "?"
	}
	return "no setting has this name; the documentation lists them"
}

func obsolete(name string) string {
	for _, o := range ObsoleteSettings() {
		if o.Name == name {
			return o.Why
		}
	}
	return ""
}
