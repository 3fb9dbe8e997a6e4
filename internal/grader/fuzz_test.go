package grader_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"coursewright/internal/grader"
)

// FuzzAnswer reads what graders answer: every error and complaint is one line of
// text of bounded length.
func FuzzAnswer(f *testing.F) {
	for _, answer := range []string{"", "{}", "[]", `{"a": {}}`, `{"a": 1}`, `["bad\n<b>"]`, `[1, null, {"x": []}]`, "<html>", "\xff", `{"a\u0000": 7}`, strings.Repeat("[", 10_000)} {
		f.Add([]byte(answer))
	}
	address := &url.URL{Scheme: "https", User: url.UserPassword("u", "hunter22hunter22"), Host: "grader.example.org", Path: "/configure"}
	f.Fuzz(func(t *testing.T, data []byte) {
		defaults, err := grader.Defaults(address, data)
		checkShown(t, err)
		for key, value := range defaults {
			if !json.Valid(value) || value[0] != '{' {
				t.Errorf("%q: %s is taken", key, value)
			}
		}
		list, err := grader.Complaints(address, data)
		checkShown(t, err)
		if len(list) > 101 {
			t.Errorf("%d complaints", len(list))
		}
		for _, text := range list {
			checkText(t, text)
		}
	})
}

func checkShown(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		checkText(t, err.Error())
	}
}

func checkText(t *testing.T, text string) {
	t.Helper()
	const most = 1000
	if len(text) > 4*most || !utf8.ValidString(text) || strings.ContainsAny(text, "\r\n\x00\x1b") || strings.Contains(text, "hunter22") {
		t.Errorf("shown is %.300q", text)
	}
}

// FuzzForm sends course specifications and exercises as a form, which a reader of
// forms takes apart into the same values.
func FuzzForm(f *testing.F) {
	f.Add("intro", "e1", []byte(`{"a": "ä\u2028"}`))
	f.Add("--b", "e\r\n--x--", []byte(`"\r\n--x\r\nContent-Disposition: form-data; name=course_id"`))
	f.Add("", "\xff", []byte(`[1e9, null]`))
	f.Fuzz(func(t *testing.T, key, exercise string, spec []byte) {
		if !json.Valid(spec) {
			return
		}
		id := int64(7)
		kind, size, content, err := grader.Form(grader.Configuration{
			Course: grader.Course{Key: key, RemoteID: &id}, Spec: json.RawMessage(spec), Exercises: []grader.Exercise{{Key: exercise, Spec: spec, Config: spec}},
		})
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err != nil || int64(len(data)) != size {
			t.Fatalf("%d bytes, %d announced, %v", len(data), size, err)
		}
		_, params, err := mime.ParseMediaType(kind)
		if err != nil {
			t.Fatal(err)
		}
		form, err := multipart.NewReader(bytes.NewReader(data), params["boundary"]).ReadForm(int64(len(data)) + 1<<20)
		if err != nil {
			t.Fatalf("%v: %q", err, data)
		}
		if len(form.Value) != 4 || len(form.File) != 0 || form.Value["course_key"][0] != key || form.Value["course_id"][0] != "7" {
			t.Errorf("got %q", form.Value)
		}
		for _, name := range []string{"course_spec", "exercises"} {
			if got := form.Value[name][0]; !json.Valid([]byte(got)) || strings.ContainsFunc(got, func(r rune) bool { return r > unicode.MaxASCII || r < ' ' && r != '\t' && r != '\n' && r != '\r' }) {
				t.Errorf("%s is %q", name, got)
			}
		}
	})
}
