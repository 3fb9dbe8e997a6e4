package build

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// maxVariable is the room that Linux has for NAME=value and its closing zero
// byte; a longer one makes every exec fail.
const maxVariable = 32 * 4096

// EnvironmentFacts is what a build is told through its environment.
type EnvironmentFacts struct {
	CourseKey         string
	RemoteID          *int64 // nil while A+ does not know the course
	StaticURL         string // setting STATIC_URL; empty: /static/
	StaticContentHost string // setting STATIC_CONTENT_HOST, scheme and host; empty when unset
	AllChanged        bool   // everything is to be built, or the changes are unknown
	ChangedFiles      []string
}

// Environment makes the variables of a build. COURSE_ID of a course that A+
// does not know is the text None, as courses expect. STATIC_CONTENT_HOST is
// left out when it is unset, since courses test for its presence. A list of
// changed files that is too long for a variable becomes *, which means all.
func Environment(f EnvironmentFacts) (map[string]string, error) {
	prefix := f.StaticURL
	if prefix == "" {
		prefix = "/static/"
	}
	path := strings.TrimSuffix(prefix, "/") + "/" + f.CourseKey
	id := "None"
	if f.RemoteID != nil {
		id = strconv.FormatInt(*f.RemoteID, 10)
	}
	env := map[string]string{
		"COURSE_KEY":      f.CourseKey,
		"COURSE_ID":       id,
		"STATIC_URL_PATH": path,
		"CHANGED_FILES":   changedFiles(f),
	}
	if f.StaticContentHost != "" {
		host, err := url.Parse(f.StaticContentHost)
		if err != nil || host.Scheme == "" || host.Host == "" {
			return nil, fmt.Errorf("setting STATIC_CONTENT_HOST %q: give an address with scheme and host, such as https://courses.example.org", f.StaticContentHost)
		}
		env["STATIC_CONTENT_HOST"] = host.Scheme + "://" + host.Host + path
	}
	return env, nil
}

func changedFiles(f EnvironmentFacts) string {
	if f.AllChanged {
		return "*"
	}
	list := strings.Join(f.ChangedFiles, "\n")
	if len("CHANGED_FILES=")+len(list)+1 > maxVariable {
		return "*"
	}
	return list
}
