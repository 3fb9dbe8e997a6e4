package sqlite

import (
	"context"
	"database/sql"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// SaveReport keeps what a build found; see store.Reports.
func (s *Store) SaveReport(ctx context.Context, buildID int64, r course.Report) error {
	text, err := store.EncodeReport(r)
	if err == nil {
		err = s.quick.tx(ctx, func(t *tx) error {
			n, err := t.exec("UPDATE builds SET report = ? WHERE id = ?", text, buildID)
			if err == nil && n == 0 {
				err = sql.ErrNoRows
			}
			return err
		})
	}
	return s.wrapRow(err, "save the report of build %d", buildID)
}

// Report gives what a build found; see store.Reports.
func (s *Store) Report(ctx context.Context, buildID int64) (course.Report, error) {
	var text string
	if err := s.read.row(ctx, "SELECT report FROM builds WHERE id = ?", buildID).Scan(&text); err != nil {
		return course.Report{}, s.wrapRow(err, "report of build %d", buildID)
	}
	r, err := store.DecodeReport(text)
	return r, s.wrap(err, "report of build %d", buildID)
}
