package coursetest

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
)

// FakeGrader is a grader: it takes courses, keeps the newest aside and makes it
// live when it is published. It is an http.Handler, the same at every path, and
// safe for concurrent use.
type FakeGrader struct {
	// UID is the grader's own name.
	UID string
	// Intercept sees every request first, if set; true means that it answered.
	Intercept func(http.ResponseWriter, *http.Request) bool

	mu       sync.Mutex
	issuers  map[string]*rsa.PublicKey
	courses  map[int64]*GraderCourse
	problems []string
}

// GraderCourse is a course that a grader knows.
type GraderCourse struct {
	ID     int64
	Key    string
	Stored *GraderVersion // nil without one that waits
	Live   *GraderVersion // nil before it is published
}

// GraderVersion is what a grader was sent at once.
type GraderVersion struct {
	Version   string
	Spec      map[string]any
	Exercises []GraderExercise
	Files     []GraderFile // in the archive's order
}

// GraderExercise is an exercise as a grader is told about it.
type GraderExercise struct {
	Key    string                    `json:"key"`
	Spec   map[string]any            `json:"spec"`
	Config map[string]map[string]any `json:"config"` // by language
	Files  []string                  `json:"files"`
}

// GraderFile is a file that a grader was sent.
type GraderFile struct {
	Name   string
	Size   int64
	Mode   int64
	SHA256 string
}

// NewFakeGrader makes a grader that trusts nobody.
func NewFakeGrader(uid string) *FakeGrader {
	return &FakeGrader{UID: uid, issuers: map[string]*rsa.PublicKey{}, courses: map[int64]*GraderCourse{}}
}

// Trust has the grader believe the tokens of an issuer, normally A+.
func (g *FakeGrader) Trust(issuer string, key *rsa.PublicKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.issuers[issuer] = key
}

// Course gives what the grader knows of a course.
func (g *FakeGrader) Course(id int64) (GraderCourse, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c := g.courses[id]; c != nil {
		return *c, true
	}
	return GraderCourse{}, false
}

// Problems gives what the grader had to refuse, in words, oldest first.
func (g *FakeGrader) Problems() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.problems)
}

// refusal is an error with the status that it is answered with.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// ServeHTTP answers store and publish requests.
func (g *FakeGrader) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.Intercept != nil && g.Intercept(w, r) {
		return
	}
	answer, err := g.handle(r)
	var refused *refusal
	switch {
	case errors.Is(err, errAnonymous):
		// As mooc-grader: people would log in.
		g.problem(r, err)
		http.Redirect(w, r, "/login?referer="+r.URL.Path, http.StatusFound)
	case errors.As(err, &refused):
		g.problem(r, err)
		http.Error(w, refused.text, refused.status)
	case err != nil:
		g.problem(r, err)
		http.Error(w, err.Error(), http.StatusBadRequest)
	case answer != nil:
		w.Header().Set("Content-Type", "application/json")
		writeJSON(w, answer)
	}
}

func (g *FakeGrader) problem(r *http.Request, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.problems = append(g.problems, fmt.Sprintf("%s %s: %v", r.Method, r.URL.Path, err))
}

// handle does what a request asks for. The answer is nil for an empty one.
func (g *FakeGrader) handle(r *http.Request) (any, error) {
	c, err := verify(r, g.UID, g.keyOf)
	switch {
	case errors.Is(err, errAnonymous):
		return nil, err
	case err != nil:
		return nil, refuse(http.StatusUnauthorized, "%v", err)
	case r.Method != http.MethodPost:
		return nil, refuse(http.StatusMethodNotAllowed, "only POST is known here")
	}
	f, err := readForm(r)
	if err != nil {
		return nil, err
	}
	if !allows(c.Permissions, Write, f.id) {
		return nil, refuse(http.StatusForbidden, "the token does not permit to write the course instance %d", f.id)
	}
	if f.publish {
		return nil, g.publish(f)
	}
	return g.store(r, f)
}

func (g *FakeGrader) keyOf(issuer string) *rsa.PublicKey {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.issuers[issuer]
}

// store keeps a course aside and answers with the exercises' defaults.
func (g *FakeGrader) store(r *http.Request, f *form) (any, error) {
	defaults := map[string]any{}
	for _, e := range f.content.Exercises {
		defaults[e.Key] = e.defaults(fmt.Sprintf("http://%s/%d/%s", r.Host, f.id, e.Key))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.courses[f.id]
	if c == nil {
		c = &GraderCourse{ID: f.id}
		g.courses[f.id] = c
	}
	c.Key, c.Stored = f.key, &f.content
	return defaults, nil
}

// publish makes the stored version live. Doing it twice is fine.
func (g *FakeGrader) publish(f *form) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.courses[f.id]
	switch {
	case c != nil && c.Stored != nil && c.Stored.Version == f.content.Version:
		c.Live, c.Stored = c.Stored, nil
		return nil
	case c != nil && c.Live != nil && c.Live.Version == f.content.Version:
		return nil
	}
	return refuse(http.StatusNotFound, "Unknown version id")
}

// defaults gives what A+ needs to know of an exercise beside its spec.
func (e GraderExercise) defaults(address string) map[string]any {
	out := map[string]any{}
	for name, value := range e.Spec {
		out[name] = value
	}
	if e.Config == nil {
		return out
	}
	out["url"] = address
	titles := map[string]any{}
	for language, config := range e.Config {
		titles[language] = config["title"]
		if own, ok := config["url"]; ok {
			out["url"] = own
		}
	}
	if _, named := out["title"]; !named {
		if _, named := out["name"]; !named {
			out["title"] = titles
		}
	}
	out["exercise_info"] = map[string]any{"form_spec": []any{}}
	return out
}
