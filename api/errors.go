package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// requestError is something wrong with a request before its meaning is known.
type requestError struct {
	status int
	detail string
	hint   string
}

// Kinds of problems that are not known by their status alone.
const (
	kindValidation = "validation"
	kindReused     = "idempotency-key-reused"
)

func (e *requestError) Error() string { return e.detail }

// wordedError words an error of one of course's kinds for the caller.
type wordedError struct {
	text string
	kind error
}

func (e *wordedError) Error() string { return e.text }
func (e *wordedError) Unwrap() error { return e.kind }

var errAnonymous = errors.New("this address needs credentials; send a token in the header Authorization: Bearer")

// statusClientGone is what proxies log for a request whose client went away.
const statusClientGone = 499

// statusOf is the one table from errors to HTTP statuses.
func statusOf(err error) int {
	var request *requestError
	var auth *AuthError
	var author *course.AuthorError
	switch {
	case errors.As(err, &request):
		return request.status
	case errors.As(err, &auth), errors.Is(err, errAnonymous):
		return http.StatusUnauthorized
	case errors.Is(err, course.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, course.ErrConflict):
		return http.StatusConflict
	case errors.Is(err, course.ErrReused):
		return http.StatusUnprocessableEntity
	case errors.Is(err, course.ErrInvalid):
		return http.StatusBadRequest
	case errors.Is(err, course.ErrDenied):
		return http.StatusForbidden
	case errors.As(err, &author):
		return http.StatusUnprocessableEntity
	case errors.Is(err, course.ErrUnavailable):
		return http.StatusServiceUnavailable
	case errors.Is(err, context.Canceled):
		return statusClientGone
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// problemPrefix begins the types of problems. They are names, not addresses: the
// page of the API lists them.
const problemPrefix = "urn:coursewright:problem:"

// kindOf names what kind of problem an error is, in one word for programs.
func kindOf(err error, status int) string {
	var fields *course.FieldErrors
	switch {
	case errors.Is(err, course.ErrReused):
		return kindReused
	case status == http.StatusBadRequest && errors.As(err, &fields):
		return kindValidation
	}
	kinds := problemKinds()
	if kind, ok := kinds[status]; ok {
		return kind
	}
	if status >= http.StatusInternalServerError {
		return kinds[http.StatusInternalServerError]
	}
	return kinds[http.StatusBadRequest]
}

// problemKinds are the kinds of problems that have a status of their own.
func problemKinds() map[int]string {
	return map[int]string{
		http.StatusBadRequest:            "malformed",
		http.StatusUnauthorized:          "unauthenticated",
		http.StatusForbidden:             "forbidden",
		http.StatusNotFound:              "not-found",
		http.StatusMethodNotAllowed:      "method-not-allowed",
		http.StatusConflict:              "conflict",
		http.StatusPreconditionFailed:    "changed-meanwhile",
		http.StatusRequestEntityTooLarge: "too-large",
		http.StatusUnsupportedMediaType:  "unsupported-media-type",
		http.StatusMisdirectedRequest:    "wrong-host",
		http.StatusUnprocessableEntity:   "course-error",
		http.StatusPreconditionRequired:  "precondition-required",
		http.StatusTooManyRequests:       "too-many-requests",
		statusClientGone:                 "client-gone",
		http.StatusInternalServerError:   "internal",
		http.StatusServiceUnavailable:    "unavailable",
		http.StatusGatewayTimeout:        "timeout",
	}
}

// problem is an RFC 9457 error body.
type problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail,omitempty"`
	Hint   string       `json:"hint,omitempty"`
	Errors []fieldError `json:"errors,omitempty"`
}

// fieldError is one thing wrong with a field of the body, to which a JSON
// pointer leads, or with a parameter of the address.
type fieldError struct {
	Field     string `json:"field"`
	Pointer   string `json:"pointer,omitempty"`
	Parameter string `json:"parameter,omitempty"`
	Message   string `json:"message"`
}

func newFieldErrors(err error, fields []course.FieldError) []fieldError {
	var query *queryError
	out := make([]fieldError, 0, len(fields))
	for _, f := range fields {
		e := fieldError{Field: f.Field, Message: f.Message}
		if errors.As(err, &query) {
			e.Parameter = f.Field
		} else {
			e.Pointer = "#/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(f.Field)
		}
		out = append(out, e)
	}
	return out
}

// newProblem describes err for the client. Causes of the service's own trouble
// stay in the log.
func newProblem(err error) problem {
	p := problem{Status: statusOf(err)}
	p.Type = problemPrefix + kindOf(err, p.Status)
	p.Title = http.StatusText(p.Status)
	if p.Status == http.StatusServiceUnavailable {
		p.Detail = "A part of the service is away for a moment. Nothing is wrong with the request: send it again in a few seconds."
		return p
	}
	if p.Status >= http.StatusInternalServerError || p.Status == statusClientGone {
		p.Detail = "The service could not do this now. Try again; if it goes on, tell its administrators the time of the request."
		return p
	}
	var fields *course.FieldErrors
	var request *requestError
	switch {
	case errors.As(err, &fields):
		p.Detail = "Some fields need a change."
		p.Errors = newFieldErrors(err, fields.Fields)
	case errors.As(err, &request):
		p.Detail, p.Hint = request.detail, request.hint
	case errors.Is(err, course.ErrReused):
		p.Detail = "The idempotency key was used before, for a build with other options."
		p.Hint = "Make a new key for each build; send the same one only to repeat a request."
	default:
		p.Detail = explain(err)
	}
	return p
}

// explain is the text of an error that its receiver can act on, without the
// name of its kind, which the status tells.
func explain(err error) string {
	text := err.Error()
	for _, kind := range []error{course.ErrStale, course.ErrNotFound, course.ErrConflict, course.ErrInvalid, course.ErrDenied} {
		text = strings.TrimSuffix(text, ": "+kind.Error())
	}
	return text
}

func writeProblem(w http.ResponseWriter, err error) {
	p := newProblem(err)
	body, marshalErr := json.Marshal(p)
	if marshalErr != nil { // not reached: the struct holds text and numbers only
		body = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	sayWhen(w.Header(), p.Status)
	w.WriteHeader(p.Status)
	// The status is sent: a failing write has nobody left to be told.
	_, _ = w.Write(append(body, '\n'))
}

// retryAfter is when a request is worth sending again that met a part of the
// service which was away, in seconds.
const retryAfter = "5"

// sayWhen tells the client when to send the request again, where that is known.
func sayWhen(h http.Header, status int) {
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter)
	}
}

