package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"coursewright/internal/settings"
	"coursewright/internal/store"
	"coursewright/internal/store/postgres"
	"coursewright/internal/store/sqlite"
)

// driverPostgres is the settings' word for PostgreSQL.
const driverPostgres = "postgres"

func (y *system) openStore(ctx context.Context) error {
	migrate := y.role.dev || y.settings.DatabaseUse.Migrate
	st, err := openDatabase(ctx, y.settings, y.role.String(), migrate)
	if err != nil {
		return fmt.Errorf("%w (setting DATABASE_URL)", err)
	}
	y.store = y.traced(st)
	if measured, ok := st.(interface {
		Register(reg prometheus.Registerer) error
	}); ok {
		if err := measured.Register(y.registry); err != nil {
			return errors.Join(err, st.Close())
		}
	}
	y.cleanup.add("database", st.Close)
	return nil
}

// openDatabase opens the database that the settings name. The process is known
// to the server by its name.
func openDatabase(ctx context.Context, s settings.Settings, name string, migrate bool) (store.Store, error) {
	if s.Database.Driver == driverPostgres {
		o := postgresOptions(s)
		o.ApplicationName, o.Migrate = "coursewright "+name, migrate
		return postgres.Open(ctx, o)
	}
	if err := makeDatabaseFolder(s); err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, sqlite.Options{Path: s.Database.Path, Migrate: migrate, LogCaps: logCaps(s)})
}

// logCaps divides what is kept of a log.
func logCaps(s settings.Settings) store.LogCaps {
	return store.LogCaps{Head: s.KeepLog / 2, Tail: s.KeepLog / 2}
}

func postgresOptions(s settings.Settings) postgres.Options {
	return postgres.Options{
		URL:              s.Database.URL.Reveal(),
		MaxConns:         s.DatabaseUse.PoolSize,
		ConnectTimeout:   s.DatabaseUse.ConnectTimeout,
		StatementTimeout: s.DatabaseUse.StatementTimeout,
		LockTimeout:      s.DatabaseUse.LockTimeout,
		LogCaps:          logCaps(s),
	}
}

func makeDatabaseFolder(s settings.Settings) error {
	if err := os.MkdirAll(filepath.Dir(s.Database.Path), 0o755); err != nil {
		return fmt.Errorf("folder of the database: %w", err)
	}
	return nil
}

// migrateDatabase brings the schema of the database up to date, or only looks,
// and tells what it did.
func migrateDatabase(ctx context.Context, s settings.Settings, dryRun bool, out io.Writer) error {
	m, err := changeSchema(ctx, s, dryRun)
	if err != nil {
		return fmt.Errorf("%w (setting DATABASE_URL)", err)
	}
	switch {
	case len(m.Steps) == 0:
		fmt.Fprintf(out, "database: schema %d, nothing to do\n", m.From)
	case dryRun:
		fmt.Fprintf(out, "database: schema %d would become %d by %s\n", m.From, m.To, strings.Join(m.Steps, ", "))
	default:
		fmt.Fprintf(out, "database: schema %d became %d by %s\n", m.From, m.To, strings.Join(m.Steps, ", "))
	}
	return nil
}

func changeSchema(ctx context.Context, s settings.Settings, dryRun bool) (store.Migration, error) {
	switch {
	case s.Database.Driver == driverPostgres && dryRun:
		return postgres.PlanMigration(ctx, postgresOptions(s))
	case s.Database.Driver == driverPostgres:
		return postgres.Migrate(ctx, postgresOptions(s))
	case dryRun:
		return sqlite.PlanMigration(ctx, s.Database.Path)
	}
	if err := makeDatabaseFolder(s); err != nil {
		return store.Migration{}, err
	}
	return sqlite.Migrate(ctx, s.Database.Path)
}
