package store

import (
	"encoding/json"
	"fmt"

	"coursewright/internal/course"
)

// ValidOutcome says whether an entry of the security log may have this outcome.
func ValidOutcome(o course.AuditOutcome) bool {
	switch o {
	case course.AuditDone, course.AuditDenied, course.AuditRefused, course.AuditFailed:
		return true
	}
	return false
}

// EncodeDetails writes the details of an entry of the security log as a JSON
// object of clean texts.
func EncodeDetails(details map[string]string) (string, error) {
	clean := make(map[string]string, len(details))
	for name, value := range details {
		clean[CleanText(name)] = CleanText(value)
	}
	text, err := json.Marshal(clean)
	if err != nil { // not reached: texts always encode
		return "", fmt.Errorf("details of the security log: %w", err)
	}
	return string(text), nil
}

// DecodeDetails is the inverse of EncodeDetails; nil for no details.
func DecodeDetails(text string) (map[string]string, error) {
	var out map[string]string
	if err := json.Unmarshal([]byte(text), &out); err != nil || len(out) == 0 {
		return nil, err
	}
	return out, nil
}
