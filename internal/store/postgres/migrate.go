package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"coursewright/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// oldestServer is the oldest version of PostgreSQL that the tests run on.
	oldestServer = 150000
	// migrationLock is the advisory lock under which schemas are changed.
	migrationLock = 0x636f757273657772
)

// Migrate brings the schema up to date and tells what that was. It waits for
// another process that does the same. A schema that is newer than this program
// knows is an error and is left alone.
func Migrate(ctx context.Context, o Options) (store.Migration, error) {
	return inspect(ctx, o, true)
}

// PlanMigration tells what Migrate would do and changes nothing.
func PlanMigration(ctx context.Context, o Options) (store.Migration, error) {
	return inspect(ctx, o, false)
}

func inspect(ctx context.Context, o Options, change bool) (store.Migration, error) {
	var m store.Migration
	o, err := o.withDefaults()
	if err != nil {
		return m, err
	}
	config, err := o.pool()
	if err != nil {
		return m, err
	}
	err = withSchema(ctx, config.ConnConfig, func(c *sql.Conn, p *goose.Provider) error {
		if change {
			m, err = migrate(ctx, c, p)
		} else {
			m, err = plan(ctx, c, p)
		}
		return err
	})
	return m, ofSchema(config.ConnConfig, err)
}

// ofSchema names the database in an error of preparing its schema.
func ofSchema(c *pgx.ConnConfig, err error) error {
	if err == nil || codeOf(err) != "" || isLost(err) {
		return explain(placeOf(c), err)
	}
	return fmt.Errorf("database %s: %w", placeOf(c), err)
}

// prepareSchema migrates if the options say so, and otherwise only checks.
func prepareSchema(ctx context.Context, o Options) error {
	config, err := o.pool()
	if err != nil {
		return err
	}
	err = withSchema(ctx, config.ConnConfig, func(c *sql.Conn, p *goose.Provider) error {
		if o.Migrate {
			_, err := migrate(ctx, c, p)
			return err
		}
		m, err := plan(ctx, c, p)
		if err == nil {
			err = m.Check()
		}
		return err
	})
	return ofSchema(config.ConnConfig, err)
}

// migrate brings the schema up to date under the lock.
func migrate(ctx context.Context, c *sql.Conn, p *goose.Provider) (m store.Migration, err error) {
	if _, err := c.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return m, err
	}
	defer func() {
		_, unlocking := c.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(migrationLock))
		err = errors.Join(err, unlocking)
	}()
	if m, err = plan(ctx, c, p); err != nil || len(m.Steps) == 0 {
		return m, err
	}
	_, err = p.Up(ctx)
	return m, err
}

// plan compares the schema with this program. It only reads.
func plan(ctx context.Context, c *sql.Conn, p *goose.Provider) (store.Migration, error) {
	var m store.Migration
	var there bool
	// In the first schema of the search path, where tables would be made.
	const table = "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'goose_db_version')"
	if err := c.QueryRowContext(ctx, table).Scan(&there); err != nil {
		return m, err
	}
	if there {
		err := c.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&m.From)
		if err != nil {
			return m, err
		}
	}
	for _, source := range p.ListSources() {
		m.Add(source.Version, source.Path)
	}
	return m, m.CheckNewer()
}

// withSchema calls fn with the migrations and a connection. Statements of a
// migration may take as long as they need.
func withSchema(ctx context.Context, config *pgx.ConnConfig, fn func(c *sql.Conn, p *goose.Provider) error) (err error) {
	config = config.Copy()
	for _, name := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		config.RuntimeParams[name] = "0"
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := checkServer(ctx, c); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	return fn(c, p)
}

// checkServer refuses what the store cannot work with.
func checkServer(ctx context.Context, c *sql.Conn) error {
	var version int
	var name, encoding string
	err := c.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'),
		current_setting('server_encoding')`).Scan(&version, &name, &encoding)
	switch {
	case err != nil:
		return err
	case version < oldestServer:
		return fmt.Errorf("the server is PostgreSQL %s; version 15 or newer is needed", name)
	case encoding != "UTF8":
		return fmt.Errorf("the database has encoding %s; make one with encoding UTF8: createdb --encoding=UTF8 --template=template0 NAME", encoding)
	}
	return nil
}
