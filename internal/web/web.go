package web

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/web/message"
)

//go:embed templates/*.html assets/*
var files embed.FS

// Courses is what the pages need of the table of courses.
type Courses interface {
	CreateCourse(ctx context.Context, c course.Course) (course.Course, error)
	Course(ctx context.Context, key string) (course.Course, error)
	ListCourses(ctx context.Context, p course.Page) ([]course.Course, error)
	UpdateCourse(ctx context.Context, c course.Course) (course.Course, error)
}

// BuildRows is what the pages need of the build history and its logs.
type BuildRows interface {
	RequestBuild(ctx context.Context, key string, r course.BuildRequest) (course.Build, error)
	Build(ctx context.Context, id int64) (course.Build, error)
	ListBuilds(ctx context.Context, key string, p course.Page) ([]course.Build, error)
	LatestBuilds(ctx context.Context, courseIDs []int64) (map[int64]course.Build, error)
	ReadLog(ctx context.Context, buildID, offset int64) (chunks []course.LogChunk, next int64, err error)
	ListDeliveries(ctx context.Context, key string, p course.Page) ([]course.Delivery, error)
	Delivery(ctx context.Context, id int64) (course.Delivery, error)
	// Report gives what a build found in the files of its course.
	Report(ctx context.Context, buildID int64) (course.Report, error)
	// SearchBuilds gives a page of the builds that a filter chooses, newest
	// first, with steps.
	SearchBuilds(ctx context.Context, f course.BuildFilter, p course.Page) ([]course.Build, error)
	// OpenBuilds lists builds whose status is not final, oldest first.
	OpenBuilds(ctx context.Context, limit int) ([]course.Build, error)
	// Changes tells of the changes to a build, or to all when buildID is 0.
	Changes(ctx context.Context, buildID int64) <-chan course.Change
}

// AuditLog is what the pages need of the security log: who published what.
type AuditLog interface {
	ListAudit(ctx context.Context, f course.AuditFilter, p course.Page) ([]course.AuditEntry, error)
}

// Origins looks at git origins.
type Origins interface {
	// Branches gives the newest commit of each branch of an origin.
	// *course.AuthorError tells what is wrong with the address.
	Branches(ctx context.Context, origin string) (map[string]string, error)
}

// Builds sets work going.
type Builds interface {
	// Wake tells the course's build workflow that a request was recorded; it
	// never blocks.
	Wake(key string)
	// CancelBuild asks a pending or running build to end.
	CancelBuild(ctx context.Context, key string, buildID int64) error
	// Publish makes a release the one that students see.
	Publish(ctx context.Context, r course.PublishRequest) (course.PublishResult, error)
	// RemoveCourse stops the builds and removes the files and rows of a course.
	RemoveCourse(ctx context.Context, key string) error
}

// Releases reads the results of builds; where there is none the error is
// course.ErrNotFound.
type Releases interface {
	Stored(key string) (course.Release, error)
	Published(key string) (course.Release, error)
	Releases(key string) ([]course.Release, error)
}

