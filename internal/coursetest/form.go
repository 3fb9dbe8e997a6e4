package coursetest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"coursewright/internal/course"
)

// maxFields bounds the parts of a form that are no files, in bytes, as in
// mooc-grader.
const maxFields = 10 << 20

// form is a request to a grader.
type form struct {
	id      int64
	key     string
	publish bool
	content GraderVersion
	order   []string
	fields  map[string]string
	left    int64 // of maxFields
}

// readForm reads a request and checks it against the protocol, also where
// mooc-grader looks away.
func readForm(r *http.Request) (*form, error) {
	if r.ContentLength < 0 {
		return nil, refuse(http.StatusLengthRequired, "the request has no Content-Length")
	}
	if r.Header.Get("Prefer") != "respond-async" {
		return nil, errors.New("the header Prefer is not respond-async")
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, fmt.Errorf("the body is no form: %w", err)
	}
	f := &form{fields: map[string]string{}, left: maxFields}
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the form is broken: %w", err)
		}
		if err := f.part(part); err != nil {
			return nil, err
		}
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, fmt.Errorf("the form is broken at its end: %w", err)
	}
	return f, f.check()
}

// part reads one part of the form.
func (f *form) part(part *multipart.Part) error {
	name := part.FormName()
	f.order = append(f.order, name)
	if name == "files" {
		if part.FileName() == "" || part.Header.Get("Content-Type") != "application/octet-stream" {
			return errors.New("the part files needs a file name and the type application/octet-stream")
		}
		return f.archive(part)
	}
	if len(part.Header) != 1 {
		return fmt.Errorf("the part %q has other headers than Content-Disposition", name)
	}
	value, err := io.ReadAll(io.LimitReader(part, f.left+1))
	if err != nil {
		return fmt.Errorf("read the part %q: %w", name, err)
	}
	if f.left -= int64(len(value)); f.left < 0 {
		return fmt.Errorf("the parts that are no files have more than %d bytes", maxFields)
	}
	f.fields[name] = string(value)
	return nil
}

// archive reads the files. Only regular files may come, each once, and nothing
// outside the archive.
func (f *form) archive(from io.Reader) error {
	whole := &counter{from: from}
	files := tar.NewReader(whole)
	seen := map[string]bool{}
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("the archive is broken: %w", err)
		}
		clean := path.Clean(h.Name)
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(clean) || clean == "." || seen[h.Name] {
			return fmt.Errorf("the archive holds %q, which comes twice, leads out of it or is no file", h.Name)
		}
		seen[h.Name] = true
		sum := sha256.New()
		if _, err := io.Copy(sum, files); err != nil {
			return fmt.Errorf("the archive is broken in %q: %w", h.Name, err)
		}
		f.content.Files = append(f.content.Files, GraderFile{h.Name, h.Size, h.Mode, hex.EncodeToString(sum.Sum(nil))})
	}
	if _, err := io.Copy(io.Discard, whole); err != nil {
		return fmt.Errorf("the archive is broken at its end: %w", err)
	}
	if whole.n == 0 || whole.n%10240 != 0 {
		return fmt.Errorf("the archive has %d bytes, not a multiple of 10240", whole.n)
	}
	return nil
}

// counter counts the bytes of an archive.
type counter struct {
	from io.Reader
	n    int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}

// check judges the form as a whole.
func (f *form) check() error {
	f.publish = slices.Contains(f.order, "publish")
	want := []string{"course_id", "course_key", "course_spec", "exercises", "version_id", "files"}
	if f.publish {
		want = []string{"course_id", "course_key", "publish", "version_id"}
	}
	if !slices.Equal(f.order, want) {
		return fmt.Errorf("the form has the parts %s, not %s", strings.Join(f.order, ", "), strings.Join(want, ", "))
	}
	var err error
	if f.id, err = strconv.ParseInt(f.fields["course_id"], 10, 64); err != nil {
		return fmt.Errorf("the part course_id is %q, not a number", f.fields["course_id"])
	}
	if f.key = f.fields["course_key"]; f.key == "" {
		return errors.New("the part course_key is empty")
	}
	f.content.Version = f.fields["version_id"]
	if !course.ValidVersion(f.content.Version) {
		return fmt.Errorf("the part version_id is %q, not %d letters and digits", f.content.Version, course.VersionLength)
	}
	if f.publish {
		if f.fields["publish"] != "true" {
			return fmt.Errorf("the part publish is %q, not true", f.fields["publish"])
		}
		return nil
	}
	if err := f.decode("course_spec", &f.content.Spec); err != nil {
		return err
	}
	if err := f.decode("exercises", &f.content.Exercises); err != nil {
		return err
	}
	return f.checkContent()
}

// decode reads a part that is JSON in ASCII.
func (f *form) decode(name string, into any) error {
	text := []byte(f.fields[name])
	if slices.ContainsFunc(text, func(b byte) bool { return b >= 0x80 }) {
		return fmt.Errorf("the part %s is not in ASCII", name)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the part %s: %w", name, err)
	}
	if d.More() {
		return fmt.Errorf("the part %s holds more than one value", name)
	}
	return nil
}

func (f *form) checkContent() error {
	if f.content.Spec == nil || f.content.Exercises == nil {
		return errors.New("course_spec is no object, or exercises no list")
	}
	for _, hidden := range []string{"static_dir", "configures", "unprotected_paths"} {
		if _, sent := f.content.Spec[hidden]; sent {
			return fmt.Errorf("course_spec holds %s, which is not for graders", hidden)
		}
	}
	for _, e := range f.content.Exercises {
		if e.Key == "" || e.Spec == nil || e.Files == nil {
			return fmt.Errorf("the exercise %q lacks its key, spec or files", e.Key)
		}
		for language, config := range e.Config {
			for _, name := range []string{"title", "view_type"} {
				if _, given := config[name]; !given {
					return fmt.Errorf("the exercise %q has no %s in the language %q", e.Key, name, language)
				}
			}
		}
	}
	return nil
}
