package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// settingsRoute begins the addresses by which A+ shows and changes the
// settings of courses. Most refusals have status 200, as gitmanager's: A+
// takes any other for its own trouble.
const settingsRoute = "/api/gitmanager"

// settingsAPI registers the addresses. They are told apart here, since gin's
// tree crashes on /api/gitmanager/id/ when it has both kinds (gin 1.12).
func (s *server) settingsAPI(r gin.IRoutes) {
	api := settingsAPI{gate: s.gate, courses: s.Courses, rows: s.Rows, addresses: s.Addresses}
	methods := map[string]gin.HandlerFunc{
		http.MethodGet: s.settings(api.show), http.MethodHead: s.settings(api.show),
		http.MethodPost: s.settings(api.changes(api.create)), http.MethodPut: s.settings(api.changes(api.replace)),
	}
	anyway(r, settingsRoute+"/*at", func(c *gin.Context) {
		serve, ok := methods[c.Request.Method]
		switch at := strings.TrimPrefix(c.Param("at"), "/"); {
		case isSlug(at):
			s.addSlash(c)
		case !readCourseAddress(at).valid():
			s.noRoute(c)
		case !ok:
			c.Header("Allow", "GET, HEAD, POST, PUT")
			s.noMethod(c)
		default:
			serve(c)
		}
	})
}

// settings serves h; whoever has no credentials gets an empty answer.
func (s *server) settings(h handler) gin.HandlerFunc {
	plain := s.texts(h)
	return func(c *gin.Context) {
		if _, err := s.gate.caller(c); errors.Is(err, errAnonymous) {
			c.Header("Content-Length", "0")
			c.Status(http.StatusUnauthorized)
			c.Writer.WriteHeaderNow()
			return
		}
		plain(c)
	}
}

// settingsAPI answers at /api/gitmanager/KEY/ and /api/gitmanager/id/ID.
type settingsAPI struct {
	gate      *gate
	courses   Courses
	rows      BuildRows
	addresses *Addresses
}

// settingsBody is a course as A+ reads it.
type settingsBody struct {
	courseSettings
	GitHook string `json:"git_hook"`
}

// show answers GET.
func (a settingsAPI) show(c *gin.Context) error {
	caller, err := a.gate.caller(c)
	if err != nil {
		return err
	}
	found, err := addressOf(c).find(c.Request.Context(), a.courses)
	if err != nil {
		return err
	}
	if !caller.may(Read, found, false) {
		settingsRefusal(c, noInstance(found.RemoteID))
		return nil
	}
	a.answer(c, caller, found)
	return nil
}

func (a settingsAPI) answer(c *gin.Context, caller Caller, of course.Course) {
	body := settingsBody{courseSettings: newCourseSettings(of), GitHook: a.addresses.hook(c.Request, of.Key)}
	if caller.may(Write, of, false) {
		body.WebhookSecret = of.WebhookSecret
	}
	answer(c, http.StatusOK, body)
}

// courseAddress is what the path names: a key, or an id in A+.
type courseAddress struct {
	key string
	id  *int64
}

// readCourseAddress reads KEY/ or id/ID, and gives the zero address for anything else.
func readCourseAddress(path string) courseAddress {
	if text, byID := strings.CutPrefix(path, "id/"); byID && text != "" {
		if id, err := strconv.ParseUint(text, 10, 63); err == nil {
			return courseAddress{id: new(int64(id))}
		}
		return courseAddress{}
	}
	if key, ok := strings.CutSuffix(path, "/"); ok && isSlug(key) {
		return courseAddress{key: key}
	}
	return courseAddress{}
}

func addressOf(c *gin.Context) courseAddress {
	return readCourseAddress(strings.TrimPrefix(c.Param("at"), "/"))
}

func (a courseAddress) valid() bool { return a.key != "" || a.id != nil }

// isSlug says whether s could be the key of a course, if a reserved or long one.
func isSlug(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

func (a courseAddress) find(ctx context.Context, courses Courses) (course.Course, error) {
	var found course.Course
	var err error
	if a.id != nil {
		found, err = courses.CourseByRemoteID(ctx, *a.id)
	} else {
		found, err = courses.Course(ctx, a.key)
	}
	if isNotFound(err) {
		return found, &wordedError{text: "There is no course with " + a.String() + ".", kind: course.ErrNotFound}
	}
	return found, err
}

// String is the address in messages.
func (a courseAddress) String() string {
	if a.id != nil {
		return "id '" + strconv.FormatInt(*a.id, 10) + "'"
	}
	return "key '" + a.key + "'"
}

// settingsRefusal answers with status 200 that nothing was done, and why.
func settingsRefusal(c *gin.Context, why any) {
	exchangeOf(c.Request).trail.refused(why)
	answer(c, http.StatusOK, gin.H{"success": false, "error": why})
}

// noInstancePrefix begins what callers without the right are told.
const noInstancePrefix = "No access to instance "

func noInstance(remoteID *int64) string {
	if remoteID == nil {
		return noInstancePrefix + "None"
	}
	return noInstancePrefix + strconv.FormatInt(*remoteID, 10)
}