// Config is all that the pages need. Every field is required unless its
// comment says otherwise.
type Config struct {
	Log      *slog.Logger
	Courses  Courses
	Rows     BuildRows
	Builds   Builds
	Releases Releases
	// Diffs compares releases, Announcer follows their approvals; nil: there are no
	// such pages.
	Diffs     Diffs
	Announcer Announcer
	// Previews lists previews; nil: there are none.
	Previews Previews
	// Caller names the sender of a request, as the security log does; nil: nobody
	// is known.
	Caller func(r *http.Request) string
	// BaseURL is the scheme and authority under which the caller reaches the
	// service, without a slash at the end.
	BaseURL func(r *http.Request) string
	// May says whether the caller may read (or write) a course; nil: everybody
	// may.
	May func(r *http.Request, write bool, c course.Course) bool
	// Audit tells the security log that a request has done what it asked for;
	// pairs of names and values tell more. nil: nobody is told.
	Audit func(r *http.Request, action, key string, pairs ...any)
	// AuditLog tells who published a release; nil: nobody knows.
	AuditLog AuditLog
	// Origins looks at the origin that a course is to have; nil: nobody does.
	Origins Origins
	// Closing is closed when the process is about to stop: what is sent live
	// ends. nil: never.
	Closing <-chan struct{}
	// PublicURL is the address by which browsers call the pages when a proxy
	// calls them by another; may be empty.
	PublicURL string
	// ClientIP is the caller's address; nil: that of the connection.
	ClientIP func(r *http.Request) string
	// Hosts keeps the build hosts, which administrators see; nil: there is no
	// page of them.
	Hosts BuildHosts
	// Sweeps tells administrators what the sweeper does; nil: nobody knows.
	Sweeps Sweeps
	// RunURL is the address of a build in Temporal's own pages, empty when it
	// has none; nil: none has.
	RunURL func(b course.Build) string
	// SSHKey is the public key that git hosts must let read; may be empty.
	SSHKey string
	// Location is the time zone of times on pages; nil means UTC.
	Location *time.Location
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// site is the running pages.
type site struct {
	Config
	pages     map[message.Language]map[string]*template.Template
	catalogue *message.Catalogue
	assets    map[string]asset
}

// New builds the handler of the pages. It fails only if the embedded templates
// are broken.
func New(cfg Config) (http.Handler, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Location == nil {
		cfg.Location = time.UTC
	}
	if cfg.May == nil {
		cfg.May = func(*http.Request, bool, course.Course) bool { return true }
	}
	if cfg.ClientIP == nil {
		cfg.ClientIP = peer
	}
	if cfg.Caller == nil {
		cfg.Caller = func(*http.Request) string { return "" }
	}
	if cfg.Audit == nil {
		cfg.Audit = func(*http.Request, string, string, ...any) {}
	}
	if cfg.RunURL == nil {
		cfg.RunURL = func(course.Build) string { return "" }
	}
	s := &site{Config: cfg, pages: map[message.Language]map[string]*template.Template{}}
	if err := s.parse(); err != nil {
		return nil, err
	}
	guard := http.NewCrossOriginProtection()
	if cfg.PublicURL != "" {
		u, err := url.Parse(cfg.PublicURL)
		if err != nil {
			return nil, fmt.Errorf("public address of the pages: %w", err)
		}
		if err := guard.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return nil, fmt.Errorf("public address of the pages: %w", err)
		}
	}
	return guard.Handler(s.routes()), nil
}

func (s *site) routes() http.Handler {
	mux := http.NewServeMux()
	// A POST of what gitmanager had as a page answers like a GET, as it did there.
	for _, method := range []string{"GET ", "POST "} {
		mux.HandleFunc(method+"/{$}", s.page(s.list))
		mux.HandleFunc(method+"/gitmanager/{$}", s.page(s.list))
		mux.HandleFunc(method+"/{key}/{$}", s.page(s.overview))
		mux.HandleFunc(method+"/gitmanager/{key}/updates", s.page(s.course))
	}
	mux.HandleFunc("GET /gitmanager/new/{$}", s.page(s.newCourse))
	mux.HandleFunc("POST /gitmanager/new/{$}", s.page(s.createCourse))
	mux.HandleFunc("POST /gitmanager/new/origin", s.page(s.checkOrigin))
	mux.HandleFunc("GET /gitmanager/{key}/{$}", s.page(s.editCourse))
	mux.HandleFunc("POST /gitmanager/{key}/{$}", s.page(s.saveCourse))
	mux.HandleFunc("GET /gitmanager/{key}/webhook", s.page(s.webhook))
	mux.HandleFunc("GET /gitmanager/{key}/changes", s.page(s.changes))
	mux.HandleFunc("GET /gitmanager/{key}/builds/{id}", s.page(s.build))
	mux.HandleFunc("GET /gitmanager/{key}/builds/{id}/lines", s.page(s.logLines))
	mux.HandleFunc("POST /gitmanager/{key}/builds", s.page(s.startBuild))
	mux.HandleFunc("POST /gitmanager/{key}/builds/{id}/cancel", s.page(s.cancelBuild))
	mux.HandleFunc("POST /gitmanager/{key}/releases/{version}/publish", s.page(s.publish))
	if s.Diffs != nil {
		mux.HandleFunc("GET /gitmanager/{key}/releases/{version}/diff", s.page(s.diff))
		mux.HandleFunc("POST /gitmanager/{key}/releases/{version}/approve", s.page(s.approve))
	}
	mux.HandleFunc("POST /gitmanager/{key}/deliveries/{id}/redeliver", s.page(s.redeliver))
	mux.HandleFunc("POST /gitmanager/{key}/webhook-secret", s.page(s.renewSecret))
	mux.HandleFunc("POST /gitmanager/{key}/delete", s.page(s.deleteCourse))
	if s.Hosts != nil {
		mux.HandleFunc("GET "+hostsPath, s.page(s.hosts))
		mux.HandleFunc("POST "+hostsPath+"/{id}/{action}", s.page(s.changeHost))
	}
	if s.Sweeps != nil {
		mux.HandleFunc("GET "+sweeperPath, s.page(s.sweeper))
	}
	mux.HandleFunc("GET /assets/{name}", s.page(s.asset))
	mux.HandleFunc("/", s.page(func(http.ResponseWriter, *http.Request) error { return errNoPage }))
	return mux
}

