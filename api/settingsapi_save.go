package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// change is a request that brings a form.
type change struct {
	caller Caller
	form   settingsForm
}

// changes reads what changes begin with; without fields nothing is done.
func (a settingsAPI) changes(h func(*gin.Context, change) error) handler {
	return func(c *gin.Context) error {
		caller, err := a.gate.caller(c)
		if err != nil {
			return err
		}
		form, err := readSettingsForm(c)
		if err != nil {
			return err
		}
		if len(form) == 0 {
			settingsRefusal(c, "No POST parameters given")
			return nil
		}
		return h(c, change{caller: caller, form: form})
	}
}

// create answers POST.
func (a settingsAPI) create(c *gin.Context, in change) error {
	at := addressOf(c)
	if _, err := at.find(c.Request.Context(), a.courses); err == nil {
		return &requestError{status: http.StatusBadRequest, detail: "Course with " + at.String() + " already exists"}
	} else if !isNotFound(err) {
		return err
	}
	if _, given := in.form.raw("remote_id"); !given {
		settingsRefusal(c, "No remote_id in POST parameters")
		return nil
	}
	id, refusal := in.form.remoteID(in.caller)
	if refusal != "" {
		settingsRefusal(c, refusal)
		return nil
	}
	wanted := course.Course{RemoteID: &id}
	in.form.fill(&wanted)
	if err := at.agree(in.form, id); err != nil {
		return err
	}
	create := func(ctx context.Context, wanted course.Course) (course.Course, error) {
		if err := wanted.Validate(); err != nil {
			return wanted, err
		}
		return a.courses.CreateCourse(ctx, wanted)
	}
	return a.save(c, in.caller, wanted, create, "NEW-COURSE")
}

// agree says that the form means the course of the address.
func (a courseAddress) agree(form settingsForm, id int64) error {
	key, given := form.raw("key")
	switch {
	case a.id != nil && *a.id != id:
		return &requestError{status: http.StatusBadRequest, detail: "Remote id in POST params does not match id in URL"}
	case a.id == nil && given && key != a.key:
		return &requestError{status: http.StatusBadRequest, detail: "Key in POST params does not match key in URL"}
	}
	return nil
}

// replace answers PUT: what the form does not give becomes empty, false or, the
// id in A+, null.
func (a settingsAPI) replace(c *gin.Context, in change) error {
	old, err := addressOf(c).find(c.Request.Context(), a.courses)
	if err != nil {
		return err
	}
	if !in.caller.may(Write, old, false) {
		settingsRefusal(c, noInstance(old.RemoteID))
		return nil
	}
	wanted := course.Course{ID: old.ID}
	wanted.KeepSecrets(old)
	// A+ knows nothing of these.
	wanted.ApproveRemovals, wanted.PreviewBranches = old.ApproveRemovals, old.PreviewBranches
	if _, given := in.form.raw("remote_id"); given {
		id, refusal := in.form.remoteID(in.caller)
		if refusal != "" {
			settingsRefusal(c, refusal)
			return nil
		}
		wanted.RemoteID = &id
	}
	in.form.fill(&wanted)
	update := func(ctx context.Context, wanted course.Course) (course.Course, error) {
		if err := wanted.ValidateChange(old.Key); err != nil {
			return wanted, err
		}
		if wanted.Key != old.Key {
			if err := idle(ctx, a.rows, old.Key); err != nil {
				return wanted, err
			}
		}
		return a.courses.UpdateCourse(ctx, wanted)
	}
	return a.save(c, in.caller, wanted, update, "EDIT-COURSE")
}

// save has a course checked and written, and answers with it or with what is
// wrong by field.
func (a settingsAPI) save(
	c *gin.Context, caller Caller, wanted course.Course,
	write func(context.Context, course.Course) (course.Course, error), action string,
) error {
	saved, err := write(c.Request.Context(), wanted)
	if messages, ok := fieldMessages(err); ok {
		settingsRefusal(c, messages)
		return nil
	}
	if err != nil {
		return err
	}
	a.gate.audit(c, action, saved.Key, "asked_for", addressOf(c).String())
	a.answer(c, caller, saved)
	return nil
}
