package exec

import (
	"slices"
	"time"

	"coursewright/internal/build"
	"coursewright/internal/build/process"
)

// inputVersion is the version of the contract. Members may be added to the
// input without a new version.
const inputVersion = 1

// input is what the executable reads. Names that gitmanager's build modules
// know are kept.
type input struct {
	Version   int               `json:"version"`
	CourseKey string            `json:"course_key"`
	BuildID   int64             `json:"build_id"`
	RunID     string            `json:"run_id"`
	Path      string            `json:"path"`  // working copy, absolute
	Image     string            `json:"image"` // never empty
	Cmd       []string          `json:"cmd"`   // empty: the image's own
	Env       map[string]string `json:"env"`
	Timeout   float64           `json:"timeout"` // seconds; 0: none
	Settings  map[string]any    `json:"settings"`
}

func (b *Builder) describe(r build.Request) input {
	in := input{
		Version: inputVersion, CourseKey: r.CourseKey, BuildID: r.BuildID, RunID: r.RunID,
		Path: r.Dir, Image: r.Image, Cmd: r.Command, Env: r.Env,
		Timeout: float64(r.Timeout) / float64(time.Second), Settings: b.options.Settings,
	}
	// Lists and objects, not null, spare executables a case.
	if in.Cmd == nil {
		in.Cmd = []string{}
	}
	if in.Env == nil {
		in.Env = map[string]string{}
	}
	if in.Settings == nil {
		in.Settings = map[string]any{}
	}
	return in
}

// passed are the service's variables that the executable sees.
var passed = []string{
	"PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
	"KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT",
	"DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY",
}

// environment makes the executable's variables: the build's own over some of
// the service's.
func (b *Builder) environment(request map[string]string) []string {
	base := map[string]string{"PATH": "/usr/local/bin:/usr/bin:/bin"}
	return process.Environment(base, slices.Concat(passed, b.options.Pass), request)
}
