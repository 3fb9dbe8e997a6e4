package coursetest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// CourseSettings are the fields of A+'s form for the course service.
type CourseSettings struct {
	Key                 string
	GitOrigin           string
	GitBranch           string
	UpdateHook          string
	UpdateAutomatically bool
	EmailOnError        bool
}

// SaveCourse does what A+ does when a teacher saves the form: it changes the
// course of an instance at the service (scheme, host and port), or adds it, and
// asks for a build. The service must be known to A+.
func (a *FakeAPlus) SaveCourse(ctx context.Context, instance int64, service string, s CourseSettings) error {
	form := s.form(instance)
	form.Set("update_hook", s.UpdateHook)
	address := fmt.Sprintf("%s/api/gitmanager/id/%d", service, instance)
	withSecret := url.Values{"webhook_secret": {""}}
	for name, values := range form {
		withSecret[name] = values
	}
	status, body, err := a.send(ctx, http.MethodPut, address, instance, withSecret)
	if err == nil && status == http.StatusNotFound {
		status, body, err = a.send(ctx, http.MethodPost, address, instance, form)
	}
	return a.saved(ctx, instance, service, s.Key, answered(status, body, err))
}

// CloneCourse does what A+ does when an instance is made from another one that
// has git settings: it adds a course by its key and asks for a build.
func (a *FakeAPlus) CloneCourse(ctx context.Context, instance int64, service string, s CourseSettings) error {
	status, body, err := a.send(ctx, http.MethodPost, service+"/api/gitmanager/"+s.Key+"/", instance, s.form(instance))
	return a.saved(ctx, instance, service, s.Key, answered(status, body, err))
}

// saved remembers where the course is and asks for a build.
func (a *FakeAPlus) saved(ctx context.Context, instance int64, service, key string, err error) error {
	if err != nil {
		return fmt.Errorf("save the course: %w", err)
	}
	i, _ := a.instance(instance)
	i.ID = instance
	i.ConfigureURL = service + "/" + key + "/aplus-json"
	i.BuildLogURL = service + "/gitmanager/" + key + "/build_log-json"
	a.SetInstance(i)
	if err := answered(a.send(ctx, http.MethodPost, service+"/gitmanager/"+key+"/hook", instance, url.Values{"key": {key}})); err != nil {
		return fmt.Errorf("ask for a build: %w", err)
	}
	return nil
}

func (s CourseSettings) form(instance int64) url.Values {
	boolean := map[bool]string{false: "False", true: "True"}
	return url.Values{
		"key": {s.Key}, "remote_id": {fmt.Sprint(instance)},
		"update_automatically": {boolean[s.UpdateAutomatically]}, "email_on_error": {boolean[s.EmailOnError]},
		"git_origin": {s.GitOrigin}, "git_branch": {s.GitBranch},
	}
}

// answered takes anything but status 200 for an error, as A+ does.
func answered(status int, body []byte, err error) error {
	if err == nil && status != http.StatusOK {
		return fmt.Errorf("status %d: %.500s", status, body)
	}
	return err
}

// send calls the course service with a form and a token that may write. A
// redirect counts as the answer.
func (a *FakeAPlus) send(ctx context.Context, method, address string, instance int64, form url.Values) (status int, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, fmt.Errorf("call %q: %w", address, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{}
	if a.HTTP != nil {
		*client = *a.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return a.do(client, r, instance, Write)
}
