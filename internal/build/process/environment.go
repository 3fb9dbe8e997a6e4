package process

import (
	"maps"
	"os"
	"slices"
)

// Environment makes a program's variables: base, over it those of the service
// that passed names, over them the build's own. Nothing else of the service's
// environment reaches a build, since secrets come that way.
func Environment(base map[string]string, passed []string, own map[string]string) []string {
	env := maps.Clone(base)
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			env[name] = value
		}
	}
	maps.Copy(env, own)
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}
