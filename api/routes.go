package api

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
)

// routes registers every address. gitmanager's own routes begin with the
// course's key, which is why course.ValidKey refuses the first words of all
// others.
func (s *server) routes(r *gin.Engine) {
	reads(r, "/healthz", healthz)
	reads(r, "/readyz", s.readyz)
	if s.Metrics != nil {
		reads(r, "/metrics", gin.WrapH(s.Metrics))
	}
	anyway(r, loginRoute, s.login.serve)
	s.rest(r.Group(restPrefix + "courses"))
	s.service(r)
	anyway(r, "/robots.txt", robots)
	s.gitmanager(r)
	previews{
		gate: s.gate, releases: s.Releases, compiled: s.compiled, at: s.Addresses,
		statics: staticPlaces{path: cmp.Or(s.StaticURL, "/static/"), host: s.StaticContentHost},
	}.routes(s, r)
	s.pages(r)
}

// rest are the routes of the REST API.
func (s *server) rest(r *gin.RouterGroup) {
	view := courseView{addresses: s.Addresses, rows: s.Rows, releases: s.Releases, log: s.Log}
	reads(r, "", s.problems(listCourses(s.gate, s.Courses, view)))
	r.POST("", s.problems(createCourse(s.gate, s.Courses, view)))
	reads(r, "/:key", s.problems(getCourse(s.gate, view)))
	r.PUT("/:key", s.problems(updateCourse(s.gate, s.Courses, view)))
	r.PATCH("/:key", s.problems(updateCourse(s.gate, s.Courses, view)))
	r.DELETE("/:key", s.problems(deleteCourse(s.gate, s.Builds)))
	r.POST("/:key/webhook-secret", s.problems(renewSecret(s.gate, s.Courses, view)))

	if s.DeployKey != "" {
		reads(r, "/:key/deploy-key", s.problems(deployKey(s.gate, s.DeployKey)))
	}

	reads(r, "/:key/builds", s.problems(listBuilds(s.gate, s.Rows)))
	r.POST("/:key/builds", s.problems(startBuild(s.gate, s.Rows, s.Builds)))
	reads(r, "/:key/builds/:id", s.problems(getBuild(s.gate, s.Rows, s.Rows)))
	reads(r, "/:key/builds/:id/log", s.problems(buildLog(s.gate, s.Rows, s.Logs)))
	r.GET("/:key/builds/:id/events", s.problems(buildEvents(s.gate, s.Rows, s.Logs, s.Closing)))
	r.POST("/:key/builds/:id/cancel", s.problems(cancelBuild(s.gate, s.Rows, s.Builds)))
	r.POST("/:key/builds/:id/retry", s.problems(retryBuild(s.gate, s.Rows, s.Builds)))

	reads(r, "/:key/deliveries", s.problems(listDeliveries(s.gate, s.Rows)))
	reads(r, "/:key/deliveries/:id", s.problems(getDelivery(s.gate, s.Rows)))
	r.POST("/:key/deliveries/:id/redeliver", s.problems(redeliver(s.gate, s.Rows, s.Rows, s.Builds)))

	reads(r, "/:key/releases", s.problems(listReleases(s.gate, s.Releases)))
	reads(r, "/:key/previews", s.problems(listPreviews(s.gate, s.Releases)))
	reads(r, "/:key/releases/:version/diff", s.problems(diffReleases(s.gate, s.Diffs)))
	r.POST("/:key/releases/:version/approve", s.problems(approveRelease(s.gate, s.Diffs, s.Builds)))
	reads(r, "/:key/releases/:version", s.problems(getRelease(s.gate, s.Releases)))
	r.POST("/:key/releases/:version/publish", s.problems(publishRelease(s.gate, s.Builds)))
}

