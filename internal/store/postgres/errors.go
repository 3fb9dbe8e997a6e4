package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"coursewright/internal/course"
)

// PostgreSQL's codes of errors (appendix A of its manual) that mean something
// here.
const (
	codeSerialization   = "40001"
	codeDeadlock        = "40P01"
	codeUnique          = "23505"
	codeLockTimeout     = "55P03"
	codeCanceled        = "57014" // by the statement time-out
	codeIdleTimeout     = "25P03"
	codeReadOnly        = "25006"
	codeBadCharacter    = "22021"
	codeInvalidValue    = "22023"
	codeBadEscape       = "22P05"
	codeDiskFull        = "53100"
	codeTooManyClients  = "53300"
	codeNoDatabase      = "3D000"
	codeBadPassword     = "28P01"
	codeNotAllowed      = "28000"
	codeNoPrivilege     = "42501"
	codeUndefinedTable  = "42P01"
	codeUndefinedColumn = "42703"
	classConnection     = "08"
	classShutdown       = "57P" // the server stops, starts or has crashed
)

// wrap names what was attempted in an error, and nil otherwise.
func (s *Store) wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), explain(s.place, err))
}

// wrapRow is wrap where a missing row means that something does not exist. A
// text that no row can have names nothing either.
func (s *Store) wrapRow(err error, format string, args ...any) error {
	if code := codeOf(err); errors.Is(err, pgx.ErrNoRows) || code == codeBadCharacter || code == codeBadEscape {
		err = course.ErrNotFound
	}
	return s.wrap(err, format, args...)
}

// codeOf gives PostgreSQL's code of an error, empty for other errors.
func codeOf(err error) string {
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pe.Code
	}
	return ""
}

// explain adds the database and, where one is known, the remedy to an error of
// the database. What may pass by itself is of kind course.ErrUnavailable. Other
// errors pass as they are.
func explain(place string, err error) error {
	if err == nil {
		return nil
	}
	code := codeOf(err)
	if remedy := remedyFor(code); remedy != "" {
		err = fmt.Errorf("%s: %w", remedy, err)
	}
	switch {
	case errors.Is(err, puddle.ErrClosedPool):
		return fmt.Errorf("database %s is closed: %w", place, err)
	case isAway(code) || isLost(err):
		return fmt.Errorf("database %s: %w: %w", place, err, course.ErrUnavailable)
	case code != "":
		return fmt.Errorf("database %s: %w", place, err)
	}
	return err
}

// isAway says whether an error of the server may pass by itself.
func isAway(code string) bool {
	switch code {
	case codeSerialization, codeDeadlock, codeLockTimeout, codeCanceled, codeIdleTimeout, codeReadOnly, codeDiskFull, codeTooManyClients:
		return true
	}
	return strings.HasPrefix(code, classConnection) || strings.HasPrefix(code, classShutdown)
}

// isLost says whether an error is of the connection, or of the attempt to make
// one, and not of what was asked.
func isLost(err error) bool {
	if _, ok := errors.AsType[*connectionLost](err); ok {
		return true
	}
	if ce, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		code := codeOf(ce)
		return code == "" || isAway(code)
	}
	_, network := errors.AsType[net.Error](err)
	return network && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// connectionLost is the error of work whose connection broke.
type connectionLost struct{ cause error }

func (e *connectionLost) Error() string { return "the connection broke: " + e.cause.Error() }
func (e *connectionLost) Unwrap() error { return e.cause }

func remedyFor(code string) string {
	switch code {
	case codeLockTimeout:
		return "another transaction keeps what is needed locked; look for it in pg_stat_activity"
	case codeCanceled:
		return "the statement took longer than the time-out; look at the load of the database server"
	case codeReadOnly:
		return "the database only reads; connect to the primary server, for example with target_session_attrs=read-write"
	case codeDiskFull:
		return "the disk of the database server is full; make room"
	case codeTooManyClients:
		return "the database server has no connection left; raise its max_connections or make the pools smaller"
	case codeNoDatabase:
		return "the database does not exist; create it with createdb or name another"
	case codeBadPassword, codeNotAllowed:
		return "the database server refuses the user; check user, password and pg_hba.conf"
	case codeNoPrivilege:
		return "the database user lacks a privilege; let the user own the schema, or grant it"
	case codeUndefinedTable, codeUndefinedColumn:
		return "the schema is not the one of this program; run the migrate command"
	}
	return ""
}
