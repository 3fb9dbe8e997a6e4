package postgres

import (
	"context"
	"fmt"
	"math"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// Options choose the database and how it is used. Zero durations and counts
// mean the defaults.
type Options struct {
	// URL is the address, postgres://USER:PASSWORD@HOST/DATABASE?sslmode=…; all
	// of libpq's parameters and environment variables are understood.
	URL string
	// LogCaps bounds each build's log. Zero values mean those of
	// store.DefaultLogCaps.
	LogCaps store.LogCaps
	// Migrate brings an older schema up to date. Without it an older schema is
	// an error.
	Migrate bool
	// ApplicationName is shown in pg_stat_activity when the URL gives none;
	// empty means coursewright.
	ApplicationName string
	// MaxConns is the greatest number of connections, besides one that listens
	// for changes; 10 by default.
	MaxConns int
	// ConnectTimeout bounds one attempt to connect, 5 s by default.
	ConnectTimeout time.Duration
	// StatementTimeout bounds each statement, 30 s by default.
	StatementTimeout time.Duration
	// LockTimeout bounds the wait for locks of other transactions, 10 s by
	// default.
	LockTimeout time.Duration
}

// Store is a store.Store in a PostgreSQL database.
type Store struct {
	pool  *pgxpool.Pool
	caps  store.LogCaps
	limit time.Duration // for one transaction, the wait for a connection apart
	place string        // names the database in errors

	hub        store.Hub
	listening  sync.Once
	closing    context.Context // ends with Close
	stop       context.CancelFunc
	background sync.WaitGroup
}

var _ store.Store = (*Store)(nil)

// Open connects and checks that the schema is the one of this program. Errors
// name the database, never its password, and the remedy where one is known. The
// caller closes the Store.
func Open(ctx context.Context, o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	config, err := o.pool()
	if err != nil {
		return nil, err
	}
	place := placeOf(config.ConnConfig)
	if err := prepareSchema(ctx, o); err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, explain(place, err)
	}
	s := &Store{pool: pool, caps: o.LogCaps, limit: o.StatementTimeout + o.LockTimeout, place: place}
	s.closing, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	return s, nil
}

func (o Options) withDefaults() (Options, error) {
	var err error
	if o.LogCaps, err = o.LogCaps.WithDefaults(); err != nil {
		return o, err
	}
	if o.ApplicationName == "" {
		o.ApplicationName = "coursewright"
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 10
	}
	for _, d := range []struct {
		to    *time.Duration
		value time.Duration
	}{{&o.ConnectTimeout, 5 * time.Second}, {&o.StatementTimeout, 30 * time.Second}, {&o.LockTimeout, 10 * time.Second}} {
		if *d.to <= 0 {
			*d.to = d.value
		}
	}
	return o, nil
}

// pool is the configuration of the pool. What the URL says comes first.
func (o Options) pool() (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("address of the database: %w: %w", err, course.ErrInvalid)
	}
	c.MaxConns = int32(min(o.MaxConns, math.MaxInt32))
	c.MaxConnIdleTime = 5 * time.Minute
	c.MaxConnLifetime = time.Hour
	c.MaxConnLifetimeJitter = 5 * time.Minute
	c.PingTimeout = o.ConnectTimeout
	c.AfterConnect = noteLife
	o.connection(c.ConnConfig)
	return c, nil
}

// connection completes the configuration of a connection.
func (o Options) connection(c *pgx.ConnConfig) {
	c.ConnectTimeout = o.ConnectTimeout
	// A server that is gone without a word is noticed by the kernel.
	dialer := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}
	c.DialFunc = dialer.DialContext
	for name, value := range map[string]string{
		"application_name":  o.ApplicationName,
		"statement_timeout": milliseconds(o.StatementTimeout),
		"lock_timeout":      milliseconds(o.LockTimeout),
		// A process that stops in the middle of a transaction does not keep
		// its locks for ever.
		"idle_in_transaction_session_timeout": milliseconds(o.StatementTimeout),
	} {
		if _, given := c.RuntimeParams[name]; !given {
			c.RuntimeParams[name] = value
		}
	}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(max(1, d.Milliseconds()), 10) }

// placeOf names a database in errors, without the password.
func placeOf(c *pgx.ConnConfig) string {
	host := c.Host
	if len(host) == 0 || host[0] != '/' {
		host = net.JoinHostPort(host, strconv.Itoa(int(c.Port)))
	}
	return c.Database + " at " + host
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	var there bool
	// Also without a course the query reads the table.
	err := s.pool.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM courses)").Scan(&there)
	return explain(s.place, err)
}

// Close releases the connections, after the work in progress.
func (s *Store) Close() error {
	s.stop()
	s.background.Wait()
	s.pool.Close()
	return nil
}

// before is the id that a page's items are below.
func before(p course.Page) int64 {
	if p.Before <= 0 {
		return math.MaxInt64
	}
	return p.Before
}

// moment scans a time that may be missing, and nothing else.
type moment struct{ to *time.Time }

// Scan takes a time of the database.
func (m moment) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*m.to = time.Time{}
	case time.Time:
		*m.to = v.UTC()
	default:
		return fmt.Errorf("a time is a %T", src)
	}
	return nil
}

// orNull is a time as an argument: the zero time is NULL.
func orNull(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
