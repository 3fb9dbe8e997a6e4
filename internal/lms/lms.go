// Package lms tells the learning management system A+ that a course is ready to
// be imported, and has it mail teachers. It neither decides when nor tries
// again (an error that is a *remote.Failure knows when to), and makes no tokens:
// the HTTP client that it is given adds them. Start at Client.
package lms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"coursewright/internal/remote"
)

const (
	// DefaultNotifyTimeout is the time that A+ has for an import: it reads the
	// course and publishes it before it answers.
	DefaultNotifyTimeout = 10 * time.Minute
	// DefaultMailTimeout is the time that A+ has for sending a mail.
	DefaultMailTimeout = time.Minute
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 4 << 20
	// maxErrors bounds how many of A+'s errors are told, maxError the characters
	// of each.
	maxErrors, maxError = 200, 2000
	// maxMail bounds a mail's text, in bytes: Django, which A+ is made with, takes
	// forms of 2.5 MB, and encoding can triple a text.
	maxMail = 512 << 10
)

// Client calls A+. It is safe for concurrent use.
type Client struct {
	// HTTP makes the requests; its transport adds the token. A transport that
	// cannot get one fails with course.ErrDenied when trying again is no use. Nil
	// sends no tokens.
	HTTP *http.Client
	// FrontendURL is A+'s address. The paths of its API are joined to it as
	// links are: a path in it counts up to its last slash.
	FrontendURL *url.URL
	// NotifyTimeout and MailTimeout bound one call from the connection to the end
	// of the answer; 0 means the default.
	NotifyTimeout, MailTimeout time.Duration
}

// Outcome is what A+ said about an import.
type Outcome struct {
	Imported bool
	Errors   []string // one line each; warnings if Imported
}

// Notify asks A+ to import the course of an instance and waits until it has
// done so: meanwhile A+ reads the course and publishes it. A+ mails errors to
// the teachers if mailErrors is set (A+ itself takes any value for yes).
//
// An import that A+ refused is an Outcome. Errors are a *remote.Failure when
// there was no proper answer, or an error of the context. Doing it twice is the
// same as once.
func (c *Client) Notify(ctx context.Context, instance int64, mailErrors bool) (Outcome, error) {
	value := "False"
	if mailErrors {
		value = "True"
	}
	data, to, err := c.post(ctx, call{
		instance: instance, action: "notify_update",
		form:  url.Values{"email_on_error": {value}},
		limit: orDefault(c.NotifyTimeout, DefaultNotifyTimeout),
	})
	if err != nil {
		return Outcome{}, err
	}
	var answer struct {
		Success json.RawMessage `json:"success"`
		Errors  json.RawMessage `json:"errors"`
	}
	if len(data) == 0 || data[0] != '{' || json.Unmarshal(data, &answer) != nil {
		return Outcome{}, to.Odd(http.StatusOK, "answered with something that is no JSON object: "+remote.OneLine(string(data[:min(len(data), 2000)]), 500))
	}
	return Outcome{Imported: answer.Success == nil || truthy(answer.Success), Errors: texts(answer.Errors)}, nil
}

// Mail has A+ mail the teachers of an instance, or its technical addresses.
// Long messages are cut in the middle. Errors are as those of Notify; a mail
// that may have been sent is never worth another try.
func (c *Client) Mail(ctx context.Context, instance int64, subject, message string) error {
	data, to, err := c.post(ctx, call{
		instance: instance, action: "send_mail",
		form:  url.Values{"subject": {remote.OneLine(subject, 200)}, "message": {cutMiddle(message, maxMail)}},
		limit: orDefault(c.MailTimeout, DefaultMailTimeout),
		once:  true,
	})
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return nil
	}
	said := string(data)
	var text string
	if json.Unmarshal(data, &text) == nil {
		said = text
	}
	return to.Odd(http.StatusOK, "did not send the mail: "+remote.OneLine(said, 500))
}

// BuildFailedSubject is the subject of the mail about a build that failed.
func BuildFailedSubject(key string) string { return "Course " + key + " build failed" }

// NotifyFailedSubject is the subject of the mail about an import that failed.
func NotifyFailedSubject(key string) string { return "Failed to notify update of " + key }

// call is one request to the API of a course instance.
type call struct {
	instance int64
	action   string
	form     url.Values
	limit    time.Duration
	once     bool // what may have reached A+ is not sent again
}

// post makes a call. The answer has status 200; all others are errors.
func (c *Client) post(ctx context.Context, in call) ([]byte, remote.Target, error) {
	if c.FrontendURL == nil {
		return nil, remote.Target{}, errors.New("the address of A+ is not known: set FRONTEND_URL")
	}
	to := remote.Target{Name: "A+ at", URL: c.FrontendURL.ResolveReference(&url.URL{
		Path: "api/v2/courses/" + strconv.FormatInt(in.instance, 10) + "/" + in.action + "/",
	})}
	timed, cancel := context.WithTimeout(ctx, in.limit)
	defer cancel()
	r, err := http.NewRequestWithContext(timed, http.MethodPost, to.URL.String(), strings.NewReader(in.form.Encode()))
	if err != nil {
		return nil, to, fmt.Errorf("make a request to %s: %w", to, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json, application/*")
	answer, err := remote.Direct(c.HTTP).Do(r)
	if err != nil {
		return nil, to, in.final(to.Broken(ctx, err))
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	if answer.StatusCode != http.StatusOK {
		return nil, to, in.final(to.Refused(answer, remote.ReadSome(answer), hint(answer.StatusCode)))
	}
	data, err := remote.ReadAll(answer, maxAnswer)
	if err != nil {
		return nil, to, in.final(to.Broken(ctx, err))
	}
	return bytes.TrimSpace(data), to, nil
}
