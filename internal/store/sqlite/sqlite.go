package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

// Options choose the database file and how it is used.
type Options struct {
	// Path is the database file. It is made, for this user only, when it does
	// not exist; its folder must exist.
	Path string
	// LogCaps bounds each build's log. Zero values mean those of
	// store.DefaultLogCaps; the least is 1 KiB.
	LogCaps store.LogCaps
	// Migrate brings an older schema up to date. Without it an older schema is
	// an error.
	Migrate bool
	// BusyTimeout is how long to wait for another process that writes; zero
	// means 10 s.
	BusyTimeout time.Duration
	// Readers is the greatest number of concurrent reads; zero means 8.
	Readers int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Store is a store.Store in a SQLite file.
type Store struct {
	path    string
	caps    store.LogCaps
	now     func() time.Time
	durable *writer // outlives power loss
	quick   *writer // outlives a crash of the process
	read    *reader

	hub        store.Hub
	looking    sync.Once
	closing    context.Context // ends with Close
	stop       context.CancelFunc
	background sync.WaitGroup
}

var _ store.Store = (*Store)(nil)

// Open opens the database file and checks that its schema is the one of this
// program. The error for a file that cannot be used names the file and the
// remedy. The caller closes the Store.
func Open(ctx context.Context, o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := createFile(o.Path); err != nil {
		return nil, err
	}
	// fdatasync(2) makes commits as durable as fsync(2), faster; where it does
	// not exist SQLite keeps to fsync.
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return nil, explain(o.Path, err)
	}
	if err := prepareSchema(ctx, o); err != nil {
		return nil, explain(o.Path, err)
	}
	s := &Store{path: o.Path, caps: o.LogCaps, now: o.Now}
	s.closing, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.connect(ctx, o); err != nil {
		return nil, errors.Join(explain(o.Path, err), s.Close())
	}
	return s, nil
}

// connect opens the two writing connections and the pool of readers.
func (s *Store) connect(ctx context.Context, o Options) error {
	turn := make(chan struct{}, 1)
	var err error
	// The quick connection checkpoints the WAL well before the durable one
	// would have to: a request should not wait for that.
	if s.durable, err = s.openWriter(ctx, o, turn, commits{"FULL", 4000}); err != nil {
		return err
	}
	if s.quick, err = s.openWriter(ctx, o, turn, commits{"NORMAL", 1000}); err != nil {
		return err
	}
	s.read, err = openReader(ctx, o)
	return err
}

func (o Options) withDefaults() (Options, error) {
	if o.Path == "" {
		return o, fmt.Errorf("no database file is given: %w", course.ErrInvalid)
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return o, fmt.Errorf("database file %s: %w", o.Path, err)
	}
	o.Path = path
	if o.LogCaps, err = o.LogCaps.WithDefaults(); err != nil {
		return o, err
	}
	if o.BusyTimeout <= 0 {
		o.BusyTimeout = 10 * time.Second
	}
	if o.Readers <= 0 {
		o.Readers = 8
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// createFile makes a missing database file readable for this user only: it
// holds webhook secrets. An existing file is not even opened here, since
// closing it would drop the locks of other connections of this process.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open database %s: its folder does not exist; create it or choose another path: %w", path, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("open database %s: this user may not write there; change the folder's owner or choose another path: %w", path, err)
	case err != nil:
		return fmt.Errorf("open database %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("open database %s: %w", path, err)
	}
	return nil
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	// Also without a course the query reads the table.
	if err := s.read.row(ctx, "SELECT 1 FROM courses UNION ALL SELECT 1 LIMIT 1").Scan(&one); err != nil {
		return explain(s.path, err)
	}
	return nil
}

// Close releases the connections, after the write in progress.
func (s *Store) Close() error {
	s.stop()
	s.background.Wait()
	return errors.Join(s.read.close(), s.quick.close(), s.durable.close())
}

// nowMicros is the present time as the database keeps it.
func (s *Store) nowMicros() int64 { return s.now().UnixMicro() }

// fromMicros is the inverse of nowMicros; 0 is the zero time.
func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// toMicros is the opposite of fromMicros.
func toMicros(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMicro()
}

// before is the id that a page's items are below.
func before(p course.Page) int64 {
	if p.Before <= 0 {
		return math.MaxInt64
	}
	return p.Before
}

// wrap names what was attempted in an error, and nil otherwise.
func (s *Store) wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), explain(s.path, err))
}

// wrapRow is wrap where a missing row means that something does not exist.
func (s *Store) wrapRow(err error, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		err = course.ErrNotFound
	}
	return s.wrap(err, format, args...)
}

// explain adds the file and, where one is known, the remedy to an error of the
// database. Other errors pass as they are.
func explain(path string, err error) error {
	if se, ok := errors.AsType[*sqlite.Error](err); ok {
		if code := se.Code() & 0xff; code == sqlitelib.SQLITE_BUSY || code == sqlitelib.SQLITE_FULL {
			err = fmt.Errorf("%w: %w", err, course.ErrUnavailable)
		}
		if remedy := remedyFor(se.Code() & 0xff); remedy != "" {
			return fmt.Errorf("database %s: %s: %w", path, remedy, err)
		}
		return fmt.Errorf("database %s: %w", path, err)
	}
	if errors.Is(err, sql.ErrConnDone) {
		return fmt.Errorf("database %s is closed: %w", path, err)
	}
	return err
}

func remedyFor(code int) string {
	switch code {
	case sqlitelib.SQLITE_NOTADB:
		return "the file is not a SQLite database; choose another path, or move the file away to begin with an empty one"
	case sqlitelib.SQLITE_CORRUPT:
		return "the file is damaged; stop the service and restore it from a backup"
	case sqlitelib.SQLITE_CANTOPEN, sqlitelib.SQLITE_PERM, sqlitelib.SQLITE_READONLY:
		return "the file or its folder cannot be written by this user; change the owner or choose another path"
	case sqlitelib.SQLITE_FULL:
		return "the disk is full; make room"
	case sqlitelib.SQLITE_IOERR:
		return "the disk reports an error; look at the system's log"
	case sqlitelib.SQLITE_BUSY:
		return "another process keeps the file locked; find it and stop it"
	}
	return ""
}
