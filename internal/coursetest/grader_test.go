package coursetest_test

import (
	"archive/tar"
	"bytes"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"coursewright/internal/course"
	"coursewright/internal/coursetest"
	"coursewright/internal/grader"
)

// part is a part of a form that is sent by hand.
type part struct{ name, value string }

// archive makes a tar archive with small files.
func archive(t *testing.T, names ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		h := &tar.Header{Name: name, Size: 1, Mode: 0o644, Typeflag: tar.TypeReg}
		if link, isLink := strings.CutPrefix(name, "->"); isLink {
			h = &tar.Header{Name: link, Linkname: "target", Typeflag: tar.TypeSymlink}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size == 0 {
			continue
		}
		if _, err := io.WriteString(w, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b.Write(make([]byte, (10240-b.Len()%10240)%10240))
	return b.String()
}

func storeParts(t *testing.T) []part {
	t.Helper()
	return []part{
		{"course_id", "5"},
		{"course_key", "c"},
		{"course_spec", `{"name": "C"}`},
		{"exercises", `[{"key": "e", "spec": {}, "config": {"en": {"title": "T", "view_type": "v"}}, "files": []}]`},
		{"version_id", strings.Repeat("v", course.VersionLength)},
		{"files", archive(t, "a", "b/c")},
	}
}

// send posts a form; change may spoil the request.
func send(t *testing.T, s *service, parts []part, change func(*http.Request)) (status int, body string) {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + p.name + `"`}}
		if p.name == "files" {
			h = textproto.MIMEHeader{"Content-Disposition": {`form-data; name="files"; filename="files"`}, "Content-Type": {"application/octet-stream"}}
		}
		w, err := form.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, p.value); err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.GraderURL, &b)
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.APlus.Token(s.GraderURL, 5, coursetest.Write)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Prefer", "respond-async")
	r.Header.Set("Content-Type", form.FormDataContentType())
	if change != nil {
		change(r)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(data)
}

func TestGraderTakesWhatIsRight(t *testing.T) {
	t.Parallel()
	s := start(t)
	if status, body := send(t, s, storeParts(t), nil); status != 200 || !strings.Contains(body, `"e":{`) {
		t.Errorf("got %d, %s", status, body)
	}
	known, _ := s.Grader.Course(5)
	if known.Stored == nil || len(known.Stored.Files) != 2 || known.Stored.Files[1].Name != "b/c" || known.Live != nil {
		t.Errorf("the grader has %+v", known)
	}
}

