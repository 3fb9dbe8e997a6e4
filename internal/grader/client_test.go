package grader_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/grader"
	"coursewright/internal/remote"
)

func instance(id int64) grader.Course {
	return grader.Course{Key: "c", RemoteID: &id, Version: "v"}
}

// store is a store request for a course with one exercise.
func store(tb testing.TB, address string) grader.Configuration {
	tb.Helper()
	return grader.Configuration{
		Course: instance(5), URL: address, Dir: tree(tb, map[string]string{"a": "a"}),
		Spec:      json.RawMessage(`{"name": "Ünïcode 😀 <b>"}`),
		Exercises: []grader.Exercise{{Key: "ö", Spec: json.RawMessage(`{}`), Config: json.RawMessage(`null`)}},
		Files:     []grader.File{{"a", "a"}},
	}
}

// drain serves a grader that takes everything; it gives its address.
func drain(tb testing.TB) string {
	tb.Helper()
	buffer := make([]byte, 64<<10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, r.Body, buffer)
		_, _ = io.WriteString(w, "{}")
	}))
	tb.Cleanup(s.Close)
	return s.URL
}

func configureLarge(tb testing.TB, address, dir string) error {
	tb.Helper()
	_, err := (&grader.Client{}).Configure(tb.Context(), grader.Configuration{
		Course: instance(1), URL: address, Spec: json.RawMessage(`{}`), Dir: dir, Files: []grader.File{{"large", "large"}},
	})
	return err
}

//nolint:paralleltest // measures what the whole process allocates
func TestLargeFilesTakeNoMemory(t *testing.T) {
	const size, allowed = 256 << 20, 8 << 20
	dir, address := sparse(t, size), drain(t)
	used := allocated(func() {
		if err := configureLarge(t, address, dir); err != nil {
			t.Fatal(err)
		}
	})
	if used > allowed {
		t.Errorf("sending %d bytes took %d bytes of memory, allowed are %d", size, used, allowed)
	}
}

