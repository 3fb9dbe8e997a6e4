-- Deliveries of git hosts, and the webhook secret that was valid before.

-- +goose Up
CREATE TABLE hook_deliveries (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    course_id     INTEGER NOT NULL REFERENCES courses (id) ON DELETE CASCADE,
    received_at   INTEGER NOT NULL,
    service       TEXT    NOT NULL,
    event         TEXT    NOT NULL,
    headers       TEXT    NOT NULL, -- JSON: list of [name, value]
    request_ip    TEXT    NOT NULL,
    verdict       TEXT    NOT NULL CHECK (verdict IN ('accepted', 'ignored', 'refused')),
    reason        TEXT    NOT NULL,
    skip_git      INTEGER NOT NULL,
    skip_build    INTEGER NOT NULL,
    skip_notify   INTEGER NOT NULL,
    rebuild_all   INTEGER NOT NULL,
    build_image   TEXT    NOT NULL,
    build_command TEXT    NOT NULL,
    build_id      INTEGER REFERENCES builds (id) ON DELETE SET NULL
) STRICT;

CREATE INDEX hook_deliveries_of_course ON hook_deliveries (course_id, id);

CREATE INDEX hook_deliveries_of_build ON hook_deliveries (build_id) WHERE build_id IS NOT NULL;

ALTER TABLE courses ADD COLUMN old_secret TEXT NOT NULL DEFAULT '';

ALTER TABLE courses ADD COLUMN old_secret_until INTEGER NOT NULL DEFAULT 0;
