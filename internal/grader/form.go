package grader

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// field is a part of the form that is no file.
type field struct {
	name  string
	value []byte
}

func (c Course) id() []byte { return strconv.AppendInt(nil, *c.RemoteID, 10) }

func (c Course) withVersion(fields []field) []field {
	if c.Version == "" {
		return fields
	}
	return append(fields, field{"version_id", []byte(c.Version)})
}

// fields gives the form's parts in the order that graders know. Values that are
// texts are sent as they are, all others as JSON.
func (in Configuration) fields() ([]field, error) {
	exercises := make([]Exercise, 0, len(in.Exercises))
	for _, e := range in.Exercises {
		if e.Files == nil {
			e.Files = []string{} // an empty list, not null
		}
		exercises = append(exercises, e)
	}
	list, err := asciiJSON(exercises)
	if err != nil {
		return nil, fmt.Errorf("write the exercises for %s: %w", in.Course.Key, err)
	}
	spec, err := asciiJSON(in.Spec)
	if err != nil {
		return nil, fmt.Errorf("write the course %s for graders: %w", in.Course.Key, err)
	}
	return in.Course.withVersion([]field{
		{"course_id", in.Course.id()},
		{"course_key", []byte(in.Course.Key)},
		{"course_spec", spec},
		{"exercises", list},
	}), nil
}

// asciiJSON writes JSON in ASCII, as Python does.
func asciiJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, err
	}
	data := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch {
		case r < utf8.RuneSelf:
			out = append(out, data[0])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		data = data[n:]
	}
	return out, nil
}

// body is a form that can be sent any number of times.
type body struct {
	head, tail  []byte   // what surrounds the archive
	archive     *Archive // nil: there is none
	size        int64    // of the whole, in bytes
	contentType string
}

func newBody(fields []field, archive *Archive) (*body, error) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for _, f := range fields {
		w, err := form.CreateFormField(f.name)
		if err != nil {
			return nil, fmt.Errorf("write the form: %w", err)
		}
		if _, err := w.Write(f.value); err != nil {
			return nil, fmt.Errorf("write the form: %w", err)
		}
	}
	if archive != nil {
		if _, err := form.CreateFormFile("files", "files"); err != nil {
			return nil, fmt.Errorf("write the form: %w", err)
		}
	}
	head := b.Len()
	if err := form.Close(); err != nil {
		return nil, fmt.Errorf("write the form: %w", err)
	}
	out := &body{
		head: b.Bytes()[:head], tail: b.Bytes()[head:],
		archive: archive, size: int64(b.Len()), contentType: form.FormDataContentType(),
	}
	if archive != nil {
		out.size += archive.Size()
	}
	return out, nil
}

func (b *body) open() io.ReadCloser {
	head, tail := bytes.NewReader(b.head), bytes.NewReader(b.tail)
	if b.archive == nil {
		return io.NopCloser(io.MultiReader(head, tail))
	}
	files := b.archive.Open()
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(head, files, tail), files}
}