// service are the routes of the REST API that are about no single course.
func (s *server) service(r *gin.Engine) {
	reads(r, restPrefix+"whoami", s.problems(whoami(s.gate)))
	reads(r, restPrefix+"builds", s.problems(searchBuilds(s.gate, s.Rows)))
	reads(r, restPrefix+"fleet", s.problems(fleet(s.gate, s.Rows, s.BuildHosts)))
	if s.Origins != nil {
		r.POST(restPrefix+"origins/check", s.problems(checkOrigin(s.gate, s.Origins, s.DeployKey)))
	}
	if s.Sweeps != nil {
		reads(r, restPrefix+"reconciler", s.problems(reconciler(s.gate, s.Sweeps)))
	}
	if s.Audit != nil {
		reads(r, restPrefix+"audit", s.problems(listAudit(s.gate, s.Audit)))
	}
	if s.BuildHosts != nil {
		s.hosts(r.Group(hostsRoute))
	}
	reads(r, schemaRoute, s.problems(courseSchema))
	reads(r, descriptionRoute+".json", s.problems(s.description.json.serve("application/json")))
	reads(r, descriptionRoute+".yaml", s.problems(s.description.yaml.serve("application/yaml")))
	reads(r, docsRoute, s.problems(s.docs))
}

// gitmanager are the addresses that A+, git hosts and course pages know. Those
// that gitmanager answers whatever the method are answered likewise.
func (s *server) gitmanager(r *gin.Engine) {
	r.POST(hookRoute, s.texts(hook(s.gate, s.Rows, s.Builds, hookPolicy{immediate: s.Immediate, unsigned: s.AllowUnsignedHooks, bodies: newDeliveryBodies()})))
	reads(r, badgeRoute, s.texts(badge(s.readers, s.Rows, s.Releases)))
	anyway(r, "/gitmanager/:key/build_log-json", s.texts(buildLogJSON(s.gate, s.Rows, s.Logs)))
	anyway(r, aplusJSONRoute, s.texts(aplusJSON(s.readers, s.Releases, s.Addresses, s.documents, s.versions)))
	publishing := s.texts(publish(s.gate, s.Releases, s.Builds))
	anyway(r, publishRoute+":source", publishing)
	anyway(r, publishRoute+":source/:version", publishing)
	anyway(r, "/model/:key/:exercise/:basename", s.texts(exerciseFile(s.gate, s.compiled, courseconfig.ModelFiles)))
	anyway(r, "/exercise_template/:key/:exercise/:basename", s.texts(exerciseFile(s.gate, s.compiled, courseconfig.TemplateFiles)))
	protected := protectedFiles{gate: s.gate, releases: s.Releases, accelerated: s.UseXSendfile}
	anyway(r, protectedRoute, s.texts(protected.serve))
	static := s.texts(serveStatic(staticFiles{root: s.StaticRoot, courses: s.CoursesPath}, protected))
	reads(r, staticRoute, static)
	r.OPTIONS(staticRoute, static)
	s.settingsAPI(r)
}

// hostsPage lists the build hosts, sweeperPage tells what the sweeper did. No course
// has such an address, whatever its key.
const (
	hostsPage   = "/admin/hosts"
	sweeperPage = "/admin/sweeper"
)

// approvePage is where the page of a release's changes sends an approval.
const approvePage = "/gitmanager/:key/releases/:version/approve"

// originPage answers the form of a course while somebody types its origin.
const originPage = "/gitmanager/new/origin"

// pages are the addresses of the HTML pages, which another handler serves, and
// their answers to scripts.
func (s *server) pages(r *gin.Engine) {
	page := s.page
	courses := s.forScripts(coursesIndex(s.gate, s.Courses, s.compiled), page)
	reads(r, "/", courses)
	r.POST("/", courses)
	index := s.courseRoot()
	reads(r, "/:key/", index)
	r.POST("/:key/", index)
	r.NoRoute(missedCourse(index, s.noRoute))
	r.NoMethod(missedCourse(index, s.noMethod))
	for _, at := range []string{
		"/assets/:name", "/gitmanager/", "/gitmanager/new/", "/gitmanager/:key/",
		"/gitmanager/:key/updates", "/gitmanager/:key/webhook", "/gitmanager/:key/builds/:id", "/gitmanager/:key/builds/:id/lines", "/gitmanager/:key/releases/:version/diff", hostsPage, sweeperPage,
	} {
		reads(r, at, page)
	}
	r.GET("/gitmanager/:key/changes", page)
	r.POST(originPage, page)
	for _, at := range []string{
		"/gitmanager/", "/gitmanager/:key/updates", // as gitmanager, which does not look at the method
		"/gitmanager/new/", "/gitmanager/:key/", "/gitmanager/:key/builds", "/gitmanager/:key/builds/:id/cancel",
		"/gitmanager/:key/releases/:version/publish", "/gitmanager/:key/deliveries/:id/redeliver", "/gitmanager/:key/webhook-secret", "/gitmanager/:key/delete",
		approvePage,
		hostsPage + "/:id/drain", hostsPage + "/:id/resume", hostsPage + "/:id/forget",
	} {
		r.POST(at, page)
	}
	for _, at := range []string{
		"/:key", "/gitmanager", "/gitmanager/new", "/gitmanager/:key",
		"/model/:key/:exercise", "/exercise_template/:key/:exercise",
	} {
		anyway(r, at, s.addSlash)
	}
}

