-- Build hosts. A host's state follows from drain, the administrators' wish, and
-- trouble, its own word.

-- +goose Up
CREATE TABLE hosts (
    id         TEXT    PRIMARY KEY,
    name       TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    slots      INTEGER NOT NULL,
    running    INTEGER NOT NULL,
    waiting    INTEGER NOT NULL,
    load       REAL    NOT NULL,
    disk_free  INTEGER NOT NULL,
    disk_total INTEGER NOT NULL,
    trouble    TEXT    NOT NULL,
    drain      INTEGER NOT NULL DEFAULT 0,
    resumes    INTEGER NOT NULL DEFAULT 0
) STRICT;
