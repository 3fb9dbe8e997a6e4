package grader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/remote"
)

// DefaultTimeout is the time that a grader has for taking a course.
const DefaultTimeout = 10 * time.Minute

// Client calls graders. It is safe for concurrent use.
type Client struct {
	// HTTP makes the requests; its transport adds the token. A transport that
	// cannot get one fails with course.ErrDenied when trying again is no use. Nil
	// sends no tokens.
	HTTP *http.Client
	// Timeout bounds one call from the connection to the end of the answer; 0
	// means DefaultTimeout.
	Timeout time.Duration
}

// Course names a release of a course to a grader.
type Course struct {
	Key      string
	RemoteID *int64 // the course instance in A+; graders know courses by it
	Version  string // left out when empty
}

// Exercise is one exercise as a grader is told about it.
type Exercise struct {
	Key    string          `json:"key"`
	Spec   json.RawMessage `json:"spec"`   // JSON object
	Config json.RawMessage `json:"config"` // JSON object from language to configuration, or null
	Files  []string        `json:"files"`  // names of the exercise's own files
}

// File names a file or folder of the course and what it is called in the
// archive.
type File struct {
	Name string // slash-separated; "" and "." put a folder's content at the top
	Path string // slash-separated, relative to the course folder
}

// Configuration is what one grader is sent about a course that was built.
type Configuration struct {
	Course    Course
	URL       string          // the grader's
	Spec      json.RawMessage // JSON object: the whole course
	Exercises []Exercise
	Dir       string // the course folder
	Files     []File
}

// Publication tells one grader that a course is published.
type Publication struct {
	Course Course
	URL    string // the grader's
}

// Configure sends a course to a grader and returns the grader's defaults:
// exercise key to JSON object. The grader keeps the course aside until Publish.
// Sending the same twice is the same as once.
//
// Errors are a *course.AuthorError when the course has to be mended, a
// *remote.Failure when the grader did not take it, or an error of the context;
// everything else is trouble with the course folder.
func (c *Client) Configure(ctx context.Context, in Configuration) (map[string]json.RawMessage, error) {
	to, err := target(in.URL, in.Course)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(in.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the course folder: %w", err)
	}
	defer root.Close() //nolint:errcheck // only read
	archive, err := PlanArchive(ctx, root, in.Files)
	if err != nil {
		return nil, err
	}
	fields, err := in.fields()
	if err != nil {
		return nil, err
	}
	b, err := newBody(fields, archive)
	if err != nil {
		return nil, err
	}
	answer, err := c.post(ctx, to, b)
	if err != nil {
		return nil, err
	}
	return answer.defaults(len(in.Exercises) > 0)
}

// Publish tells a grader that the version it was sent is the one that students
// see. The texts are complaints of a grader that did so all the same. Errors
// are as those of Configure. Doing it twice is the same as once.
func (c *Client) Publish(ctx context.Context, in Publication) (complaints []string, err error) {
	to, err := target(in.URL, in.Course)
	if err != nil {
		return nil, err
	}
	fields := []field{
		{"course_id", in.Course.id()},
		{"course_key", []byte(in.Course.Key)},
		{"publish", []byte("true")},
	}
	b, err := newBody(in.Course.withVersion(fields), nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.post(ctx, to, b)
	if err != nil {
		return nil, err
	}
	return answer.complaints()
}

func target(address string, c Course) (remote.Target, error) {
	u, err := url.Parse(address)
	if err != nil {
		return remote.Target{}, course.Authorf("%q is not an address: write the grader's address in configure", remote.OneLine(address, 200))
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return remote.Target{}, course.Authorf("%q is not the address of a grader: write an address that begins with http:// or https:// in configure", remote.ShowURL(u))
	}
	if c.RemoteID == nil {
		return remote.Target{}, course.Authorf("the course uses the grader %s but is not connected to a course instance of A+: set its remote id", remote.ShowURL(u))
	}
	return remote.Target{Name: "the grader", URL: u}, nil
}

// post sends a form once. The answer has status 200; all others are errors.
func (c *Client) post(ctx context.Context, to remote.Target, b *body) (*answer, error) {
	limit := c.Timeout
	if limit == 0 {
		limit = DefaultTimeout
	}
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := http.NewRequestWithContext(timed, http.MethodPost, to.URL.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("make a request to %s: %w", to, err)
	}
	var reading firstError
	open := func() (io.ReadCloser, error) { return &watched{ReadCloser: b.open(), first: &reading}, nil }
	r.Body, _ = open()
	r.GetBody = open
	r.ContentLength = b.size
	r.Header.Set("Content-Type", b.contentType)
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Prefer", "respond-async")
	response, err := remote.Direct(c.HTTP).Do(r)
	if err != nil {
		if cause := reading.get(); cause != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("send files to %s: %w", to, cause)
		}
		return nil, to.Broken(ctx, err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode != http.StatusOK {
		text := remote.ReadSome(response)
		return nil, to.Refused(response, text, hint(response.StatusCode, b))
	}
	data, err := remote.ReadAll(response, maxAnswer)
	if err != nil {
		return nil, to.Broken(ctx, err)
	}
	return &answer{from: to, data: data}, nil
}

// watched remembers why a body could not be read: the transport may report the
// broken connection instead.
type watched struct {
	io.ReadCloser
	first *firstError
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
		w.first.set(err)
	}
	return n, err
}

type firstError struct {
	mu  sync.Mutex
	err error
}

func (f *firstError) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *firstError) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
