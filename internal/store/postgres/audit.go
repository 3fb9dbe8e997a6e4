package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

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
	err = s.write(ctx, quick, func(t *tx) error {
		var id int64
		err := t.row(`INSERT INTO audit (at, action, course, caller, issuer, address, outcome, details)
			VALUES (clock_timestamp(), $1, $2, $3, $4, $5, $6, $7::text::jsonb) RETURNING id`,
			store.CleanText(e.Action), store.CleanText(e.Course), store.CleanText(e.Caller),
			store.CleanText(e.Issuer), store.CutRequestIP(e.Address), e.Outcome, details).Scan(&id)
		if err != nil {
			return err
		}
		// Ids have no gaps worth speaking of, so this finds one row at most.
		_, err = t.exec("DELETE FROM audit WHERE id <= $1", id-course.KeptAudit)
		return err
	})
	return s.wrap(err, "record %s in the security log", e.Action)
}

// ListAudit gives a page of the security log; see store.Audit.
func (s *Store) ListAudit(ctx context.Context, f course.AuditFilter, p course.Page) ([]course.AuditEntry, error) {
	where, args := "WHERE id < $1", []any{before(p), max(p.Limit, 1)}
	with := func(wanted bool, condition string, arg any) {
		if wanted {
			args = append(args, arg)
			where += " AND " + strings.ReplaceAll(condition, "$n", fmt.Sprintf("$%d", len(args)))
		}
	}
	// The conditions on the beginning and on the empty key are the index's.
	with(f.Course != "", "course <> '' AND left(course, 100) = left($n, 100) AND course = $n", store.CleanText(f.Course))
	with(f.Action != "", "action = $n", store.CleanText(f.Action))
	with(f.Caller != "", "caller = $n", store.CleanText(f.Caller))
	with(f.Outcome != "", "outcome = $n", f.Outcome)
	with(!f.Since.IsZero(), "at >= $n", f.Since)
	with(!f.Until.IsZero(), "at < $n", f.Until)
	list, err := all(ctx, s, scanAudit,
		"SELECT id, at, action, course, caller, issuer, address, outcome, details::text FROM audit "+where+" ORDER BY id DESC LIMIT $2", args...)
	return list, s.wrap(err, "list the security log")
}

func scanAudit(row pgx.Row) (course.AuditEntry, error) {
	var e course.AuditEntry
	var details string
	err := row.Scan(&e.ID, moment{&e.At}, &e.Action, &e.Course, &e.Caller, &e.Issuer, &e.Address, &e.Outcome, &details)
	if err != nil {
		return e, err
	}
	if e.Details, err = store.DecodeDetails(details); err != nil {
		return e, fmt.Errorf("details of entry %d of the security log: %w", e.ID, err)
	}
	return e, nil
}
