package sqlite_test

import (
	"database/sql"
	"errors"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/store/sqlite"
)

// The oldest entries of the security log make room for new ones. Ids are moved
// on, so that a hundred thousand entries need not be written.
func TestOldAuditEntriesAreForgotten(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, sqlite.Options{Path: path, Migrate: true})
	note := func(action string) {
		t.Helper()
		if err := s.RecordAudit(t.Context(), course.AuditEntry{Action: action, Outcome: course.AuditDone}); err != nil {
			t.Fatal(err)
		}
	}
	note("first")
	note("second")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "UPDATE sqlite_sequence SET seq = ? WHERE name = 'audit'", course.KeptAudit)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	note("last")
	list, err := s.ListAudit(t.Context(), course.AuditFilter{}, course.Page{Limit: 10})
	if err != nil || len(list) != 2 || list[0].Action != "last" || list[1].Action != "second" {
		t.Errorf("entries are %+v, %v; want last and second", list, err)
	}
}
