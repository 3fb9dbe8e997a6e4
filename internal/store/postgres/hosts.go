package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

const selectHosts = `SELECT id, name, version, started_at, seen_at, slots, running, waiting, load,
	disk_free, disk_total, trouble, drain,
	(SELECT count(*) FROM builds b WHERE b.status = 'RUNNING' AND b.host = hosts.id), extract(epoch FROM clock_timestamp() - seen_at)::double precision FROM hosts `

func scanHost(row pgx.Row) (course.Host, error) {
	var h course.Host
	var drain bool
	var silent float64
	err := row.Scan(&h.ID, &h.Name, &h.Version, moment{&h.StartedAt}, moment{&h.SeenAt}, &h.Slots, &h.Running, &h.Waiting, &h.Load,
		&h.DiskFree, &h.DiskTotal, &h.Trouble, &drain, &h.Builds, &silent)
	h.Silent = max(0, time.Duration(silent*float64(time.Second)))
	h.State = store.HostState(drain, h.Trouble)
	return h, err
}

// ReportHost records a host's heartbeat; see store.Hosts.
func (s *Store) ReportHost(ctx context.Context, r course.HostReport) (course.HostOrders, error) {
	var out course.HostOrders
	if r.ID == "" {
		return out, fmt.Errorf("report of a host without id: %w", course.ErrInvalid)
	}
	err := s.write(ctx, quick, func(t *tx) error {
		return t.row(`INSERT INTO hosts (id, name, version, started_at, seen_at, slots, running, waiting, load,
				disk_free, disk_total, trouble)
			VALUES ($1, $2, $3, $4, clock_timestamp(), $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version,
				started_at = excluded.started_at, seen_at = excluded.seen_at, slots = excluded.slots,
				running = excluded.running, waiting = excluded.waiting, load = excluded.load,
				disk_free = excluded.disk_free, disk_total = excluded.disk_total, trouble = excluded.trouble
			RETURNING drain, resumes`,
			r.ID, store.CleanText(r.Name), store.CleanText(r.Version), orNull(r.StartedAt),
			r.Slots, r.Running, r.Waiting, r.Load, r.DiskFree, r.DiskTotal, store.CleanText(r.Trouble),
		).Scan(&out.Drain, &out.Resumes)
	})
	return out, s.wrap(err, "report of host %s", r.ID)
}

// Host finds a build host; see store.Hosts.
func (s *Store) Host(ctx context.Context, id string) (course.Host, error) {
	h, err := one(ctx, s, scanHost, selectHosts+"WHERE id = $1", id)
	return h, s.wrapRow(err, "host %s", id)
}

// ListHosts lists all build hosts; see store.Hosts.
func (s *Store) ListHosts(ctx context.Context) ([]course.Host, error) {
	list, err := all(ctx, s, scanHost, selectHosts+`ORDER BY name COLLATE "C", id COLLATE "C"`)
	return list, s.wrap(err, "list hosts")
}

// DrainHost wants no new builds on a host; see store.Hosts.
func (s *Store) DrainHost(ctx context.Context, id string) error {
	return s.wrapRow(s.changeHost(ctx, id, "UPDATE hosts SET drain = true WHERE id = $1"), "drain host %s", id)
}

// ResumeHost lets a host take builds again; see store.Hosts.
func (s *Store) ResumeHost(ctx context.Context, id string) error {
	err := s.changeHost(ctx, id, "UPDATE hosts SET drain = false, trouble = '', resumes = resumes + 1 WHERE id = $1")
	return s.wrapRow(err, "resume host %s", id)
}

// changeHost runs a statement that changes the row of one host.
func (s *Store) changeHost(ctx context.Context, id, query string) error {
	return s.write(ctx, durable, func(t *tx) error {
		n, err := t.exec(query, id)
		if err == nil && n == 0 {
			err = course.ErrNotFound
		}
		return err
	})
}

// ForgetHost deletes the row of a host that is gone; see store.Hosts.
func (s *Store) ForgetHost(ctx context.Context, id string, silent time.Duration) error {
	err := s.write(ctx, quick, func(t *tx) error {
		h, err := scanHost(t.row(selectHosts+"WHERE id = $1 FOR UPDATE", id))
		if err != nil {
			return err
		}
		if h.Silent < silent {
			return fmt.Errorf("it was heard of %s ago: %w", h.Silent.Round(time.Second), course.ErrConflict)
		}
		_, err = t.exec("DELETE FROM hosts WHERE id = $1", id)
		return err
	})
	return s.wrapRow(err, "forget host %s", id)
}
