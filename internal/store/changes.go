package store

import (
	"encoding/json"
	"fmt"

	"coursewright/internal/course"
)

// changesRow is course.Changes as databases keep it.
type changesRow struct {
	All   bool     `json:"all,omitempty"`
	Count int      `json:"count,omitempty"`
	Files []string `json:"files,omitempty"`
}

// EncodeChanges writes changes as a text for one column, empty for nil.
func EncodeChanges(c *course.Changes) (string, error) {
	if c == nil {
		return "", nil
	}
	row := changesRow{All: c.All, Count: c.Count}
	for _, name := range c.Files {
		row.Files = append(row.Files, CleanText(name))
	}
	text, err := json.Marshal(row)
	return string(text), err
}

// DecodeChanges reads what EncodeChanges wrote.
func DecodeChanges(text string) (*course.Changes, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // nothing is known
	}
	var row changesRow
	if err := json.Unmarshal([]byte(text), &row); err != nil {
		return nil, fmt.Errorf("read a build's changed files: %w", err)
	}
	return &course.Changes{All: row.All, Count: row.Count, Files: row.Files}, nil
}
