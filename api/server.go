package api

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// server is the running API.
type server struct {
	Config
	gate        *gate
	readers     *gate // for what is read often: knows courses as of a moment ago
	crossOrigin *http.CrossOriginProtection
	login       *login
	documents   *documentCache
	versions    *recentVersions
	compiled    *compiledCourses
	metrics     *metrics
	limits      *limits
	strict      http.Header // see strictHeaders
	strictData  http.Header // see dataHeaders
	distrust    sync.Once   // tells of a proxy that is not trusted
	description *description
	docs        handler // the page of the description
}

// New builds the handler of the whole service. It fails on settings that
// cannot be used.
func New(cfg Config) (http.Handler, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &server{
		Config:      cfg,
		gate:        &gate{courses: cfg.Courses, addresses: cfg.Addresses, log: cfg.Log, now: cfg.Now},
		crossOrigin: http.NewCrossOriginProtection(),
		strict:      strictHeaders(),
		strictData:  dataHeaders(),
	}
	if origin, err := originOf(cfg.Addresses.public); err == nil && origin != "" {
		// Browsers call the service by this name, whatever a proxy calls it.
		if err := s.crossOrigin.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("public address %s: %w", origin, err)
		}
	}
	var err error
	if s.login, err = newLogin(cfg.FrontendURL, cfg.Addresses); err != nil {
		return nil, err
	}
	if s.limits, err = newLimits(cfg.Limits, s); err != nil {
		return nil, err
	}
	s.gate.server, s.gate.limits, s.login.limits = s, s.limits, s.limits
	recent, err := newRecentCourses(cfg.Courses)
	if err != nil {
		return nil, err
	}
	readers := *s.gate
	readers.courses = recent
	s.readers = &readers
	if s.documents, err = newDocumentCache(); err != nil {
		return nil, err
	}
	if s.versions, err = newRecentVersions(cfg.ReleasesLag); err != nil {
		return nil, err
	}
	if s.compiled, err = newCompiledCourses(cfg.Releases); err != nil {
		return nil, err
	}
	if s.description, err = loadDescription(); err != nil {
		return nil, err
	}
	if s.docs, err = s.description.docs(); err != nil {
		return nil, err
	}
	if s.metrics, err = newMetrics(cfg.Registry); err != nil {
		return nil, fmt.Errorf("metrics of the API: %w", err)
	}
	recent.cache.asked, s.documents.asked, s.compiled.cache.asked = s.metrics.cache("courses"), s.metrics.cache("documents"), s.metrics.cache("compiled")
	return s.handler(), nil
}

// handler passes every request through what all have in common to its endpoint.
func (s *server) handler() http.Handler {
	// The mode is a setting of gin's whole package; the other modes print to
	// standard output.
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.RedirectTrailingSlash = false
	r.RedirectFixedPath = false
	r.HandleMethodNotAllowed = true
	r.ForwardedByClientIP = false // Addresses tells where requests come from
	r.Use(s.metrics.observe, s.trace, s.keepTrail, s.recover, s.secureHeaders, s.guardHost, s.login.crossOrigin, s.guardOrigin, s.identify, s.knownParameters)
	s.routes(r)
	return r
}

// recover answers 500 for a panic of a handler and logs where it was.
func (s *server) recover(c *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p) // net/http's own way to cut a connection
		}
		s.Log.ErrorContext(c.Request.Context(), "a handler panicked",
			"method", c.Request.Method, "route", c.FullPath(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		c.Abort()
		if !c.Writer.Written() {
			writeProblem(c.Writer, errors.New("panic"))
		}
	}()
	c.Next()
}
