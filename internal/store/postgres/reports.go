package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// SaveReport keeps what a build found; see store.Reports.
func (s *Store) SaveReport(ctx context.Context, buildID int64, r course.Report) error {
	text, err := store.EncodeReport(r)
	if err == nil {
		err = s.write(ctx, quick, func(t *tx) error {
			n, err := t.exec("UPDATE builds SET report = $1 WHERE id = $2", text, buildID)
			if err == nil && n == 0 {
				err = pgx.ErrNoRows
			}
			return err
		})
	}
	return s.wrapRow(err, "save the report of build %d", buildID)
}

// Report gives what a build found; see store.Reports.
func (s *Store) Report(ctx context.Context, buildID int64) (course.Report, error) {
	text, err := one(ctx, s, func(row pgx.Row) (text string, err error) {
		err = row.Scan(&text)
		return text, err
	}, "SELECT report FROM builds WHERE id = $1", buildID)
	if err != nil {
		return course.Report{}, s.wrapRow(err, "report of build %d", buildID)
	}
	r, err := store.DecodeReport(text)
	return r, s.wrap(err, "report of build %d", buildID)
}
