package local

import (
	"slices"

	"coursewright/internal/build/process"
)

// passed are the service's variables that every build sees.
var passed = []string{"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ"}

// environment makes a build's variables: a few of the service's, temporary
// folders of its own, and the request's.
func (b *Builder) environment(request map[string]string, scratch string) []string {
	base := map[string]string{
		"PATH":   "/usr/local/bin:/usr/bin:/bin",
		"LANG":   "C.UTF-8",
		"HOME":   scratch,
		"TMPDIR": scratch,
	}
	names := slices.Concat(passed, b.options.Pass)
	if b.options.Dev {
		names = append(names, "HOME")
	}
	return process.Environment(base, names, request)
}
