package lms_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/lms"
	"coursewright/internal/remote"
)

// request is what A+ received.
type request struct {
	Line, ContentType, Accept, Body string
}

// answering serves an A+ with one answer.
func answering(t *testing.T, status int, body string) (*lms.Client, *[]request) {
	t.Helper()
	var got []request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		got = append(got, request{r.Method + " " + r.RequestURI, r.Header.Get("Content-Type"), r.Header.Get("Accept"), string(data)})
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return client(t, s.URL), &got
}

func client(t *testing.T, address string) *lms.Client {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return &lms.Client{FrontendURL: u}
}

func TestNotify(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		want lms.Outcome
	}{
		"imported":            {`{"errors": [], "success": true}`, lms.Outcome{Imported: true}},
		"with warnings":       {`{"errors": ["one\nline", {"a": 1}], "success": true}`, lms.Outcome{Imported: true, Errors: []string{"one line", `{"a": 1}`}}},
		"refused":             {`{"errors": ["e"], "success": false}`, lms.Outcome{Errors: []string{"e"}}},
		"refused silently":    {`{"success": false}`, lms.Outcome{}},
		"nothing said":        {`{}`, lms.Outcome{Imported: true}},
		"success is null":     {`{"success": null}`, lms.Outcome{}},
		"success is a number": {`{"success": 1}`, lms.Outcome{Imported: true}},
		"success is zero":     {`{"success": 0.0}`, lms.Outcome{}},
		"success is a list":   {`{"success": [ ]}`, lms.Outcome{}},
		"success is a text":   {`{"success": "no"}`, lms.Outcome{Imported: true}},
		"errors are a text":   {`{"errors": "e", "success": false}`, lms.Outcome{Errors: []string{"e"}}},
		"errors are null":     {`{"errors": null}`, lms.Outcome{Imported: true}},
		"errors are no text":  {`{"errors": {"a": 1}}`, lms.Outcome{Imported: true, Errors: []string{`{"a": 1}`}}},
		"very many errors":    {`{"errors": [` + strings.Repeat(`"e",`, 299) + `"e"]}`, lms.Outcome{Imported: true, Errors: append(strings.Split(strings.Repeat("e,", 199)+"e", ","), "and 100 more errors")}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := answering(t, 200, test.body)
			got, err := c.Notify(t.Context(), 5, true)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	c, got := answering(t, 200, "")
	base := *c.FrontendURL
	for _, path := range []string{"", "/aplus/", "/ignored"} {
		c.FrontendURL = base.JoinPath(path)
		if _, err := c.Notify(t.Context(), 12, path == ""); err == nil {
			t.Error("an empty answer passes for an import")
		}
		if err := c.Mail(t.Context(), 12, "Course ä\r\nBcc: x failed", "1 + 1 = 2\n& more"); err != nil {
			t.Error(err)
		}
	}
	const form, accept = "application/x-www-form-urlencoded", "application/json, application/*"
	mail := "message=1+%2B+1+%3D+2%0A%26+more&subject=Course+%C3%A4+Bcc%3A+x+failed"
	want := []request{
		{"POST /api/v2/courses/12/notify_update/", form, accept, "email_on_error=True"},
		{"POST /api/v2/courses/12/send_mail/", form, accept, mail},
		{"POST /aplus/api/v2/courses/12/notify_update/", form, accept, "email_on_error=False"},
		{"POST /aplus/api/v2/courses/12/send_mail/", form, accept, mail},
		{"POST /api/v2/courses/12/notify_update/", form, accept, "email_on_error=False"},
		{"POST /api/v2/courses/12/send_mail/", form, accept, mail},
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status       int
		body         string
		want         string // part of Notify's message
		notify, mail bool   // whether to try again
	}{
		"not trusted":      {401, `{"detail": "x"}`, `401 Unauthorized: {"detail": "x"} (A+ takes calls only for`, false, false},
		"not permitted":    {403, "", "403 Forbidden (A+ takes calls only for", false, false},
		"no such instance": {404, "", "404 Not Found (A+ has no course instance", false, false},
		"moved":            {301, "", "check the address of A+ in FRONTEND_URL", false, false},
		"broken":           {500, "<h1>Server Error</h1>", "500 Internal Server Error: <h1>", true, false},
		"no time":          {504, "", "504 Gateway Timeout", true, false},
		"down":             {503, "", "503 Service Unavailable", true, true},
		"no JSON":          {200, "ok", "no JSON object: ok", false, false},
		"a list":           {200, `["e"]`, `no JSON object: ["e"]`, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := answering(t, test.status, test.body)
			_, err := c.Notify(t.Context(), 5, true)
			if !strings.Contains(fmt.Sprint(err), test.want) {
				t.Errorf("message %v, want part %q", err, test.want)
			}
			check := func(call string, err error, want bool) {
				var f *remote.Failure
				if !errors.As(err, &f) {
					t.Fatalf("%s gave %v", call, err)
				}
				if _, again := f.Next(1); again != want {
					t.Errorf("%s is tried again: %t, want %t", call, again, want)
				}
			}
			check("Notify", err, test.notify)
			check("Mail", c.Mail(t.Context(), 5, "s", "m"), test.mail)
		})
	}
}

