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
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema of the database file up to date, creating the file
// if need be, and returns the schema's versions before and after. It waits for
// another process that does the same. A schema that is newer than this program
// knows is an error and is left alone.
func Migrate(ctx context.Context, path string) (from, to int64, err error) {
	o, err := Options{Path: path}.withDefaults()
	if err != nil {
		return 0, 0, err
	}
	if err := createFile(o.Path); err != nil {
		return 0, 0, err
	}
	from, to, err = migrate(ctx, o)
	return from, to, explain(o.Path, err)
}

// prepareSchema migrates if the options say so, and otherwise only checks.
func prepareSchema(ctx context.Context, o Options) error {
	if o.Migrate {
		_, _, err := migrate(ctx, o)
		return err
	}
	return withSchema(o, func(p *goose.Provider) error {
		current, target, err := versions(ctx, p, o.Path)
		if err != nil {
			return err
		}
		if current < target {
			return fmt.Errorf("database %s has schema %d, this program needs %d; run the migrate command first", o.Path, current, target)
		}
		return nil
	})
}

func migrate(ctx context.Context, o Options) (from, to int64, err error) {
	unlock, err := lockFolder(filepath.Dir(o.Path))
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	err = withSchema(o, func(p *goose.Provider) error {
		if from, to, err = versions(ctx, p, o.Path); err != nil {
			return err
		}
		_, err := p.Up(ctx)
		return err
	})
	return from, to, err
}

// withSchema calls fn with the migrations on a connection of their own.
func withSchema(o Options, fn func(p *goose.Provider) error) (err error) {
	db, err := sql.Open("sqlite", dataSource(o, "journal_mode(WAL)", "synchronous(FULL)"))
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
	return fn(p)
}

// versions gives the schema's present version and this program's, and an error
// when the present one is the greater.
func versions(ctx context.Context, p *goose.Provider, path string) (current, target int64, err error) {
	current, target, err = p.GetVersions(ctx)
	if err != nil {
		return 0, 0, err
	}
	if current > target {
		return 0, 0, fmt.Errorf("database %s has schema %d, newer than the %d of this program; install a newer program or restore an older database", path, current, target)
	}
	return current, target, nil
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