func TestGraderRefuses(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := func(address string, id int64, permission int) func(*http.Request) {
		return func(r *http.Request) {
			text, err := s.APlus.Token(address, id, permission)
			if err != nil {
				t.Error(err)
			}
			r.Header.Set("Authorization", "Bearer "+text)
		}
	}
	// otherwise signs a token with A+'s key that is right but for some claims.
	otherwise := func(method jwt.SigningMethod, change jwt.MapClaims) func(*http.Request) {
		c := jwt.MapClaims{"iss": "aplus", "sub": "gitmanager", "aud": "grader", "permissions": []any{[]any{"instance", 2, map[string]int{"id": 5}}}}
		maps.Copy(c, change)
		return func(r *http.Request) {
			text, err := jwt.NewWithClaims(method, c).SignedString(s.APlus.Self.Key)
			if err != nil {
				t.Error(err)
			}
			r.Header.Set("Authorization", "Bearer "+text)
		}
	}
	replace := func(name, value string) func([]part) []part {
		return func(list []part) []part {
			for i := range list {
				if list[i].name == name {
					list[i].value = value
				}
			}
			return list
		}
	}
	tests := map[string]struct {
		parts  func([]part) []part
		change func(*http.Request)
		status int
		want   string // part of the body
	}{
		"no token":              {nil, func(r *http.Request) { r.Header.Del("Authorization") }, 302, ""},
		"a broken token":        {nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer x.y.z") }, 401, "not valid"},
		"another algorithm":     {nil, otherwise(jwt.SigningMethodRS512, nil), 401, "signing method"},
		"an old token":          {nil, otherwise(jwt.SigningMethodRS256, jwt.MapClaims{"exp": 1600000000}), 401, "expired"},
		"an unknown issuer":     {nil, otherwise(jwt.SigningMethodRS256, jwt.MapClaims{"iss": "x"}), 401, "issuer"},
		"nobody's token":        {nil, otherwise(jwt.SigningMethodRS256, jwt.MapClaims{"sub": ""}), 401, "no sub"},
		"a bad permission":      {nil, otherwise(jwt.SigningMethodRS256, jwt.MapClaims{"permissions": []any{[]any{"instance", 2}}}), 401, "3 parts"},
		"another audience":      {nil, token(s.url, 5, coursetest.Write), 401, "audience"},
		"only read permission":  {nil, token(s.GraderURL, 5, coursetest.Read), 403, "does not permit"},
		"another instance":      {nil, token(s.GraderURL, 6, coursetest.Write), 403, "does not permit"},
		"another method":        {nil, func(r *http.Request) { r.Method = http.MethodPut }, 405, ""},
		"no length":             {nil, func(r *http.Request) { r.ContentLength = -1 }, 411, "Content-Length"},
		"no Prefer":             {nil, func(r *http.Request) { r.Header.Del("Prefer") }, 400, "Prefer"},
		"no form":               {nil, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 400, "no form"},
		"another order":         {func(l []part) []part { l[0], l[1] = l[1], l[0]; return l }, nil, 400, "has the parts course_key, course_id"},
		"a part is missing":     {func(l []part) []part { return l[:5] }, nil, 400, "has the parts"},
		"no number":             {replace("course_id", "x"), nil, 400, "not a number"},
		"no key":                {replace("course_key", ""), nil, 400, "course_key is empty"},
		"a quoted version":      {replace("version_id", `"`+strings.Repeat("v", 28)+`"`), nil, 400, "version_id"},
		"no JSON":               {replace("course_spec", "x"), nil, 400, "course_spec"},
		"not in ASCII":          {replace("course_spec", `{"name": "ä"}`), nil, 400, "not in ASCII"},
		"null":                  {replace("course_spec", `null`), nil, 400, "no object"},
		"what graders need not": {replace("course_spec", `{"static_dir": "s"}`), nil, 400, "static_dir"},
		"unknown keys":          {replace("exercises", `[{"name": "x"}]`), nil, 400, "unknown field"},
		"no files of exercises": {replace("exercises", `[{"key": "e", "spec": {}, "config": null}]`), nil, 400, "lacks"},
		"no title":              {replace("exercises", `[{"key": "e", "spec": {}, "config": {"en": {"view_type": "v"}}, "files": []}]`), nil, 400, "no title"},
		"too much":              {replace("course_spec", `"`+strings.Repeat("x", 10<<20)+`"`), nil, 400, "more than"},
		"no archive":            {replace("files", "x"), nil, 400, "archive is broken"},
		"no padding":            {replace("files", archive(t, "a")[:1536+512]), nil, 400, "multiple of 10240"},
		"a file twice":          {replace("files", archive(t, "a", "a")), nil, 400, "comes twice"},
		"a name that leads out": {replace("files", archive(t, "../a")), nil, 400, "leads out"},
		"a link":                {replace("files", archive(t, "->a")), nil, 400, "no file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parts := storeParts(t)
			if test.parts != nil {
				parts = test.parts(parts)
			}
			status, body := send(t, s, parts, test.change)
			if status != test.status || !strings.Contains(body, test.want) {
				t.Errorf("got %d, %s", status, body)
			}
			if len(s.Grader.Problems()) == 0 {
				t.Error("the refusal is not remembered")
			}
		})
	}
}

func TestGraderPublishes(t *testing.T) {
	t.Parallel()
	s := start(t)
	client := grader.Client{HTTP: s.http}
	first := s.configuration(t, course.NewVersion())
	second := s.configuration(t, course.NewVersion())
	publish := func(in grader.Configuration, want string) {
		t.Helper()
		complaints, err := client.Publish(may(t, 5), grader.Publication{Course: in.Course, URL: in.URL})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || len(complaints) > 0 {
			t.Errorf("got %v, %v, want %q", complaints, err, want)
		}
	}
	publish(first, "Unknown version id")
	for _, in := range []grader.Configuration{first, first} {
		if _, err := client.Configure(may(t, 5), in); err != nil {
			t.Fatal(err)
		}
	}
	publish(first, "")
	publish(first, "")
	if _, err := client.Configure(may(t, 5), second); err != nil {
		t.Fatal(err)
	}
	publish(first, "") // it still is the live one
	publish(second, "")
	publish(first, "Unknown version id")
	if known, _ := s.Grader.Course(5); known.Live == nil || known.Live.Version != second.Course.Version {
		t.Errorf("the grader has %+v", known)
	}
}