func TestMailsThatWereNotSent(t *testing.T) {
	t.Parallel()
	c, _ := answering(t, 200, `"No recipients"`)
	err := c.Mail(t.Context(), 5, "s", "m")
	if err == nil || !strings.HasSuffix(err.Error(), "did not send the mail: No recipients") {
		t.Errorf("got %v", err)
	}
}

func TestLongMailsAreCut(t *testing.T) {
	t.Parallel()
	c, got := answering(t, 200, "")
	if err := c.Mail(t.Context(), 5, strings.Repeat("s", 1000), "begin\x00 "+strings.Repeat("ä", 1<<20)+" \xffend"); err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery((*got)[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	message := form.Get("message")
	if !utf8.ValidString(message) || len(message) > 513<<10 || len(form.Get("subject")) > 204 {
		t.Errorf("a text of %d bytes, a subject of %d", len(message), len(form.Get("subject")))
	}
	if !strings.HasPrefix(message, "begin ää") || !strings.HasSuffix(message, "ä \ufffdend") || !strings.Contains(message, "bytes are left out here]") {
		t.Errorf("the message begins with %.20q", message)
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	c := client(t, s.URL)
	c.NotifyTimeout, c.MailTimeout = 50*time.Millisecond, 50*time.Millisecond
	var f *remote.Failure
	if _, err := c.Notify(t.Context(), 5, true); !errors.As(err, &f) || f.Kind != remote.KindRead {
		t.Errorf("got %v", err)
	}
	if err := c.Mail(t.Context(), 5, "s", "m"); !errors.As(err, &f) || f.Kind != remote.KindAnswer {
		t.Errorf("a mail that may be sent gives %v", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestMailsThatReachNobodyAreTriedAgain(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	var f *remote.Failure
	if err := client(t, s.URL).Mail(t.Context(), 5, "s", "m"); !errors.As(err, &f) {
		t.Fatalf("got %v", err)
	}
	if _, again := f.Next(1); !again {
		t.Errorf("not tried again after %v", f)
	}
}

func TestNoAddress(t *testing.T) {
	t.Parallel()
	if _, err := (&lms.Client{}).Notify(t.Context(), 5, true); err == nil || !strings.Contains(err.Error(), "set FRONTEND_URL") {
		t.Errorf("got %v", err)
	}
}

func TestNoToken(t *testing.T) {
	t.Parallel()
	c := client(t, "http://aplus.example")
	c.HTTP = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, course.ErrDenied })}
	var f *remote.Failure
	if _, err := c.Notify(t.Context(), 5, true); !errors.As(err, &f) || f.Kind != remote.KindToken {
		t.Errorf("got %v", err)
	}
}
