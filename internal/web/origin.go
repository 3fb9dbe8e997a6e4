package web

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"coursewright/internal/course"
)

// originTimeout bounds the look at an origin.
const originTimeout = 15 * time.Second

// originCheck is what the look at a git origin has found.
type originCheck struct {
	Branches []string `json:"branches"`
	Problem  string   `json:"problem"` // empty: it can be read
	English  bool     `json:"english"` // the problem is in the git host's words
}

// checkOrigin answers the script of the form, while somebody types: can the
// origin be read, and which branches has it.
func (s *site) checkOrigin(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(r); err != nil {
		return err
	}
	of := course.Course{Key: r.PostForm.Get("key")}
	if of.Key == "" || !course.ValidKey(of.Key) {
		of = course.Course{}
	} else if known, err := s.Courses.Course(r.Context(), of.Key); err == nil {
		of = known
	} else if !errors.Is(err, course.ErrNotFound) {
		return err
	}
	if !s.May(r, true, of) {
		return course.ErrDenied
	}
	found, err := s.lookAtOrigin(r, strings.TrimSpace(r.PostForm.Get("git_origin")))
	if err != nil {
		return err
	}
	s.Audit(r, "LOOK-AT-ORIGIN", of.Key, "readable", found.Problem == "")
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(found)
}

// lookAtOrigin asks a git origin for its branches.
func (s *site) lookAtOrigin(r *http.Request, origin string) (originCheck, error) {
	p := s.printer(r)
	if s.Origins == nil {
		return originCheck{Problem: p.T("This service cannot look at origins.")}, nil
	}
	if origin == "" {
		return originCheck{Problem: p.T("Give an address first.")}, nil
	}
	var fields *course.FieldErrors
	if err := (course.Course{Key: "key", GitBranch: "main", GitOrigin: origin}).Validate(); errors.As(err, &fields) {
		return originCheck{Problem: p.T(fields.Fields[0].Message)}, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), originTimeout)
	defer cancel()
	branches, err := s.Origins.Branches(ctx, origin)
	var author *course.AuthorError
	switch {
	case errors.As(err, &author):
		return originCheck{Problem: author.Message, English: true}, nil
	case err != nil && ctx.Err() != nil && r.Context().Err() == nil:
		return originCheck{Problem: p.T("The git host does not answer.")}, nil
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
