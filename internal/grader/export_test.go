package grader

import (
	"encoding/json"
	"io"
	"net/url"

	"coursewright/internal/remote"
)

// Defaults reads an answer to a store request.
func Defaults(address *url.URL, data []byte) (map[string]json.RawMessage, error) {
	a := answer{from: remote.Target{URL: address}, data: data}
	return a.defaults(true)
}

// Complaints reads an answer to a publish request.
func Complaints(address *url.URL, data []byte) ([]string, error) {
	a := answer{from: remote.Target{URL: address}, data: data}
	return a.complaints()
}

// Form gives the form of a configuration as it is sent.
func Form(in Configuration) (contentType string, size int64, content io.ReadCloser, err error) {
	fields, err := in.fields()
	if err != nil {
		return "", 0, nil, err
	}
	b, err := newBody(fields, nil)
	if err != nil {
		return "", 0, nil, err
	}
	return b.contentType, b.size, b.open(), nil
}
