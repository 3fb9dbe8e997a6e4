package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"coursewright/internal/course"
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
	// BaseURL is the scheme and authority under which the caller reaches the
	// service, without a slash at the end.
	BaseURL func(r *http.Request) string
	// May says whether the caller may read (or write) a course; nil: everybody
	// may.
	May func(r *http.Request, write bool, c course.Course) bool
	// Audit tells the security log that a request has done what it asked for;
	// pairs of names and values tell more. nil: nobody is told.
	Audit func(r *http.Request, action, key string, pairs ...any)
	// PublicURL is the address by which browsers call the pages when a proxy
	// calls them by another; may be empty.
	PublicURL string
	// ClientIP is the caller's address; nil: that of the connection.
	ClientIP func(r *http.Request) string
	// Hosts keeps the build hosts, which administrators see; nil: there is no
	// page of them.
	Hosts BuildHosts
	// Sweeps tells what the sweeper did, for administrators; nil: there is no
	// page of it.
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
	pages map[string]*template.Template
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
	if cfg.Audit == nil {
		cfg.Audit = func(*http.Request, string, string, ...any) {}
	}
	if cfg.RunURL == nil {
		cfg.RunURL = func(course.Build) string { return "" }
	}
	s := &site{Config: cfg, pages: map[string]*template.Template{}}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("list page templates: %w", err)
	}
	for _, name := range names {
		t, err := template.New("layout.html").Funcs(s.functions()).ParseFS(files, "templates/layout.html", "templates/part_*.html", name)
		if err != nil {
			return nil, fmt.Errorf("parse page template %s: %w", path.Base(name), err)
		}
		s.pages[path.Base(name)] = t
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
	mux.HandleFunc("GET /gitmanager/{key}/{$}", s.page(s.editCourse))
	mux.HandleFunc("POST /gitmanager/{key}/{$}", s.page(s.saveCourse))
	mux.HandleFunc("GET /gitmanager/{key}/builds/{id}", s.page(s.build))
	mux.HandleFunc("POST /gitmanager/{key}/builds", s.page(s.startBuild))
	mux.HandleFunc("POST /gitmanager/{key}/builds/{id}/cancel", s.page(s.cancelBuild))
	mux.HandleFunc("POST /gitmanager/{key}/releases/{version}/publish", s.page(s.publish))
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
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// fail shows an error. Causes of the service's own trouble go to the log.
func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	status, text := http.StatusInternalServerError, "The service could not do this now. Try again in a moment."
	switch {
	case errors.As(err, &tooLarge):
		status, text = http.StatusRequestEntityTooLarge, "The form is too large."
	case errors.Is(err, course.ErrNotFound):
		status, text = http.StatusNotFound, "There is no such page. The course, build or release may have been removed."
	case errors.Is(err, course.ErrConflict):
		status, text = http.StatusConflict, "This cannot be done as things stand: "+strings.TrimSuffix(err.Error(), ": "+course.ErrConflict.Error())+"."
	case errors.Is(err, course.ErrInvalid):
		status, text = http.StatusBadRequest, "The request was not understood: "+err.Error()+"."
	case errors.Is(err, course.ErrDenied):
		status, text = http.StatusForbidden, "You have no access to this course."
	case r.Context().Err() == nil:
		s.Log.ErrorContext(r.Context(), "page failed", "method", r.Method, "path", r.URL.Path, "error", err)
		if errors.Is(err, course.ErrUnavailable) {
			status, text = http.StatusServiceUnavailable, "A part of the service is away for a moment. Reload the page in a few seconds."
			w.Header().Set("Retry-After", "5")
		}
	}
	data := struct{ Title, Text string }{http.StatusText(status), text}
	if err := s.render(w, status, "error.html", data); err != nil {
		s.Log.ErrorContext(r.Context(), "error page failed", "error", err)
	}
}

// render fills a template completely before anything is sent.
func (s *site) render(w http.ResponseWriter, status int, name string, data any) error {
	var out bytes.Buffer
	if err := s.pages[name].Execute(&out, data); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(out.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // a reader who is gone cannot be told
	return nil
}

// asset serves a stylesheet or a script.
func (s *site) asset(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	body, err := files.ReadFile("assets/" + path.Base(name))
	if err != nil {
		return errNoPage
	}
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	w.Header().Set("Content-Type", kinds[path.Ext(name)])
	w.Header().Set("Cache-Control", "max-age=300")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
	return nil
}
