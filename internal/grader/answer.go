package grader

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"coursewright/internal/remote"
)

// maxAnswer bounds an answer, in bytes. A course of a thousand exercises has
// about 4 MB of defaults.
const maxAnswer = 32 << 20

// maxComplaints bounds how many of a grader's complaints are told.
const maxComplaints = 100

// usualFieldsLimit is what mooc-grader takes of a form without its files.
const usualFieldsLimit = 10 << 20

// answer is an answer with status 200.
type answer struct {
	from remote.Target
	data []byte
}

// defaults reads the answer to a store request. A list stands for no defaults,
// and so does an empty body if the grader was told of no exercises.
func (a *answer) defaults(exercises bool) (map[string]json.RawMessage, error) {
	text := bytes.TrimSpace(a.data)
	if len(text) == 0 {
		if exercises {
			return nil, a.from.Odd(http.StatusOK, "answered nothing about the exercises that it was sent")
		}
		return map[string]json.RawMessage{}, nil
	}
	if !json.Valid(text) {
		return nil, a.notJSON()
	}
	out := map[string]json.RawMessage{}
	switch text[0] {
	case '[':
		return out, nil
	case '{':
	default:
		return nil, a.from.Odd(http.StatusOK, "answered with JSON that is no object of exercises: "+a.shown())
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, a.notJSON()
	}
	for _, key := range slices.Sorted(maps.Keys(out)) {
		if out[key][0] != '{' {
			return nil, a.from.Odd(http.StatusOK, fmt.Sprintf("answered for the exercise %q with JSON that is no object", remote.OneLine(key, 100)))
		}
	}
	return out, nil
}

// complaints reads the answer to a publish request.
func (a *answer) complaints() ([]string, error) {
	text := bytes.TrimSpace(a.data)
	if len(text) == 0 {
		return nil, nil
	}
	var list []json.RawMessage
	switch {
	case !json.Valid(text):
		return nil, a.notJSON()
	case json.Unmarshal(text, &list) != nil || text[0] != '[':
		list = []json.RawMessage{text}
	}
	rest := max(0, len(list)-maxComplaints)
	out := make([]string, 0, len(list)-rest+1)
	for _, item := range list[:len(list)-rest] {
		var said string
		if json.Unmarshal(item, &said) != nil || item[0] != '"' {
			said = string(item)
		}
		out = append(out, remote.ShowURL(a.from.URL)+": "+remote.OneLine(said, 500))
	}
	if rest > 0 {
		out = append(out, fmt.Sprintf("%s: and %d more", remote.ShowURL(a.from.URL), rest))
	}
	return out, nil
}

func (a *answer) shown() string { return remote.OneLine(string(a.data[:min(len(a.data), 2000)]), 500) }

func (a *answer) notJSON() error {
	return a.from.Odd(http.StatusOK, "answered with something that is not JSON: "+a.shown())
}

// hint tells teachers what a refusal usually means.
func hint(status int, b *body) string {
	switch {
	case status >= 300 && status < 400:
		return "graders send callers to a login page when they do not accept the token; ask the administrator of the grader whether it trusts A+"
	case status == http.StatusUnauthorized:
		return "the grader does not accept the token; ask its administrator whether it trusts A+"
	case status == http.StatusForbidden:
		return "the token has no permission for this course instance; check the course's remote id, then ask the administrator of the grader"
	case status == http.StatusNotFound && b.archive == nil:
		return "the grader may not have this version of the course; build the course again"
	case status == http.StatusNotFound:
		return "check the address in configure"
	case status == http.StatusRequestEntityTooLarge && b.archive != nil:
		return fmt.Sprintf("%d bytes were sent; give the grader fewer files", b.size)
	case status == http.StatusBadRequest && len(b.head) > usualFieldsLimit:
		return fmt.Sprintf("the course configuration is %d bytes, graders usually take %d", len(b.head), usualFieldsLimit)
	}
	return ""
}
