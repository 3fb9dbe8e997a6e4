-- What the sweeper did: the latest sweep, and the builds that sweeps have closed.
-- These outlive the courses that they name, so nothing refers to them.

-- +goose Up
CREATE TABLE sweeps (
    id       INTEGER PRIMARY KEY CHECK (id = 1), -- one row: its turn
    begun_at INTEGER NOT NULL,
    begun_by TEXT    NOT NULL,
    ended_at INTEGER NOT NULL DEFAULT 0,  -- of the latest one that was recorded
    report   TEXT    NOT NULL DEFAULT ''  -- JSON, of the same
) STRICT;

CREATE TABLE closings (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    course   TEXT    NOT NULL,
    build_id INTEGER NOT NULL,
    reason   TEXT    NOT NULL
) STRICT;
