package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
	"golang.org/x/sys/unix"

	"coursewright/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema of the database file up to date, creating the file
// if need be, and tells what that was. It waits for another process that does
// the same. A schema that is newer than this program knows is an error and is
// left alone.
func Migrate(ctx context.Context, path string) (store.Migration, error) {
	var m store.Migration
	o, err := Options{Path: path}.withDefaults()
	if err != nil {
		return m, err
	}
	if err := createFile(o.Path); err != nil {
		return m, err
	}
	m, err = migrate(ctx, o)
	return m, explain(o.Path, err)
}

// PlanMigration tells what Migrate would do and changes nothing, neither in the
// file nor by making it.
func PlanMigration(ctx context.Context, path string) (store.Migration, error) {
	var m store.Migration
	o, err := Options{Path: path}.withDefaults()
	if err != nil {
		return m, err
	}
	_, err = os.Stat(o.Path)
	if errors.Is(err, fs.ErrNotExist) {
		empty := o
		empty.Path = ":memory:"
		err = withSchema(empty, func(_ *sql.DB, p *goose.Provider) error {
			m = planFrom(0, p)
			return nil
		})
		return m, err
	}
	if err != nil {
		return m, fmt.Errorf("database %s: %w", o.Path, err)
	}
	err = withSchema(o, func(db *sql.DB, p *goose.Provider) error {
		m, err = plan(ctx, db, p, o.Path)
		return err
	}, "query_only(1)")
	return m, explain(o.Path, err)
}

// prepareSchema migrates if the options say so, and otherwise only checks.
func prepareSchema(ctx context.Context, o Options) error {
	if o.Migrate {
		_, err := migrate(ctx, o)
		return err
	}
	return withSchema(o, func(db *sql.DB, p *goose.Provider) error {
		m, err := plan(ctx, db, p, o.Path)
		if err != nil {
			return err
		}
		return inFile(o.Path, m.Check())
	}, schemaPragmas()...)
}

func migrate(ctx context.Context, o Options) (m store.Migration, err error) {
	unlock, err := lockFolder(filepath.Dir(o.Path))
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	err = withSchema(o, func(db *sql.DB, p *goose.Provider) error {
		if m, err = plan(ctx, db, p, o.Path); err != nil || len(m.Steps) == 0 {
			return err
		}
		_, err := p.Up(ctx)
		return err
	}, schemaPragmas()...)
	return m, err
}

func schemaPragmas() []string { return []string{"journal_mode(WAL)", "synchronous(FULL)"} }

// plan compares the schema with this program. It only reads.
func plan(ctx context.Context, db *sql.DB, p *goose.Provider, path string) (store.Migration, error) {
	var there bool
	var from int64
	err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'goose_db_version')").Scan(&there)
	if err == nil && there {
		err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&from)
	}
	if err != nil {
		return store.Migration{}, err
	}
	m := planFrom(from, p)
	return m, inFile(path, m.CheckNewer())
}

// planFrom lists the migrations from a version on.
func planFrom(from int64, p *goose.Provider) store.Migration {
	m := store.Migration{From: from}
	for _, source := range p.ListSources() {
		m.Add(source.Version, source.Path)
	}
	return m
}

// inFile names the database file in an error about its schema.
func inFile(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("database %s: %w", path, err)
}

// withSchema calls fn with the migrations and a connection pool of their own,
// whose connections run the pragmas.
func withSchema(o Options, fn func(db *sql.DB, p *goose.Provider) error, pragmas ...string) (err error) {
	db, err := sql.Open("sqlite", dataSource(o, pragmas...))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	return fn(db, p)
}

// lockFolder keeps other processes from migrating at the same time. The lock is
// on the folder and not on the database, whose own locks SQLite would lose when
// a second descriptor of the file is closed.
func lockFolder(dir string) (unlock func() error, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock folder %s: %w", dir, err), f.Close())
	}
	return f.Close, nil
}
