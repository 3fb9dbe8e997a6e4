-- Callers that ask again for a build by the same key get the build that they
-- asked for first. A course's revision tells whoever changes it whether somebody
-- else was faster.

-- +goose Up
ALTER TABLE courses ADD COLUMN revision bigint NOT NULL DEFAULT 1;

CREATE TABLE idempotency_keys (
    course_id  bigint      NOT NULL REFERENCES courses (id) ON DELETE CASCADE,
    key        text        NOT NULL,
    digest     text        NOT NULL, -- of the options of the build
    build_id   bigint      NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    kept_until timestamptz NOT NULL,
    PRIMARY KEY (course_id, key)
);

CREATE INDEX idempotency_keys_kept ON idempotency_keys (kept_until);

CREATE INDEX idempotency_keys_of_build ON idempotency_keys (build_id);
