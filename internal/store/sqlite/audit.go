package sqlite

import (
	"context"
	"fmt"
	"math"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// RecordAudit adds an entry to the security log; see store.Audit.
func (s *Store) RecordAudit(ctx context.Context, e course.AuditEntry) error {
	if !store.ValidOutcome(e.Outcome) {
		return fmt.Errorf("record %s in the security log: outcome %q: %w", e.Action, e.Outcome, course.ErrInvalid)
	}
	details, err := store.EncodeDetails(e.Details)
	if err != nil {
		return err
	}
	err = s.quick.tx(ctx, func(t *tx) error {
		var id int64
		err := t.row(`INSERT INTO audit (at, action, course, caller, issuer, address, outcome, details)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
			s.nowMicros(), store.CleanText(e.Action), store.CleanText(e.Course), store.CleanText(e.Caller),
			store.CleanText(e.Issuer), store.CutRequestIP(e.Address), e.Outcome, details).Scan(&id)
		if err != nil {
			return err
		}
		// Ids have no gaps worth speaking of, so this finds one row at most.
		_, err = t.exec("DELETE FROM audit WHERE id <= ?", id-course.KeptAudit)
		return err
	})
	return s.wrap(err, "record %s in the security log", e.Action)
}

// ListAudit gives a page of the security log; see store.Audit.
func (s *Store) ListAudit(ctx context.Context, f course.AuditFilter, p course.Page) ([]course.AuditEntry, error) {
	ofCourse := "?2 = ''"
	if f.Course != "" {
		ofCourse = "course <> '' AND course = ?2" // the first condition is the index's
	}
	until := int64(math.MaxInt64)
	if !f.Until.IsZero() {
		until = toMicros(f.Until)
	}
	var out []course.AuditEntry
	err := s.read.rows(ctx, func(row rowScanner) error {
		e, err := scanAudit(row)
		out = append(out, e)
		return err
	}, "SELECT id, at, action, course, caller, issuer, address, outcome, details FROM audit WHERE id < ?1 AND "+ofCourse+`
		AND (?3 = '' OR action = ?3) AND (?4 = '' OR caller = ?4) AND (?5 = '' OR outcome = ?5)
		AND at >= ?6 AND at < ?7 ORDER BY id DESC LIMIT ?8`,
		before(p), f.Course, f.Action, f.Caller, f.Outcome, toMicros(f.Since), until, max(p.Limit, 1))
	if err != nil {
		return nil, s.wrap(err, "list the security log")
	}
	return out, nil
}

func scanAudit(row rowScanner) (course.AuditEntry, error) {
	var e course.AuditEntry
	var at int64
	var details string
	err := row.Scan(&e.ID, &at, &e.Action, &e.Course, &e.Caller, &e.Issuer, &e.Address, &e.Outcome, &details)
	if err != nil {
		return e, err
	}
	e.At = fromMicros(at)
	if e.Details, err = store.DecodeDetails(details); err != nil {
		return e, fmt.Errorf("details of entry %d of the security log: %w", e.ID, err)
	}
	return e, nil
}
