package store

import (
	"encoding/json"

	"coursewright/internal/course"
)

// EncodeHeaders gives the headers of a delivery as they are kept: a JSON list
// of pairs, cleaned.
func EncodeHeaders(headers []course.Header) (string, error) {
	pairs := make([][2]string, 0, len(headers))
	for _, h := range headers {
		pairs = append(pairs, [2]string{CleanText(h.Name), CleanText(h.Value)})
	}
	text, err := json.Marshal(pairs)
	return string(text), err
}

// DecodeHeaders is the inverse of EncodeHeaders.
func DecodeHeaders(text string) ([]course.Header, error) {
	var pairs [][2]string
	if err := json.Unmarshal([]byte(text), &pairs); err != nil {
		return nil, err
	}
	var out []course.Header
	for _, p := range pairs {
		out = append(out, course.Header{Name: p[0], Value: p[1]})
	}
	return out, nil
}
