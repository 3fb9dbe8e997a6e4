package local

import (
	"maps"
	"os"
	"slices"
)

// passed are the service's variables that every build sees. Nothing else of the
// service's environment reaches a build, since secrets come that way.
var passed = []string{"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ"}

// environment makes a build's variables: a few of the service's, temporary
// folders of its own, and the request's.
func (b *Builder) environment(request map[string]string, scratch string) []string {
	env := map[string]string{
		"PATH":   "/usr/local/bin:/usr/bin:/bin",
		"LANG":   "C.UTF-8",
		"HOME":   scratch,
		"TMPDIR": scratch,
	}
	names := slices.Concat(passed, b.options.Pass)
	if b.options.Dev {
		names = append(names, "HOME")
	}
	for _, name := range names {
		if value, ok := os.LookupEnv(name); ok {
			env[name] = value
		}
	}
	maps.Copy(env, request)
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}
