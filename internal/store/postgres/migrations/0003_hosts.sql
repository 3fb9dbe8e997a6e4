-- Build hosts. A host's state follows from drain, the administrators' wish, and
-- trouble, its own word. The rows change every few seconds.

-- +goose Up
CREATE TABLE hosts (
    id         text             PRIMARY KEY,
    name       text             NOT NULL,
    version    text             NOT NULL,
    started_at timestamptz,
    seen_at    timestamptz      NOT NULL,
    slots      bigint           NOT NULL,
    running    bigint           NOT NULL,
    waiting    bigint           NOT NULL,
    load       double precision NOT NULL,
    disk_free  bigint           NOT NULL,
    disk_total bigint           NOT NULL,
    trouble    text             NOT NULL,
    drain      boolean          NOT NULL DEFAULT false,
    resumes    bigint           NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
