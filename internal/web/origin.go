package web

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/web/message"
)

// originTimeout bounds the look at an origin.
const originTimeout = 15 * time.Second

// originCheck is what the look at a git origin has found.
type originCheck struct {
	Branches []string       `json:"branches"`
	Problem  []message.Part `json:"problem"` // empty: it can be read
}

// checkOrigin answers the script of the form, while somebody types: can the
// origin be read, and which branches has it. It is for those who may save the
// form.
func (s *site) checkOrigin(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(r); err != nil {
		return err
	}
	of, err := s.courseOfForm(r)
	if err != nil {
		return err
	}
	if !s.May(r, true, of) {
		return course.ErrDenied
	}
	found, err := s.lookAtOrigin(r, strings.TrimSpace(r.PostForm.Get("git_origin")))
	if err != nil {
		return err
	}
	// Not which origin: half of an address may end within a password.
	s.Audit(r, "CHECK-ORIGIN", of.Key, "readable", len(found.Problem) == 0)
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(found)
}

// courseOfForm is the course that a form is about: the one that is there, or a new
// one of the instance of A+ that somebody has typed.
func (s *site) courseOfForm(r *http.Request) (course.Course, error) {
	if key := r.PostForm.Get("key"); course.ValidKey(key) {
		known, err := s.Courses.Course(r.Context(), key)
		if !errors.Is(err, course.ErrNotFound) {
			return known, err
		}
	}
	id, err := strconv.ParseInt(strings.TrimSpace(r.PostForm.Get("remote_id")), 10, 64)
	if err != nil {
		return course.Course{}, nil //nolint:nilerr // none has been typed yet
	}
	return course.Course{RemoteID: &id}, nil
}

// lookAtOrigin asks a git origin for its branches.
func (s *site) lookAtOrigin(r *http.Request, origin string) (originCheck, error) {
	p := s.printer(r)
	problem := func(text string) (originCheck, error) { return originCheck{Problem: p.Say(text)}, nil }
	if s.Origins == nil {
		return problem(key("This service cannot look at origins."))
	}
	if origin == "" {
		return problem(key("Give an address first."))
	}
	var fields *course.FieldErrors
	if err := (course.Course{Key: "key", GitBranch: "main", GitOrigin: origin}).Validate(); errors.As(err, &fields) {
		return problem(fields.Fields[0].Message)
	}
	ctx, cancel := context.WithTimeout(r.Context(), originTimeout)
	defer cancel()
	branches, err := s.Origins.Branches(ctx, origin)
	var author *course.AuthorError
	switch {
	case errors.As(err, &author):
		return problem(author.Message)
	case err != nil && ctx.Err() != nil && r.Context().Err() == nil:
		return problem(key("The git host does not answer."))
	case err != nil:
		return originCheck{}, err
	}
	return originCheck{Branches: slices.Sorted(maps.Keys(branches))}, nil
}

// formChecked shows the form again with what the origin says; nothing is saved.
func (s *site) formChecked(w http.ResponseWriter, r *http.Request, page formPage) error {
	if !s.May(r, true, page.Course) {
		return course.ErrDenied
	}
	found, err := s.lookAtOrigin(r, page.Course.GitOrigin)
	if err != nil {
		return err
	}
	page.Origin = &found
	return s.render(w, r, http.StatusOK, "form.html", page)
}