// handler is an endpoint that leaves its errors to the table.
type handler func(c *gin.Context) error

// problems serves h; its errors become problem+json bodies.
func (s *server) problems(h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := h(c); err != nil {
			s.report(c, err)
			if !c.Writer.Written() {
				writeProblem(c.Writer, err)
			}
		}
	}
}

// texts serves h, one of gitmanager's addresses; its errors become plain text,
// but senders without credentials are sent to the login page.
func (s *server) texts(h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		err := h(c)
		if err == nil {
			return
		}
		if errors.Is(err, errAnonymous) {
			toLogin(c)
			return
		}
		s.report(c, err)
		if !c.Writer.Written() {
			p := newProblem(err)
			sayWhen(c.Writer.Header(), p.Status)
			writeText(c, p.Status, p.Detail)
		}
	}
}

// refuse answers a request that no endpoint takes, in the form of the address's
// neighbours, and ends it.
func refuse(c *gin.Context, err error) {
	if strings.HasPrefix(c.Request.URL.Path, "/api/") {
		writeProblem(c.Writer, err)
	} else {
		p := newProblem(err)
		writeText(c, p.Status, p.Detail)
	}
	c.Abort()
}

// answer sends a JSON body. Its type has no charset, as gitmanager's.
func answer(c *gin.Context, status int, body any) {
	text, err := encode(body)
	if err != nil {
		// Not reached: bodies are structs of this package, and raw JSON that was decoded before.
		writeProblem(c.Writer, err)
		return
	}
	writeJSON(c, status, text)
}

func encode(body any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(body)
	return out.Bytes(), err
}

// writeJSON sends finished bytes.
func writeJSON(c *gin.Context, status int, body []byte) {
	c.Header("Content-Length", strconv.Itoa(len(body)))
	c.Data(status, "application/json", body)
}

// writeText answers with plain text that no browser takes for a page.
func writeText(c *gin.Context, status int, text string) {
	c.Header("X-Content-Type-Options", "nosniff") // also where course files are missing
	c.Data(status, "text/plain; charset=utf-8", []byte(text))
}

// report logs what only the service's administrators can mend.
func (s *server) report(c *gin.Context, err error) {
	if statusOf(err) >= http.StatusInternalServerError {
		s.Log.ErrorContext(c.Request.Context(), "request failed",
			"method", c.Request.Method, "route", c.FullPath(), "course", c.Param("key"), "error", err)
	}
}

func isNotFound(err error) bool { return errors.Is(err, course.ErrNotFound) }

func noRelease(key, version string) error {
	return &wordedError{text: fmt.Sprintf("Course %s has no release %q.", key, version), kind: course.ErrNotFound}
}
