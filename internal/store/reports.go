package store

import (
	"context"
	"encoding/json"
	"fmt"

	"coursewright/internal/course"
)

// Reports keeps what the builds found in the files of their courses. Both
// databases keep a report as one text, which EncodeReport writes.
type Reports interface {
	// SaveReport keeps what a build found, in place of what it found before: a
	// step that is tried again tells everything again. ErrNotFound for an
	// unknown build.
	SaveReport(ctx context.Context, buildID int64, r course.Report) error
	// Report gives what a build found; the zero report while nothing was saved.
	// ErrNotFound for an unknown build.
	Report(ctx context.Context, buildID int64) (course.Report, error)
}

// reportRow is a report as databases keep it.
type reportRow struct {
	Errors   []diagnosticRow `json:"errors,omitempty"`
	Warnings []diagnosticRow `json:"warnings,omitempty"`
}

type diagnosticRow struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message,omitempty"`
	Hint    string `json:"hint,omitempty"`

	Excerpt     string `json:"excerpt,omitempty"`
	ExcerptFrom int    `json:"excerpt_from,omitempty"`
}

// EncodeReport writes a report as a text for one column, empty for the zero
// report. Its texts are cleaned by CleanText.
func EncodeReport(r course.Report) (string, error) {
	if len(r.Errors) == 0 && len(r.Warnings) == 0 {
		return "", nil
	}
	text, err := json.Marshal(reportRow{diagnosticRows(r.Errors), diagnosticRows(r.Warnings)})
	return string(text), err
}

// DecodeReport reads what EncodeReport wrote.
func DecodeReport(text string) (course.Report, error) {
	if text == "" {
		return course.Report{}, nil
	}
	var row reportRow
	if err := json.Unmarshal([]byte(text), &row); err != nil {
		return course.Report{}, fmt.Errorf("read a build's report: %w", err)
	}
	return course.Report{Errors: diagnosticsOf(row.Errors), Warnings: diagnosticsOf(row.Warnings)}, nil
}

func diagnosticRows(list []course.Diagnostic) []diagnosticRow {
	var out []diagnosticRow
	for _, d := range list {
		out = append(out, diagnosticRow{
			File: CleanText(d.File), Line: d.Line, Column: d.Column,
			Path: CleanText(d.Path), Message: CleanText(d.Message), Hint: CleanText(d.Hint),
			Excerpt: CleanText(d.Excerpt), ExcerptFrom: d.ExcerptFrom,
		})
	}
	return out
}

func diagnosticsOf(rows []diagnosticRow) []course.Diagnostic {
	var out []course.Diagnostic
	for _, r := range rows {
		out = append(out, course.Diagnostic(r))
	}
	return out
}
