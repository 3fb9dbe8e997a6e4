-- Times are microseconds since 1970 in UTC; 0 stands for "not yet".

-- +goose Up
CREATE TABLE courses (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT,
    key                  TEXT    NOT NULL UNIQUE,
    remote_id            INTEGER UNIQUE,
    git_origin           TEXT    NOT NULL,
    git_branch           TEXT    NOT NULL,
    update_hook          TEXT    NOT NULL,
    email_on_error       INTEGER NOT NULL,
    update_automatically INTEGER NOT NULL,
    skip_build_failsafes INTEGER NOT NULL,
    webhook_secret       TEXT    NOT NULL,
    created_at           INTEGER NOT NULL,
    build_host           TEXT    NOT NULL
) STRICT;

-- AUTOINCREMENT: an id is never used again, since it orders releases.
CREATE TABLE builds (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    course_id     INTEGER NOT NULL REFERENCES courses (id) ON DELETE CASCADE,
    status        TEXT    NOT NULL CHECK (status IN
        ('PENDING', 'RUNNING', 'SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED')),
    skip_git      INTEGER NOT NULL,
    skip_build    INTEGER NOT NULL,
    skip_notify   INTEGER NOT NULL,
    rebuild_all   INTEGER NOT NULL,
    build_image   TEXT    NOT NULL,
    build_command TEXT    NOT NULL,
    requested_by  TEXT    NOT NULL,
    request_ip    TEXT    NOT NULL,
    requested_at  INTEGER NOT NULL,
    started_at    INTEGER NOT NULL DEFAULT 0,
    finished_at   INTEGER NOT NULL DEFAULT 0,
    commit_hash   TEXT    NOT NULL DEFAULT '',
    version       TEXT    NOT NULL DEFAULT '',
    reason        TEXT    NOT NULL DEFAULT '',
    host          TEXT    NOT NULL DEFAULT '',
    run_id        TEXT    NOT NULL DEFAULT '',
    log_head      INTEGER NOT NULL DEFAULT 0 -- bytes of the log's head once it is full
) STRICT;

CREATE INDEX builds_of_course ON builds (course_id, id);

CREATE INDEX builds_open ON builds (id) WHERE status IN ('PENDING', 'RUNNING');

CREATE UNIQUE INDEX builds_one_running ON builds (course_id) WHERE status = 'RUNNING';

CREATE TABLE build_steps (
    id          INTEGER PRIMARY KEY,
    build_id    INTEGER NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER NOT NULL DEFAULT 0,
    outcome     TEXT    NOT NULL DEFAULT '',
    message     TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX build_steps_of_build ON build_steps (build_id, id);

-- A chunk's place is its offset in the whole output, dropped output included.
-- Chunks of the head are contiguous from 0; those of the tail, which begins at
-- builds.log_head, are contiguous to the end. What lies between was dropped.
CREATE TABLE build_logs (
    id       INTEGER PRIMARY KEY,
    build_id INTEGER NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    start    INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    text     TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX build_logs_of_build ON build_logs (build_id, start, bytes);