func TestConfigureWritesASCII(t *testing.T) {
	t.Parallel()
	rec, address := newRecorder(t, nil)
	if _, err := (&grader.Client{}).Configure(t.Context(), store(t, address)); err != nil {
		t.Fatal(err)
	}
	got := rec.only(t)
	want := map[string]string{
		"course_id": "5", "course_key": "c", "version_id": "v",
		"course_spec": `{"name":"\u00dcn\u00efcode \ud83d\ude00 <b>"}`,
		"exercises":   `[{"key":"\u00f6","spec":{},"config":null,"files":[]}]`,
	}
	if diff := cmp.Diff(want, got.Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestAnswersToConfigure(t *testing.T) {
	t.Parallel()
	type expectation struct {
		Defaults map[string]string
		Kind     remote.Kind
		Message  string // part of it
	}
	tests := map[string]struct {
		status      int
		body        string
		header      [2]string
		noExercises bool
		want        expectation
	}{
		"defaults":            {body: ` {"e": {"url": "u"}, "f": {}}`, want: expectation{Defaults: map[string]string{"e": `{"url": "u"}`, "f": "{}"}}},
		"no defaults":         {body: `{}`},
		"a list":              {body: `[1]`},
		"nothing":             {want: expectation{Kind: remote.KindAnswer, Message: "answered nothing about the exercises"}},
		"nothing to tell":     {noExercises: true},
		"no JSON":             {body: "<html>\n<b>Hello\x1b[31m", want: expectation{Kind: remote.KindAnswer, Message: "not JSON: <html> <b>Hello [31m"}},
		"two values":          {body: "{} {}", want: expectation{Kind: remote.KindAnswer, Message: "not JSON"}},
		"a text":              {body: `"no"`, want: expectation{Kind: remote.KindAnswer, Message: `no object of exercises: "no"`}},
		"null":                {body: `null`, want: expectation{Kind: remote.KindAnswer, Message: "no object of exercises"}},
		"a default is no map": {body: `{"e": null}`, want: expectation{Kind: remote.KindAnswer, Message: `for the exercise "e" with JSON that is no object`}},
		"created":             {status: 201, body: `{}`, want: expectation{Kind: remote.KindStatus, Message: "status 201 Created: {}"}},
		"accepted":            {status: 202, want: expectation{Kind: remote.KindStatus, Message: "status 202 Accepted"}},
		"a login page":        {status: 302, header: [2]string{"Location", "/"}, want: expectation{Kind: remote.KindStatus, Message: "status 302 Found (graders send callers to a login page"}},
		"refused":             {status: 400, body: "Invalid course_id", want: expectation{Kind: remote.KindStatus, Message: "400 Bad Request: Invalid course_id"}},
		"no token":            {status: 401, want: expectation{Kind: remote.KindStatus, Message: "does not accept the token"}},
		"no permission":       {status: 403, want: expectation{Kind: remote.KindStatus, Message: "no permission for this course instance"}},
		"no such page":        {status: 404, want: expectation{Kind: remote.KindStatus, Message: "check the address in configure"}},
		"too large":           {status: 413, want: expectation{Kind: remote.KindStatus, Message: "bytes were sent; give the grader fewer files"}},
		"a long text":         {status: 500, body: strings.Repeat("é", 3000), want: expectation{Kind: remote.KindStatus, Message: strings.Repeat("é", 500) + "…"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, address := newRecorder(t, func(w http.ResponseWriter, _ *http.Request) {
				if test.header[0] != "" {
					w.Header().Set(test.header[0], test.header[1])
				}
				if test.status != 0 {
					w.WriteHeader(test.status)
				}
				_, _ = io.WriteString(w, test.body)
			})
			in := store(t, strings.Replace(address, "http://", "http://user:hidden@", 1)+"?key=hidden")
			if test.noExercises {
				in.Exercises = nil
			}
			defaults, err := (&grader.Client{}).Configure(t.Context(), in)
			var got expectation
			for key, value := range defaults {
				if got.Defaults == nil {
					got.Defaults = map[string]string{}
				}
				got.Defaults[key] = string(value)
			}
			var f *remote.Failure
			if errors.As(err, &f) {
				got.Kind, got.Message = f.Kind, f.Message
				if !strings.Contains(f.Message, test.want.Message) || !strings.Contains(f.Message, "/configure?…") || strings.Contains(f.Message, "hidden") {
					t.Errorf("message %q, want part %q and the address without secrets", f.Message, test.want.Message)
				}
				got.Message = test.want.Message
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAnswersToPublish(t *testing.T) {
	t.Parallel()
	many := "[" + strings.Repeat(`"x",`, 149) + `"x"]`
	tests := map[string]struct {
		status int
		body   string
		want   []string // after the address; an error's part if the first is empty
	}{
		"nothing":          {},
		"spaces":           {body: " \n"},
		"an empty list":    {body: "[]"},
		"a list":           {body: `["one\ntwo", {"a": 1}]`, want: []string{": one two", `: {"a": 1}`}},
		"an object":        {body: `{"error": "e"}`, want: []string{`: {"error": "e"}`}},
		"a text":           {body: `"e"`, want: []string{": e"}},
		"null":             {body: `null`, want: []string{": null"}},
		"no JSON":          {body: "word", want: []string{"", "not JSON: word"}},
		"an unknown one":   {status: 404, body: "Unknown version id", want: []string{"", "404 Not Found: Unknown version id (the grader may not have this version"}},
		"more than enough": {body: many, want: append(strings.Split(strings.Repeat(": x,", 99)+": x", ","), ": and 50 more")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec, address := newRecorder(t, func(w http.ResponseWriter, _ *http.Request) {
				if test.status != 0 {
					w.WriteHeader(test.status)
				}
				_, _ = io.WriteString(w, test.body)
			})
			got, err := (&grader.Client{}).Publish(t.Context(), grader.Publication{Course: instance(5), URL: address})
			if len(test.want) > 0 && test.want[0] == "" {
				var f *remote.Failure
				if !errors.As(err, &f) || !strings.Contains(f.Message, test.want[1]) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, w := range test.want {
				want = append(want, address+w)
			}
			if diff := cmp.Diff(want, got, equateEmptyTexts()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff([]string{"course_id", "course_key", "publish", "version_id"}, rec.only(t).Order); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
		})
	}
}

func equateEmptyTexts() cmp.Option {
	return cmp.FilterValues(func(x, y []string) bool { return len(x)+len(y) == 0 }, cmp.Ignore())
}

func TestCoursesThatNoGraderCanGet(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*grader.Configuration)
		want   string
	}{
		"not in A+":     {func(in *grader.Configuration) { in.Course.RemoteID = nil }, "set its remote id"},
		"no address":    {func(in *grader.Configuration) { in.URL = "" }, "not the address of a grader"},
		"another":       {func(in *grader.Configuration) { in.URL = "file:///etc/passwd" }, "not the address of a grader"},
		"no host":       {func(in *grader.Configuration) { in.URL = "http:/configure" }, "not the address of a grader"},
		"no URL at all": {func(in *grader.Configuration) { in.URL = "http://[" }, "is not an address"},
		"a bad file":    {func(in *grader.Configuration) { in.Files[0].Path = "../x" }, "leads out"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec, address := newRecorder(t, nil)
			in := store(t, address+"?key=hidden")
			test.change(&in)
			_, err := (&grader.Client{}).Configure(t.Context(), in)
			var author *course.AuthorError
			if !errors.As(err, &author) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("the message tells a secret: %v", err)
			}
			if n := len(rec.all()); n != 0 {
				t.Errorf("the grader got %d requests", n)
			}
		})
	}
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTokensThatCannotBeHad(t *testing.T) {
	t.Parallel()
	client := grader.Client{HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		_ = r.Body.Close()
		return nil, fmt.Errorf("A+ gave no token for the grader: %w", course.ErrDenied)
	})}}
	_, err := client.Configure(t.Context(), store(t, "http://grader.example/configure"))
	var f *remote.Failure
	if !errors.As(err, &f) || f.Kind != remote.KindToken || !strings.Contains(f.Message, "A+ gave no token for the grader: denied") {
		t.Fatalf("got %v", err)
	}
	if _, again := f.Next(1); again {
		t.Error("a refused token is asked for again")
	}
}

func TestGradersThatCannotBeReached(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	_, slow := newRecorder(t, func(_ http.ResponseWriter, _ *http.Request) { <-release })
	t.Cleanup(func() { close(release) }) // runs before the server waits for its requests
	_, rude := newRecorder(t, func(_ http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	_, broken := newRecorder(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "{")
	})
	tests := map[string]struct {
		address string
		timeout time.Duration
		kind    remote.Kind
		want    string
	}{
		"nobody listens":         {closed, 0, remote.KindConnect, "refuses the connection"},
		"no such name":           {"http://grader.invalid/configure", 0, remote.KindConnect, "host name is not known"},
		"no answer in time":      {slow, 200 * time.Millisecond, remote.KindRead, "did not answer in time"},
		"no answer at all":       {rude, 0, remote.KindRead, "closed the connection before it answered"},
		"an answer that is torn": {broken, 0, remote.KindRead, "closed the connection"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := (&grader.Client{Timeout: test.timeout}).Configure(t.Context(), store(t, test.address))
			var f *remote.Failure
			if !errors.As(err, &f) || f.Kind != test.kind || !strings.Contains(f.Message, test.want) {
				t.Errorf("got %#v", err)
			}
		})
	}
}

func TestConfigureStopsWhenAsked(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	release := make(chan struct{})
	_, address := newRecorder(t, func(_ http.ResponseWriter, _ *http.Request) {
		cancel(errors.New("the build was cancelled"))
		<-release
	})
	defer close(release)
	_, err := (&grader.Client{}).Configure(ctx, store(t, address))
	var f *remote.Failure
	if err == nil || errors.As(err, &f) || !strings.Contains(err.Error(), "the build was cancelled") {
		t.Errorf("got %v", err)
	}
}

func TestConfigureTellsWhichFileChanged(t *testing.T) {
	t.Parallel()
	address := drain(t)
	in := store(t, address)
	in.Files = []grader.File{{"", "."}}
	const size = 32 << 20
	for _, name := range []string{"large", "z"} {
		if err := os.WriteFile(filepath.Join(in.Dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(filepath.Join(in.Dir, "large"), size); err != nil {
		t.Fatal(err)
	}
	client := grader.Client{HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		// The plan is made and nothing is sent.
		if err := os.WriteFile(filepath.Join(in.Dir, "z"), []byte("now"), 0o644); err != nil {
			return nil, err
		}
		return http.DefaultTransport.RoundTrip(r)
	})}}
	_, err := client.Configure(t.Context(), in)
	var f *remote.Failure
	if err == nil || errors.As(err, &f) || !strings.Contains(err.Error(), `file "z" changed`) {
		t.Errorf("got %v", err)
	}
}

func TestBodyIsMadeAnewForEveryTry(t *testing.T) {
	t.Parallel()
	rec, address := newRecorder(t, nil)
	var tries atomic.Int32
	client := grader.Client{HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		// A transport that fetches a token may have to send twice.
		first, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		_ = first.Body.Close()
		tries.Add(1)
		again := r.Clone(r.Context())
		if again.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
		return http.DefaultTransport.RoundTrip(again)
	})}}
	if _, err := client.Configure(t.Context(), store(t, address)); err != nil {
		t.Fatal(err)
	}
	all := rec.all()
	if len(all) != 2 || tries.Load() != 1 {
		t.Fatalf("%d requests", len(all))
	}
	if diff := cmp.Diff(all[0], all[1]); diff != "" || all[0].Err != nil {
		t.Errorf("%v, the second try differs:\n%s", all[0].Err, diff)
	}
}
