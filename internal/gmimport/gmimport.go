// Package gmimport reads what a gitmanager service has: its database, SQLite or
// PostgreSQL, and its folders of courses. It changes nothing there and knows
// nothing of where the courses go. Start at Open and FindRelease.
package gmimport

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// Course is a row of gitmanager's table of courses. Texts that are null there
// are empty.
type Course struct {
	ID                  int64
	Key                 string
	RemoteID            *int64
	GitOrigin           string
	GitBranch           string
	UpdateHook          string
	EmailOnError        bool
	UpdateAutomatically bool
	SkipBuildFailsafes  bool
	WebhookSecret       string
}

// Update is one of a course's builds.
type Update struct {
	ID          int64
	CommitHash  string
	RequestIP   string
	RequestTime time.Time // UTC
	UpdatedTime time.Time // UTC; zero for null
	Status      string    // PENDING, RUNNING, SUCCESS, FAILED or SKIPPED
	Log         string    // as it is, perhaps not UTF-8
}

// Source is gitmanager's database. Each call sees the present state and locks
// nothing for longer, since gitmanager may run: a reader of SQLite makes writers
// wait. It is not safe for concurrent use.
type Source struct {
	db       *sql.DB
	conn     *sql.Conn
	postgres bool
}

// columns are those that are read, by table.
func columns() map[string][]string {
	return map[string][]string{
		"builder_course": {
			"id", "key", "remote_id", "git_origin", "git_branch", "update_hook", "email_on_error",
			"update_automatically", "skip_build_failsafes", "webhook_secret",
		},
		"builder_courseupdate": {"id", "course_id", "commit_hash", "request_ip", "request_time", "updated_time", "status", "log"},
	}
}

// Open opens gitmanager's database: a postgres:// address, or an SQLite file by
// its path or as sqlite:///path. Errors hold no password.
func Open(ctx context.Context, from string) (*Source, error) {
	s, err := connect(ctx, from)
	if err != nil {
		return nil, err
	}
	if err := s.check(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func connect(ctx context.Context, from string) (*Source, error) {
	s := &Source{postgres: strings.HasPrefix(from, "postgres://") || strings.HasPrefix(from, "postgresql://")}
	driver, address := "pgx", from
	if !s.postgres {
		path := strings.TrimPrefix(strings.TrimPrefix(from, "sqlite://"), "sqlite:")
		if path == "" || strings.Contains(path, "://") {
			return nil, errors.New("gitmanager's database is an SQLite file or postgres://user:password@host/name")
		}
		if info, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("gitmanager's SQLite file: %w", err)
		} else if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("gitmanager's SQLite file: %s is not a file", path)
		}
		full, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		u := url.URL{Scheme: "file", Path: full, RawQuery: "mode=ro&_pragma=busy_timeout(10000)"}
		driver, address = "sqlite", u.String()
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		return nil, fmt.Errorf("gitmanager's database: %w", err)
	}
	s.db = db
	if s.conn, err = db.Conn(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("gitmanager's database: %w", err), db.Close())
	}
	return s, nil
}

// check refuses what is not gitmanager's database, or an old one.
func (s *Source) check(ctx context.Context) error {
	if s.postgres {
		if _, err := s.conn.ExecContext(ctx, "SET SESSION TIME ZONE 'UTC'; SET SESSION default_transaction_read_only = on"); err != nil {
			return fmt.Errorf("gitmanager's database: %w", err)
		}
	}
	for table, want := range columns() {
		have, err := s.columnsOf(ctx, table)
		if err != nil {
			return fmt.Errorf("this is not gitmanager's database, or its table %s cannot be read: %w", table, err)
		}
		for _, c := range want {
			if !slices.Contains(have, c) {
				return fmt.Errorf("gitmanager's table %s has no column %s; bring gitmanager up to date and run its migrate command first", table, c)
			}
		}
	}
	return nil
}

func (s *Source) columnsOf(ctx context.Context, table string) (names []string, err error) {
	rows, err := s.conn.QueryContext(ctx, "SELECT * FROM "+table+" LIMIT 0") //nolint:gosec // a constant
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	names, err = rows.Columns()
	return names, errors.Join(err, rows.Err())
}

// Close ends the reading.
func (s *Source) Close() error {
	err := s.conn.Close()
	if errors.Is(err, sql.ErrConnDone) {
		err = nil
	}
	return errors.Join(err, s.db.Close())
}

// Courses gives all courses, by id.
func (s *Source) Courses(ctx context.Context) (out []Course, err error) {
	rows, err := s.conn.QueryContext(ctx, `SELECT id, key, remote_id, coalesce(git_origin, ''), coalesce(git_branch, ''),
			coalesce(update_hook, ''), CAST(email_on_error AS INTEGER), CAST(update_automatically AS INTEGER),
			CAST(skip_build_failsafes AS INTEGER), coalesce(webhook_secret, '')
		FROM builder_course ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("gitmanager's courses: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c Course
		var mail, automatic, skip int64
		if err := rows.Scan(&c.ID, &c.Key, &c.RemoteID, &c.GitOrigin, &c.GitBranch, &c.UpdateHook,
			&mail, &automatic, &skip, &c.WebhookSecret); err != nil {
			return nil, fmt.Errorf("gitmanager's courses: %w", err)
		}
		c.EmailOnError, c.UpdateAutomatically, c.SkipBuildFailsafes = mail != 0, automatic != 0, skip != 0
		out = append(out, c)
	}
	return out, rows.Err()
}

// Updates gives the updates of a course with their logs, oldest first.
func (s *Source) Updates(ctx context.Context, courseID int64) (out []Update, err error) {
	moment, text := "coalesce(CAST(%s AS TEXT), '')", "CAST(log AS BLOB)" // else the driver reads times and texts
	if s.postgres {
		moment, text = "coalesce(to_char(%s, 'YYYY-MM-DD HH24:MI:SS.US'), '')", "log"
	}
	query := fmt.Sprintf(`SELECT id, coalesce(commit_hash, ''), coalesce(request_ip, ''), `+moment+", "+moment+`, status, `+text+`
		FROM builder_courseupdate WHERE course_id = %d ORDER BY request_time, id`, "request_time", "updated_time", courseID)
	rows, err := s.conn.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("gitmanager's updates: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var u Update
		var requested, updated string
		var log []byte
		if err := rows.Scan(&u.ID, &u.CommitHash, &u.RequestIP, &requested, &updated, &u.Status, &log); err != nil {
			return nil, fmt.Errorf("gitmanager's updates: %w", err)
		}
		u.Log = string(log)
		if u.RequestTime, err = parseTime(requested); err != nil {
			return nil, fmt.Errorf("request_time of gitmanager's update %d: %w", u.ID, err)
		}
		if u.UpdatedTime, err = parseTime(updated); err != nil {
			return nil, fmt.Errorf("updated_time of gitmanager's update %d: %w", u.ID, err)
		}
		out = append(out, u)
	}
	return out, rows.Err()
}

// parseTime reads a time as Django writes it. One without an offset is UTC.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	text = strings.Replace(text, "T", " ", 1)
	for _, layout := range []string{"2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-01-31 12:00:00.000000", text)
}
