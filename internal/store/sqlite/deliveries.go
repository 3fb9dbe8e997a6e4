package sqlite

import (
	"context"
	"fmt"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

const selectDeliveries = `SELECT d.id, d.course_id, c.key, d.received_at, d.service, d.event, d.headers, d.request_ip,
	d.verdict, d.reason, d.skip_git, d.skip_build, d.skip_notify, d.rebuild_all, d.build_image, d.build_command,
	COALESCE(d.build_id, 0), d.preview_branch FROM hook_deliveries d JOIN courses c ON c.id = d.course_id `

func scanDelivery(row rowScanner) (course.Delivery, error) {
	var d course.Delivery
	var received int64
	var headers string
	o := &d.Options
	err := row.Scan(&d.ID, &d.CourseID, &d.CourseKey, &received, &d.Service, &d.Event, &headers, &d.RequestIP,
		&d.Verdict, &d.Reason, &o.SkipGit, &o.SkipBuild, &o.SkipNotify, &o.RebuildAll, &o.BuildImage, &o.BuildCommand,
		&d.BuildID, &o.PreviewBranch)
	if err != nil {
		return d, err
	}
	d.ReceivedAt = fromMicros(received)
	if d.Headers, err = store.DecodeHeaders(headers); err != nil {
		return d, fmt.Errorf("headers of delivery %d: %w", d.ID, err)
	}
	return d, nil
}

// deliver records a delivery and forgets those that are too old to keep. build
// is the build that it made, 0 for none.
func (t *tx) deliver(key string, d course.Delivery, build, now int64) (int64, error) {
	headers, err := store.EncodeHeaders(d.Headers)
	if err != nil {
		return 0, err
	}
	o := d.Options
	var id, owner int64
	err = t.row(`INSERT INTO hook_deliveries (course_id, received_at, service, event, headers, request_ip, verdict, reason,
			skip_git, skip_build, skip_notify, rebuild_all, build_image, build_command, preview_branch, build_id)
		SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULLIF(?, 0) FROM courses WHERE key = ? RETURNING id, course_id`,
		now, store.CleanText(d.Service), store.CleanText(d.Event), headers, store.CutRequestIP(d.RequestIP),
		d.Verdict, store.CleanText(d.Reason), o.SkipGit, o.SkipBuild, o.SkipNotify, o.RebuildAll,
		store.CleanText(o.BuildImage), store.CleanText(o.BuildCommand), store.CleanText(o.PreviewBranch), build, key).Scan(&id, &owner)
	if err != nil {
		return 0, err
	}
	_, err = t.exec(`DELETE FROM hook_deliveries WHERE course_id = ? AND id <= (
		SELECT id FROM hook_deliveries WHERE course_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?)`,
		owner, owner, course.KeptDeliveries)
	return id, err
}

// RecordDelivery keeps a delivery that made no build; see store.Deliveries.
func (s *Store) RecordDelivery(ctx context.Context, key string, d course.Delivery) (course.Delivery, error) {
	var out course.Delivery
	err := s.quick.tx(ctx, func(t *tx) error {
		id, err := t.deliver(key, d, 0, s.nowMicros())
		if err != nil {
			return err
		}
		out, err = scanDelivery(t.row(selectDeliveries+"WHERE d.id = ?", id))
		return err
	})
	return out, s.wrapRow(err, "record a delivery for course %s", key)
}

// Delivery finds a delivery; see store.Deliveries.
func (s *Store) Delivery(ctx context.Context, id int64) (course.Delivery, error) {
	d, err := scanDelivery(s.read.row(ctx, selectDeliveries+"WHERE d.id = ?", id))
	return d, s.wrapRow(err, "delivery %d", id)
}

// ListDeliveries gives a page of a course's deliveries; see store.Deliveries.
func (s *Store) ListDeliveries(ctx context.Context, key string, p course.Page) ([]course.Delivery, error) {
	if _, err := s.Course(ctx, key); err != nil {
		return nil, err
	}
	var out []course.Delivery
	err := s.read.rows(ctx, func(row rowScanner) error {
		d, err := scanDelivery(row)
		out = append(out, d)
		return err
	}, selectDeliveries+"WHERE c.key = ? AND d.id < ? ORDER BY d.id DESC LIMIT ?", key, before(p), max(p.Limit, 1))
	if err != nil {
		return nil, s.wrap(err, "list deliveries of course %s", key)
	}
	return out, nil
}
