package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

const selectDeliveries = `SELECT d.id, d.course_id, c.key, d.received_at, d.service, d.event, d.headers::text, d.request_ip,
	d.verdict, d.reason, d.skip_git, d.skip_build, d.skip_notify, d.rebuild_all, d.build_image, d.build_command,
	coalesce(d.build_id, 0), d.preview_branch FROM hook_deliveries d JOIN courses c ON c.id = d.course_id `

func scanDelivery(row pgx.Row) (course.Delivery, error) {
	var d course.Delivery
	var headers string
	o := &d.Options
	err := row.Scan(&d.ID, &d.CourseID, &d.CourseKey, moment{&d.ReceivedAt}, &d.Service, &d.Event, &headers, &d.RequestIP,
		&d.Verdict, &d.Reason, &o.SkipGit, &o.SkipBuild, &o.SkipNotify, &o.RebuildAll, &o.BuildImage, &o.BuildCommand,
		&d.BuildID, &o.PreviewBranch)
	if err != nil {
		return d, err
	}
	if d.Headers, err = store.DecodeHeaders(headers); err != nil {
		return d, fmt.Errorf("headers of delivery %d: %w", d.ID, err)
	}
	return d, nil
}

// deliver records a delivery for a course whose row is locked, and forgets
// those that are too old to keep. build is the build that it made, 0 for none.
func (t *tx) deliver(courseID int64, d course.Delivery, build int64) (int64, error) {
	headers, err := store.EncodeHeaders(d.Headers)
	if err != nil {
		return 0, err
	}
	o := d.Options
	var id int64
	err = t.row(`INSERT INTO hook_deliveries (course_id, received_at, service, event, headers, request_ip, verdict, reason,
			skip_git, skip_build, skip_notify, rebuild_all, build_image, build_command, build_id, preview_branch)
		VALUES ($1, clock_timestamp(), $2, $3, $4::text::jsonb, $5, $6, $7, $8, $9, $10, $11, $12, $13, nullif($14, 0::bigint), $15)
		RETURNING id`,
		courseID, store.CleanText(d.Service), store.CleanText(d.Event), headers, store.CutRequestIP(d.RequestIP),
		d.Verdict, store.CleanText(d.Reason), o.SkipGit, o.SkipBuild, o.SkipNotify, o.RebuildAll,
		store.CleanText(o.BuildImage), store.CleanText(o.BuildCommand), build, store.CleanText(o.PreviewBranch)).Scan(&id)
	if err != nil {
		return 0, err
	}
	_, err = t.exec(`DELETE FROM hook_deliveries WHERE course_id = $1 AND id <= (
		SELECT id FROM hook_deliveries WHERE course_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`,
		courseID, course.KeptDeliveries)
	return id, err
}

// RecordDelivery keeps a delivery that made no build; see store.Deliveries.
func (s *Store) RecordDelivery(ctx context.Context, key string, d course.Delivery) (course.Delivery, error) {
	var out course.Delivery
	err := s.write(ctx, quick, func(t *tx) error {
		owner, err := t.lock(key)
		if err != nil {
			return err
		}
		id, err := t.deliver(owner, d, 0)
		if err != nil {
			return err
		}
		out, err = scanDelivery(t.row(selectDeliveries+"WHERE d.id = $1", id))
		return err
	})
	return out, s.wrapRow(err, "record a delivery for course %s", key)
}

// Delivery finds a delivery; see store.Deliveries.
func (s *Store) Delivery(ctx context.Context, id int64) (course.Delivery, error) {
	d, err := one(ctx, s, scanDelivery, selectDeliveries+"WHERE d.id = $1", id)
	return d, s.wrapRow(err, "delivery %d", id)
}

// ListDeliveries gives a page of a course's deliveries; see store.Deliveries.
func (s *Store) ListDeliveries(ctx context.Context, key string, p course.Page) ([]course.Delivery, error) {
	if _, err := s.Course(ctx, key); err != nil {
		return nil, err
	}
	list, err := all(ctx, s, scanDelivery, selectDeliveries+"WHERE c.key = $1 AND d.id < $2 ORDER BY d.id DESC LIMIT $3",
		key, before(p), max(p.Limit, 1))
	return list, s.wrap(err, "list deliveries of course %s", key)
}
