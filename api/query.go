package api

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// queryError is what is wrong with the parameters in the address of a request.
type queryError struct{ fields *course.FieldErrors }

func (e *queryError) Error() string { return e.fields.Error() }
func (e *queryError) Unwrap() error { return e.fields }

// query takes the parameters of an address one by one, so that everything wrong
// with them is told at once. Those that the route does not know were refused
// before.
type query struct {
	values url.Values
	errs   []course.FieldError
}

func newQuery(c *gin.Context) *query { return &query{values: c.Request.URL.Query()} }

func (q *query) wrong(name, message string) {
	q.errs = append(q.errs, course.FieldError{Field: name, Message: message})
}

// finish gives everything that was wrong.
func (q *query) finish() error {
	if q.errs == nil {
		return nil
	}
	return &queryError{&course.FieldErrors{Fields: q.errs}}
}

// text gives a parameter, empty when it is not given.
func (q *query) text(name string) string { return q.values.Get(name) }

// number gives a whole number of a range.
func (q *query) number(name string, usual, least, most int64) int64 {
	if !q.values.Has(name) {
		return usual
	}
	n, err := strconv.ParseInt(q.text(name), 10, 64)
	if err != nil || n < least || n > most {
		end := fmt.Sprintf(" to %d", most)
		if most == math.MaxInt64 {
			end = " on"
		}
		q.wrong(name, fmt.Sprintf("Give a whole number from %d%s.", least, end))
		return usual
	}
	return n
}

// time gives a moment; the zero time when it is not given.
func (q *query) time(name string) time.Time {
	if !q.values.Has(name) {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, q.text(name)); err == nil {
			return at
		}
	}
	q.wrong(name, "Give a time such as 2027-01-31T12:00:00Z, or a date.")
	return time.Time{}
}

// choice gives one of several words, empty when none is given.
func choice[T ~string](q *query, name string, allowed ...T) T {
	if !q.values.Has(name) {
		return ""
	}
	word := T(q.text(name))
	if !slices.Contains(allowed, word) {
		q.wrong(name, "Give one of "+list(allowed)+".")
	}
	return word
}

// choices gives some of several words, divided by commas.
func choices[T ~string](q *query, name string, allowed ...T) []T {
	if !q.values.Has(name) {
		return nil
	}
	var out []T
	for word := range strings.SplitSeq(q.text(name), ",") {
		if !slices.Contains(allowed, T(word)) {
			q.wrong(name, "Give one or more of "+list(allowed)+", with commas between.")
			return nil
		}
		out = append(out, T(word))
	}
	return out
}

func list[T ~string](words []T) string {
	texts := make([]string, 0, len(words))
	for _, w := range words {
		texts = append(texts, string(w))
	}
	return strings.Join(texts, ", ")
}

// statuses are the words for the states of builds.
func statuses() []course.Status {
	return []course.Status{
		course.StatusPending, course.StatusRunning, course.StatusSuccess, course.StatusFailed, course.StatusSkipped, course.StatusCancelled,
	}
}

func triggers() []course.Trigger {
	return []course.Trigger{course.TriggerHook, course.TriggerAPI, course.TriggerPage, course.TriggerPoll}
}

// knownParameters refuses requests of the REST API with parameters that its
// description does not name, so that a misspelt filter is no filter that lets
// everything through.
func (s *server) knownParameters(c *gin.Context) {
	if !strings.HasPrefix(c.FullPath(), restPrefix) || c.Request.URL.RawQuery == "" {
		return
	}
	values, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		refuse(c, &requestError{status: http.StatusBadRequest, detail: "The parameters in the address are not encoded as they should be."})
		return
	}
	known := s.description.parameters(c.Request.Method, c.FullPath())
	q := query{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case !slices.Contains(known, name) && len(known) == 0:
			q.wrong(name, "This address takes no parameters.")
		case !slices.Contains(known, name):
			q.wrong(name, "There is no such parameter. Known are "+strings.Join(known, ", ")+".")
		case len(values[name]) > 1:
			q.wrong(name, "Give this parameter once.")
		}
	}
	if err := q.finish(); err != nil {
		refuse(c, err)
	}
}
