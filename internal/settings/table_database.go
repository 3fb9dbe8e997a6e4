package settings

import "time"

// DatabaseUse says how a PostgreSQL database is used.
type DatabaseUse struct {
	Migrate          bool // the service itself brings the schema up to date
	PoolSize         int  // connections of one process
	ConnectTimeout   time.Duration
	StatementTimeout time.Duration
	LockTimeout      time.Duration
}

func databaseRows() []row {
	return []row{
		define(databases(), func(s *Settings) *Database { return &s.Database }, Setting{
			Name: "DATABASE_URL", Default: "sqlite:$DATA/coursewright.db", Secret: true, File: true,
			Doc: "Database: a SQLite file, or PostgreSQL 15 or newer when processes of several hosts share it. PostgreSQL's addresses take libpq's parameters, such as `?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem` for TLS; several hosts may be given, with `target_session_attrs=read-write`.",
		}),
		define(bools(), func(s *Settings) *bool { return &s.DatabaseUse.Migrate }, Setting{
			Name: "DATABASE_MIGRATE", Default: "false",
			Doc: "Bring an older schema up to date at the start, instead of refusing to start until `coursewright migrate` was run. `coursewright dev` always does.",
		}),
		define(ints(2, 1000), func(s *Settings) *int { return &s.DatabaseUse.PoolSize }, Setting{
			Name: "DATABASE_POOL_SIZE", Default: "10",
			Doc: "Connections to PostgreSQL that one process holds at most, besides one that listens for changes. All processes together need less than the server's max_connections.",
		}),
		define(durations(100*time.Millisecond, time.Minute), func(s *Settings) *time.Duration { return &s.DatabaseUse.ConnectTimeout }, Setting{
			Name: "DATABASE_CONNECT_TIMEOUT", Default: "5s",
			Doc: "How long one attempt to connect to PostgreSQL may take.",
		}),
		define(durations(time.Second, time.Hour), func(s *Settings) *time.Duration { return &s.DatabaseUse.StatementTimeout }, Setting{
			Name: "DATABASE_STATEMENT_TIMEOUT", Default: "30s",
			Doc: "PostgreSQL ends a statement that takes longer.",
		}),
		define(durations(100*time.Millisecond, time.Hour), func(s *Settings) *time.Duration { return &s.DatabaseUse.LockTimeout }, Setting{
			Name: "DATABASE_LOCK_TIMEOUT", Default: "10s",
			Doc: "PostgreSQL ends a statement that waits longer for a lock of another transaction.",
		}),
	}
}
