package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func auditTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"everything is kept":         auditKeeps,
		"odd texts":                  oddAudit,
		"newest first, in pages":     auditPages,
		"outlives the course":        auditOutlives,
		"outcomes that do not exist": auditOutcomes,
	}
}

func fullEntry() course.AuditEntry {
	return course.AuditEntry{
		Action: "EDIT-COURSE", Course: "a", Caller: "user:jdoe", Issuer: "aplus", Address: "192.0.2.7",
		Outcome: course.AuditDone, Details: map[string]string{"field": "webhook_secret", "old_key": "b"},
	}
}

func note(t *testing.T, s store.Store, e course.AuditEntry) {
	t.Helper()
	if err := s.RecordAudit(t.Context(), e); err != nil {
		t.Fatalf("RecordAudit(%+v): %v", e, err)
	}
}

func listAudit(t *testing.T, s store.Store, key string, p course.Page) []course.AuditEntry {
	t.Helper()
	list, err := s.ListAudit(t.Context(), course.AuditFilter{Course: key}, p)
	if err != nil {
		t.Fatalf("ListAudit(%q): %v", key, err)
	}
	return list
}

func auditKeeps(t *testing.T, s store.Store) {
	t.Helper()
	begin := time.Now()
	full, bare := fullEntry(), course.AuditEntry{Action: "LOGIN", Outcome: course.AuditDenied}
	note(t, s, full)
	note(t, s, bare)
	got := listAudit(t, s, "", course.Page{Limit: 10})
	if len(got) != 2 || got[1].ID <= 0 || got[0].ID <= got[1].ID {
		t.Fatalf("entries are %+v; want two, the newer one first", got)
	}
	for i, want := range []course.AuditEntry{bare, full} {
		checkTime(t, "At", got[i].At, begin)
		want.ID, want.At = got[i].ID, got[i].At
		if diff := cmp.Diff(want, got[i]); diff != "" {
			t.Errorf("entry %d (-want +got):\n%s", i, diff)
		}
	}
}

func oddAudit(t *testing.T, s store.Store) {
	t.Helper()
	for name, text := range oddTexts() {
		e := course.AuditEntry{
			Action: text, Course: text, Caller: text, Issuer: text, Address: text,
			Outcome: course.AuditFailed, Details: map[string]string{text: text},
		}
		note(t, s, e)
		clean := store.CleanText(text)
		got := listAudit(t, s, clean, course.Page{Limit: 1})
		if len(got) != 1 {
			t.Errorf("%s: %d entries of the course", name, len(got))
			continue
		}
		want := course.AuditEntry{
			ID: got[0].ID, At: got[0].At, Action: clean, Course: clean, Caller: clean, Issuer: clean,
			Address: store.CutRequestIP(text), Outcome: course.AuditFailed, Details: map[string]string{clean: clean},
		}
		if diff := cmp.Diff(want, got[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%.2000s", name, diff)
		}
	}
}

func auditPages(t *testing.T, s store.Store) {
	t.Helper()
	for i := range 5 {
		e := fullEntry()
		e.Details = map[string]string{"build": fmt.Sprint(i)}
		note(t, s, e)
		e.Course = "b"
		note(t, s, e)
	}
	for key, want := range map[string]string{"a": "43210", "": "4433221100", "none": ""} {
		got := ""
		for page := (course.Page{Limit: 3}); ; {
			list := listAudit(t, s, key, page)
			if len(list) == 0 {
				break
			}
			for _, e := range list {
				page.Before = e.ID
				got += e.Details["build"]
			}
		}
		if got != want {
			t.Errorf("entries of %q are %q, newest first; want %q", key, got, want)
		}
	}
}

func auditOutlives(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	note(t, s, fullEntry())
	if err := s.DeleteCourse(t.Context(), "a"); err != nil {
		t.Fatalf("DeleteCourse: %v", err)
	}
	if got := listAudit(t, s, "a", course.Page{Limit: 10}); len(got) != 1 {
		t.Errorf("%d entries name the removed course; want 1", len(got))
	}
}

func auditOutcomes(t *testing.T, s store.Store) {
	t.Helper()
	for _, bad := range []course.AuditOutcome{"", "DONE", "ok"} {
		e := fullEntry()
		e.Outcome = bad
		wantKind(t, fmt.Sprintf("RecordAudit with outcome %q", bad), s.RecordAudit(t.Context(), e), course.ErrInvalid)
	}
	if got := listAudit(t, s, "", course.Page{Limit: 10}); len(got) != 0 {
		t.Errorf("entries are %+v; want none", got)
	}
}
