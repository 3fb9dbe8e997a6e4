package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// maxJSONBody bounds the bodies of the REST API, in bytes.
const maxJSONBody = 1 << 20

// readBody reads at most limit bytes of the request's body.
func readBody(c *gin.Context, limit int64) ([]byte, error) {
	var body bytes.Buffer
	if told := c.Request.ContentLength; told > 0 && told <= limit {
		body.Grow(int(told) + bytes.MinRead) // growing in steps takes a multiple
	}
	_, err := body.ReadFrom(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	var beyond *http.MaxBytesError
	switch {
	case errors.As(err, &beyond):
		return nil, tooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &requestError{status: http.StatusRequestTimeout, detail: "The body took too long."}
	case err != nil:
		return nil, &requestError{status: http.StatusBadRequest, detail: "The body ended too early."}
	}
	return body.Bytes(), nil
}

func tooLarge(limit int64) error {
	return &requestError{
		status: http.StatusRequestEntityTooLarge,
		detail: fmt.Sprintf("The body is larger than %d bytes.", limit),
	}
}

// object is a JSON object of a request whose fields are taken one by one, so
// that everything wrong with them is told at once.
type object struct {
	fields map[string]json.RawMessage
	known  []string
	errs   []course.FieldError
}

// readObject reads a JSON object from the body; an empty body is an empty
// object where the caller allows it.
func readObject(c *gin.Context, mayBeEmpty bool) (*object, error) {
	body, err := readBody(c, maxJSONBody)
	if err != nil {
		return nil, err
	}
	o := &object{fields: map[string]json.RawMessage{}}
	switch empty := len(bytes.TrimSpace(body)) == 0; {
	case empty && mayBeEmpty:
		return o, nil
	case !takesType(c):
		return nil, wrongType()
	case empty:
		return nil, &requestError{status: http.StatusBadRequest, detail: "The body is empty; send a JSON object."}
	}
	if err := json.Unmarshal(body, &o.fields); err != nil {
		return nil, jsonError(c, body, err)
	}
	if o.fields == nil {
		return nil, jsonError(c, body, errors.New("null"))
	}
	return o, nil
}

// takesType says whether the type of a body may be JSON. curl -d and many scripts
// send that of forms by habit, or none, and pages of other sites were refused
// before.
func takesType(c *gin.Context) bool {
	given := c.GetHeader("Content-Type")
	kind, _, err := mime.ParseMediaType(given)
	switch kind {
	case "application/json", "application/x-www-form-urlencoded":
		return err == nil
	}
	return given == ""
}

func wrongType() error {
	return &requestError{
		status: http.StatusUnsupportedMediaType,
		detail: "The body must be a JSON object.", hint: "Send JSON with the header Content-Type: application/json.",
	}
}

func jsonError(c *gin.Context, body []byte, err error) error {
	if kind, _, typeErr := mime.ParseMediaType(c.GetHeader("Content-Type")); typeErr != nil || kind == "application/x-www-form-urlencoded" {
		return wrongType()
	}
	e := &requestError{status: http.StatusBadRequest, detail: "The body must be a JSON object."}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		// The offset counts the byte at which the parser gave up.
		before := body[:max(0, min(int(syntax.Offset)-1, len(body)))]
		line := bytes.Count(before, []byte("\n")) + 1
		column := len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:]))) + 1
		e.detail = fmt.Sprintf("The body is not JSON: line %d, column %d: %s.", line, column, syntax.Error())
	}
	return e
}

// take decodes a field into the place, if it is given. Null is refused unless
// the place is a pointer to a pointer.
func take[T any](o *object, name, want string, place *T) (given bool) {
	o.known = append(o.known, name)
	raw, given := o.fields[name]
	if !given {
		return false
	}
	var value T
	_, nullable := any(place).(**int64)
	if string(raw) == "null" && !nullable || json.Unmarshal(raw, &value) != nil {
		o.errs = append(o.errs, course.FieldError{Field: name, Message: want})
		return true
	}
	*place = value
	return true
}

// ignore names fields that answers contain and requests may repeat.
func (o *object) ignore(names ...string) { o.known = append(o.known, names...) }

// finish returns everything that was wrong: unknown fields, wrong types, and
// what the validation of the result found.
func (o *object) finish(validation error) error {
	errs := slices.Clone(o.errs)
	for _, name := range slices.Sorted(maps.Keys(o.fields)) {
		if !slices.Contains(o.known, name) {
			errs = append(errs, course.FieldError{
				Field:   name,
				Message: "There is no such field. Known are " + strings.Join(o.known, ", ") + ".",
			})
		}
	}
	var fields *course.FieldErrors
	switch {
	case errors.As(validation, &fields):
		for _, f := range fields.Fields {
			if !slices.ContainsFunc(errs, func(e course.FieldError) bool { return e.Field == f.Field }) {
				errs = append(errs, f)
			}
		}
	case validation != nil:
		return validation
	}
	if len(errs) == 0 {
		return nil
	}
	return &course.FieldErrors{Fields: errs}
}
