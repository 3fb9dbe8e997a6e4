package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"coursewright/internal/course"
)

type formPage struct {
	Title    string
	Key      string // present key; empty in the form of a new course
	Course   course.Course
	RemoteID string // as typed
	Secret   string // a new one to show; empty: none
	Errors   map[string]string
	Fields   []string // with errors, in the order of the form
	Tab      string
	Write    bool
	SSHKey   string
	Origin   *originCheck // nil: nobody has looked
}

func (s *site) newFormPage(r *http.Request, key string, c course.Course) formPage {
	p := s.printer(r)
	page := formPage{Title: p.T("New course"), Key: key, Course: c, Tab: "settings", Write: true, SSHKey: s.SSHKey}
	if key != "" {
		page.Title = p.T("Settings of %s", key)
	}
	if c.RemoteID != nil {
		page.RemoteID = strconv.FormatInt(*c.RemoteID, 10)
	}
	return page
}

// newCourse shows the empty form.
func (s *site) newCourse(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, r, http.StatusOK, "form.html", s.newFormPage(r, "", course.New("")))
}

// createCourse saves a new course and shows it, or the form with what is
// wrong.
func (s *site) createCourse(w http.ResponseWriter, r *http.Request) error {
	page := s.newFormPage(r, "", course.Course{})
	err := page.read(r)
	if err == nil && !s.May(r, true, page.Course) {
		err = course.ErrDenied
	}
	if r.PostForm.Has("check_origin") {
		return s.formChecked(w, r, page)
	}
	made := page.Course
	if err == nil {
		made, err = s.Courses.CreateCourse(r.Context(), page.Course)
	}
	if err != nil {
		return s.formAgain(w, r, page, err)
	}
	s.Audit(r, "NEW-COURSE", made.Key)
	http.Redirect(w, r, "/gitmanager/"+made.Key+"/updates?done=saved", http.StatusSeeOther)
	return nil
}

// editCourse shows the form of a course.
func (s *site) editCourse(w http.ResponseWriter, r *http.Request) error {
	c, err := s.find(r, true)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "form.html", s.newFormPage(r, c.Key, c))
}

// saveCourse changes a course. A course with an open build keeps its key: the
// key is what keeps its builds from running at once.
func (s *site) saveCourse(w http.ResponseWriter, r *http.Request) error {
	old, err := s.find(r, true)
	if err != nil {
		return err
	}
	page := s.newFormPage(r, old.Key, old)
	err = page.read(r)
	if err == nil && !s.May(r, true, page.Course) {
		err = course.ErrDenied
	}
	if r.PostForm.Has("check_origin") {
		return s.formChecked(w, r, page)
	}
	if err == nil && page.Course.Key != old.Key {
		err = s.idle(r, old.Key)
	}
	// gitmanager's form had a button of this name beside the one that saves.
	renew := r.PostForm.Has("regenerate_secret")
	if renew {
		page.Course.RenewSecret(s.Now(), 0)
	}
	saved := page.Course
	if err == nil {
		saved, err = s.Courses.UpdateCourse(r.Context(), page.Course)
	}
	if err != nil {
		return s.formAgain(w, r, page, err)
	}
	s.Audit(r, "EDIT-COURSE", saved.Key, "old_key", old.Key, "new_secret", renew)
	if renew {
		page = s.newFormPage(r, saved.Key, saved)
		page.Secret = saved.WebhookSecret
		return s.render(w, r, http.StatusOK, "form.html", page)
	}
	http.Redirect(w, r, "/gitmanager/"+saved.Key+"/updates?done=saved", http.StatusSeeOther)
	return nil
}

func (s *site) idle(r *http.Request, key string) error {
	list, err := s.Rows.ListBuilds(r.Context(), key, course.Page{Limit: buildsPerPage})
	if err != nil {
		return err
	}
	for _, b := range list {
		if !b.Status.Final() {
			return &course.FieldErrors{Kind: course.ErrConflict, Fields: []course.FieldError{{
				Field: "key", Message: "A build of this course has not ended; wait for it or cancel it, then change the key.",
			}}}
		}
	}
	return nil
}

// formAgain shows the form with the errors of its fields; other errors are not
// the form's.
func (s *site) formAgain(w http.ResponseWriter, r *http.Request, page formPage, err error) error {
	var fields *course.FieldErrors
	if !errors.As(err, &fields) {
		return err
	}
	page.Errors = map[string]string{}
	for _, f := range fields.Fields {
		page.Errors[f.Field] = f.Message
		page.Fields = append(page.Fields, f.Field)
	}
	return s.render(w, r, http.StatusOK, "form.html", page)
}

// read takes the fields of the form. A box that is not ticked is not sent.
func (p *formPage) read(r *http.Request) error {
	if err := parseForm(r); err != nil {
		return err
	}
	text := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	c := &p.Course
	c.Key, c.GitOrigin, c.GitBranch, c.UpdateHook = text("key"), text("git_origin"), text("git_branch"), text("update_hook")
	c.EmailOnError = r.PostForm.Has("email_on_error")
	c.UpdateAutomatically = r.PostForm.Has("update_automatically")
	c.SkipBuildFailsafes = r.PostForm.Has("skip_build_failsafes")
	c.ApproveRemovals = r.PostForm.Has("approve_removals")
	c.PreviewBranches = r.PostForm.Has("preview_branches")
	p.RemoteID, c.RemoteID = text("remote_id"), nil
	var wrong []course.FieldError
	if p.RemoteID != "" {
		id, err := strconv.ParseInt(p.RemoteID, 10, 64)
		if err != nil {
			wrong = append(wrong, course.FieldError{Field: "remote_id", Message: "Give a whole number, or nothing."})
		}
		c.RemoteID = &id
	}
	var fields *course.FieldErrors
	if err := c.ValidateChange(p.Key); errors.As(err, &fields) {
		wrong = append(wrong, fields.Fields...)
	} else if err != nil {
		return err
	}
	if wrong != nil {
		return &course.FieldErrors{Fields: wrong}
	}
	return nil
}

// parseForm reads a form body; a broken one is the sender's fault.
func parseForm(r *http.Request) error {
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return &course.FieldErrors{Fields: []course.FieldError{{Field: "form", Message: "it is not encoded as forms are"}}}
	}
	return err
}
