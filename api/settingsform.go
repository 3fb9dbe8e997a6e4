package api

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// settingsForm holds the fields of a course as the settings API takes them: a
// form, of which the last value of a name counts.
type settingsForm url.Values

func readSettingsForm(c *gin.Context) (settingsForm, error) {
	body, err := readBody(c, maxJSONBody)
	if err != nil {
		return nil, err
	}
	return settingsForm(bodyForm(c.GetHeader("Content-Type"), body)), nil
}

func (f settingsForm) raw(name string) (value string, given bool) {
	values := f[name]
	if len(values) == 0 {
		return "", false
	}
	return values[len(values)-1], true
}

// text gives a field without the space around it.
func (f settingsForm) text(name string) string {
	value, _ := f.raw(name)
	return strings.TrimSpace(value)
}

// boolean is true for whatever is given, unless it is empty or says false.
func (f settingsForm) boolean(name string) bool {
	value, _ := f.raw(name)
	return value != "" && !strings.EqualFold(value, "false")
}

// remoteID reads the id of the course in A+. The refusal, if any, is for the
// caller: no number, or no right to that course.
func (f settingsForm) remoteID(caller Caller) (id int64, refusal string) {
	id, err := strconv.ParseInt(f.text("remote_id"), 10, 64)
	if err != nil {
		return 0, "remote_id is not an integer"
	}
	if !caller.may(Write, course.Course{RemoteID: &id}, false) {
		return 0, noInstance(&id)
	}
	return id, ""
}

// fill replaces all that a form can set, but the id in A+: what is missing
// becomes empty or false.
func (f settingsForm) fill(c *course.Course) {
	c.Key = f.text("key")
	c.GitOrigin, c.GitBranch, c.UpdateHook = f.text("git_origin"), f.text("git_branch"), f.text("update_hook")
	c.EmailOnError = f.boolean("email_on_error")
	c.UpdateAutomatically = f.boolean("update_automatically")
	c.SkipBuildFailsafes = f.boolean("skip_build_failsafes")
}

// fieldMessages groups what is wrong by field; ok is false for other errors.
func fieldMessages(err error) (byField map[string][]string, ok bool) {
	var fields *course.FieldErrors
	if !errors.As(err, &fields) {
		return nil, false
	}
	byField = map[string][]string{}
	for _, f := range fields.Fields {
		byField[f.Field] = append(byField[f.Field], f.Message)
	}
	return byField, true
}
