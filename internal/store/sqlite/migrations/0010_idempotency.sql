-- Callers that ask again for a build by the same key get the build that they
-- asked for first. A course's revision tells whoever changes it whether somebody
-- else was faster.

-- +goose Up
ALTER TABLE courses ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;

CREATE TABLE idempotency_keys (
    course_id  INTEGER NOT NULL REFERENCES courses (id) ON DELETE CASCADE,
    key        TEXT    NOT NULL,
    digest     TEXT    NOT NULL, -- of the options of the build
    build_id   INTEGER NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    kept_until INTEGER NOT NULL,
    PRIMARY KEY (course_id, key)
) STRICT;

CREATE INDEX idempotency_keys_kept ON idempotency_keys (kept_until);

CREATE INDEX idempotency_keys_of_build ON idempotency_keys (build_id);