// courseRoot answers /KEY/.
func (s *server) courseRoot() gin.HandlerFunc {
	return s.forScripts(courseIndex(s.gate, s.compiled), s.page)
}

// missedCourse serves /KEY/ where gin's tree does not find it: when the key is
// the common beginning of fixed routes, such as /a/ beside /api and /assets
// (gin 1.12). Everything else goes to otherwise.
func missedCourse(index, otherwise gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		key := strings.TrimSuffix(strings.TrimPrefix(c.Request.URL.Path, "/"), "/")
		method := c.Request.Method
		reading := method == http.MethodGet || method == http.MethodHead || method == http.MethodPost
		if !reading || c.Request.URL.Path != "/"+key+"/" || !course.ValidKey(key) {
			otherwise(c)
			return
		}
		c.Params = gin.Params{{Key: "key", Value: key}}
		index(c)
	}
}

// page hands a request to the pages, once its course is known to be a course.
func (s *server) page(c *gin.Context) {
	key := c.Param("key")
	if s.Pages == nil || key != "" && !course.ValidKey(key) {
		s.noRoute(c)
		return
	}
	if CallerOf(c.Request).anonymous() && !openRoute(c.FullPath()) {
		toLogin(c)
		return
	}
	s.Pages.ServeHTTP(c.Writer, c.Request)
}

func (s *server) forScripts(h handler, page gin.HandlerFunc) gin.HandlerFunc {
	script := s.texts(h)
	return func(c *gin.Context) {
		if isAjax(c) {
			script(c)
			return
		}
		page(c)
	}
}

// addSlash redirects to the address with a slash at its end.
func (s *server) addSlash(c *gin.Context) {
	key := c.Param("key")
	if key != "" && !course.ValidKey(key) {
		s.noRoute(c)
		return
	}
	to := url.URL{Path: c.Request.URL.Path + "/", RawQuery: c.Request.URL.RawQuery}
	c.Redirect(http.StatusMovedPermanently, to.String())
}

// noRoute answers 404: with a page where a browser asks, which the pages have
// for every address that they do not know.
func (s *server) noRoute(c *gin.Context) {
	reading := c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead
	if s.Pages != nil && reading && strings.Contains(c.GetHeader("Accept"), "text/html") && !strings.HasPrefix(c.Request.URL.Path, "/api/") {
		s.Pages.ServeHTTP(c.Writer, c.Request)
		return
	}
	refuse(c, &wordedError{text: "There is nothing at this address.", kind: course.ErrNotFound})
}

func (s *server) noMethod(c *gin.Context) {
	refuse(c, wrongMethod(c))
}

func wrongMethod(c *gin.Context) error {
	return &requestError{status: http.StatusMethodNotAllowed, detail: "This address does not take the method " + knownMethod(c.Request.Method) + "."}
}

// reads registers GET and HEAD.
func reads(r gin.IRoutes, at string, h gin.HandlerFunc) {
	r.GET(at, h)
	r.HEAD(at, h)
}

// anyway registers all usual methods.
func anyway(r gin.IRoutes, at string, h gin.HandlerFunc) {
	reads(r, at, h)
	for _, m := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		r.Handle(m, at, h)
	}
}
