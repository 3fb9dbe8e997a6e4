-- What was taken over from another service, so that it is taken once. It
-- outlives what it names: what is deleted here does not come back.

-- +goose Up
CREATE TABLE takeovers (
    source    TEXT    NOT NULL,
    source_id INTEGER NOT NULL, -- of the course in the other service
    course_id INTEGER NOT NULL,
    fields    TEXT    NOT NULL, -- JSON: the fields in the other service, digests of those that may be secret
    PRIMARY KEY (source, source_id)
) STRICT;

CREATE TABLE takeover_builds (
    source        TEXT    NOT NULL,
    source_course INTEGER NOT NULL,
    source_id     INTEGER NOT NULL, -- of the build in the other service
    build_id      INTEGER NOT NULL,
    open          INTEGER NOT NULL, -- it had not ended in the other service
    PRIMARY KEY (source, source_course, source_id)
) STRICT;
