package coursetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Import is what came of reading a course into A+.
type Import struct {
	Instance   int64
	Success    bool           // the course instance shows the new content
	Errors     []string       // what the teacher is shown; warnings after a success
	Document   map[string]any // aplus-json, nil if there was none
	Objects    []Object       // chapters and exercises in their order
	PublishURL string
}

// Object is a chapter or an exercise as A+ understands it.
type Object struct {
	Key      string
	Category string
	Class    string // chapter, exercise, lti or lti1p3
	URL      any    // text, or object from language to text; nil without
	Parent   string // key of the module or object that it is in
}

// Import reads a course instance's configuration and publishes it, as the
// button in A+ does.
func (a *FakeAPlus) Import(ctx context.Context, instance int64) Import {
	in := Import{Instance: instance}
	i, exists := a.instance(instance)
	if !exists {
		in.Errors = []string{"there is no such course instance"}
	} else if err := a.read(ctx, i, &in); err != nil {
		in.Success = false
		in.Errors = append(in.Errors, err.Error())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.imports = append(a.imports, in)
	return in
}

// read does an import. An error undoes it.
func (a *FakeAPlus) read(ctx context.Context, i Instance, in *Import) error {
	status, body, err := a.get(ctx, i.ConfigureURL, i.ID, Read, Write)
	if err != nil {
		return err
	}
	if status >= http.StatusBadRequest {
		return fmt.Errorf("the configuration has status %d", status)
	}
	if err := json.Unmarshal(body, &in.Document); err != nil || in.Document == nil {
		return fmt.Errorf("the configuration is no JSON object: %.200q", body)
	}
	if given, ok := in.Document["errors"]; ok {
		in.Errors = append(in.Errors, texts(given)...)
	}
	if given, ok := in.Document["success"]; ok && !truthy(given) {
		return errors.New("the service says that the configuration cannot be used")
	}
	c := checker{document: in.Document}
	if err := c.course(); err != nil {
		return err
	}
	in.Objects = c.objects
	in.Errors = append(in.Errors, c.warnings...)
	buildLog, _ := in.Document["build_log_url"].(string)
	i.BuildLogURL = buildLog
	a.SetInstance(i)
	in.Success = true
	in.PublishURL, _ = in.Document["publish_url"].(string)
	if in.PublishURL == "" {
		return nil
	}
	return a.publish(ctx, i, in)
}

// publish tells the service that the import goes well.
func (a *FakeAPlus) publish(ctx context.Context, i Instance, in *Import) error {
	status, body, err := a.get(ctx, in.PublishURL, i.ID, Read, Write)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return fmt.Errorf("publishing has status %d and an empty answer", status)
	}
	var answer any
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("the answer to publishing, with status %d, is not JSON: %.200q", status, body)
	}
	object, ok := answer.(map[string]any)
	if !ok {
		return errors.Join(errors.New("the course was not published"), fmt.Errorf("the service says %v", texts(answer)))
	}
	in.Errors = append(in.Errors, texts(object["errors"])...)
	success, given := object["success"]
	if given && !truthy(success) {
		return errors.New("the course was not published")
	}
	return nil
}

// Page reads a page of a course as students do; language is en, fi and so on.
func (a *FakeAPlus) Page(ctx context.Context, instance int64, address, language string) (status int, body []byte, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return 0, nil, fmt.Errorf("read the page %q: %w", address, err)
	}
	q := u.Query()
	q.Set("lang", language)
	u.RawQuery = q.Encode()
	return a.get(ctx, u.String(), instance, Read)
}

// BuildLog is the build log as A+ shows it.
type BuildLog struct {
	Text        string
	Requested   time.Time
	Updated     bool
	UpdatedTime time.Time
}

// BuildLog reads the build log of a course instance. It refuses what A+'s page
// cannot show: times that are no text.
func (a *FakeAPlus) BuildLog(ctx context.Context, instance int64) (BuildLog, error) {
	i, _ := a.instance(instance)
	if i.BuildLogURL == "" {
		return BuildLog{}, errors.New("the course instance has no address of a build log")
	}
	_, body, err := a.get(ctx, i.BuildLogURL, instance, Read)
	if err != nil {
		return BuildLog{}, err
	}
	var answer struct {
		Error       string  `json:"error"`
		Text        string  `json:"build_log"`
		RequestTime *string `json:"request_time"`
		Updated     bool    `json:"updated"`
		UpdatedTime *string `json:"updated_time"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return BuildLog{}, fmt.Errorf("the build log is not what A+ can show: %w", err)
	}
	switch {
	case answer.Error != "":
		return BuildLog{}, errors.New(answer.Error)
	case slices.Contains([]string{"{}", "null"}, strings.TrimSpace(string(body))):
		return BuildLog{}, nil // A+ says that the log is empty
	case answer.RequestTime == nil, answer.Updated && answer.UpdatedTime == nil:
		return BuildLog{}, fmt.Errorf("the page of A+ breaks at a build log without times: %s", body)
	}
	const layout = "2006-01-02T15:04:05.999999Z"
	out := BuildLog{Text: answer.Text, Updated: answer.Updated}
	if out.Requested, err = time.Parse(layout, *answer.RequestTime); err != nil {
		return BuildLog{}, fmt.Errorf("the build log's request_time: %w", err)
	}
	if answer.Updated {
		if out.UpdatedTime, err = time.Parse(layout, *answer.UpdatedTime); err != nil {
			return BuildLog{}, fmt.Errorf("the build log's updated_time: %w", err)
		}
	}
	return out, nil
}

// get calls a service with a token that permits this and that on a course
// instance. As A+ it follows redirects.
func (a *FakeAPlus) get(ctx context.Context, address string, instance int64, permissions ...int) (status int, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("read %q: %w", address, err)
	}
	client := a.HTTP
	if client == nil {
		client = &http.Client{}
	}
	return a.do(client, r, instance, permissions...)
}

// maxBody bounds what A+ reads of an answer, in bytes.
const maxBody = 64 << 20

// do sends a request with a token.
func (a *FakeAPlus) do(client *http.Client, r *http.Request, instance int64, permissions ...int) (status int, body []byte, err error) {
	token, err := a.Token(r.URL.String(), instance, permissions...)
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxBody))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return 0, nil, fmt.Errorf("call %s: %w", r.URL, err)
	}
	return answer.StatusCode, body, nil
}
