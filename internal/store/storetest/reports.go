package storetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func reportTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"saved and replaced":  saveReports,
		"odd texts":           oddReports,
		"large":               largeReport,
		"of an unknown build": reportOfNoBuild,
		"go with their build": reportsGo,
	}
}

func saveReport(t *testing.T, s store.Store, id int64, r course.Report) {
	t.Helper()
	if err := s.SaveReport(t.Context(), id, r); err != nil {
		t.Fatalf("SaveReport: %v", err)
	}
}

func wantReport(t *testing.T, s store.Store, id int64, want course.Report) {
	t.Helper()
	got, err := s.Report(t.Context(), id)
	if err != nil {
		t.Fatalf("Report: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func saveReports(t *testing.T, s store.Store) {
	t.Helper()
	id, other := newBuild(t, s, "a"), newBuild(t, s, "b")
	wantReport(t, s, id, course.Report{})
	full := course.Report{
		Errors: []course.Diagnostic{
			{File: "index.yaml", Line: 3, Column: 9, Path: "modules[0].name", Message: "found nothing", Hint: "give a value", Excerpt: "a:\n  name:\n", ExcerptFrom: 2},
			{Message: "of no file"},
		},
		Warnings: []course.Diagnostic{{File: "e.yaml", Path: "title", Message: "odd"}},
	}
	saveReport(t, s, id, full)
	wantReport(t, s, id, full)
	wantReport(t, s, other, course.Report{})

	finish(t, s, claim(t, s, "a", "run").ID, course.StatusFailed, "errors")
	wantReport(t, s, id, full)

	fewer := course.Report{Warnings: full.Warnings}
	saveReport(t, s, id, fewer)
	wantReport(t, s, id, fewer)
	saveReport(t, s, id, course.Report{})
	wantReport(t, s, id, course.Report{})
}

func oddReports(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	for name, text := range oddTexts() {
		r := course.Report{Errors: []course.Diagnostic{{File: text, Path: text, Message: text, Hint: text}}}
		saveReport(t, s, id, r)
		t.Log(name)
		wantReport(t, s, id, r)
	}
	saveReport(t, s, id, course.Report{Errors: []course.Diagnostic{{Message: "a\x00b\xffc"}}})
	wantReport(t, s, id, course.Report{Errors: []course.Diagnostic{{Message: "ab\ufffdc"}}})
}

func largeReport(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	var r course.Report
	for i := range 1000 {
		r.Errors = append(r.Errors, course.Diagnostic{File: "index.yaml", Line: i + 1, Column: 1, Message: oddTexts()["emoji"]})
	}
	saveReport(t, s, id, r)
	wantReport(t, s, id, r)
}

func reportOfNoBuild(t *testing.T, s store.Store) {
	t.Helper()
	if err := s.SaveReport(t.Context(), 99, course.Report{}); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("SaveReport = %v, want ErrNotFound", err)
	}
	if _, err := s.Report(t.Context(), 99); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("Report = %v, want ErrNotFound", err)
	}
}

func reportsGo(t *testing.T, s store.Store) {
	t.Helper()
	id := newBuild(t, s, "a")
	saveReport(t, s, id, course.Report{Errors: []course.Diagnostic{{Message: "m"}}})
	finish(t, s, id, course.StatusSkipped, "why")
	if err := s.DeleteCourse(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Report(t.Context(), id); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("Report = %v, want ErrNotFound", err)
	}
}