var errNoPage = fmt.Errorf("there is no such page: %w", course.ErrNotFound)

// maxForm bounds the body of a form, in bytes.
const maxForm = 1 << 20

// page serves h and shows its error as a page.
func (s *site) page(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "+
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		head.Set("X-Content-Type-Options", "nosniff")
		// The hook's answer to our forms depends on the Referer; other sites learn nothing.
		head.Set("Referrer-Policy", "same-origin")
		head.Set("Cache-Control", "no-store")
		if look(w, r) {
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// fail shows an error. Causes of the service's own trouble go to the log.
func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := s.printer(r)
	var tooLarge *http.MaxBytesError
	page := errorPage{Text: p.T("The service could not do this now. Try again in a moment.")}
	status := http.StatusInternalServerError
	switch {
	case errors.As(err, &tooLarge):
		status, page.Text = http.StatusRequestEntityTooLarge, p.T("The form is too large.")
	case errors.Is(err, course.ErrNotFound):
		status, page.Text = http.StatusNotFound, p.T("There is no such page. The course, build or release may have been removed.")
	case errors.Is(err, course.ErrConflict):
		status, page.Text = http.StatusConflict, p.T("This cannot be done as things stand.")
		page.Cause = strings.TrimSuffix(err.Error(), ": "+course.ErrConflict.Error())
	case errors.Is(err, course.ErrInvalid):
		status, page.Text, page.Cause = http.StatusBadRequest, p.T("The request was not understood."), err.Error()
	case errors.Is(err, course.ErrDenied):
		status, page.Text = http.StatusForbidden, p.T("You have no access to this course.")
	case r.Context().Err() == nil:
		s.Log.ErrorContext(r.Context(), "page failed", "method", r.Method, "path", r.URL.Path, "error", err)
		if errors.Is(err, course.ErrUnavailable) {
			status, page.Text = http.StatusServiceUnavailable, p.T("A part of the service is away for a moment. Reload the page in a few seconds.")
			w.Header().Set("Retry-After", "5")
		}
	}
	page.Status = status
	page.Title = p.T(errorTitles[status])
	if err := s.render(w, r, status, "error.html", page); err != nil {
		s.Log.ErrorContext(r.Context(), "error page failed", "error", err)
	}
}

type errorPage struct {
	Title  string
	Status int
	Text   string
	Cause  string // in the service's own words; empty: the text says all
}

// errorTitles are the headings of error pages.
var errorTitles = map[int]string{
	http.StatusRequestEntityTooLarge: key("Too large"),
	http.StatusNotFound:              key("Not found"),
	http.StatusConflict:              key("Not now"),
	http.StatusBadRequest:            key("Not understood"),
	http.StatusForbidden:             key("No access"),
	http.StatusInternalServerError:   key("Something went wrong"),
	http.StatusServiceUnavailable:    key("Away for a moment"),
}
