-- Whose commit a build builds and what has changed, and where in the log its
-- steps begin; -1 for steps of earlier versions.

-- +goose Up
ALTER TABLE builds ADD COLUMN author text NOT NULL DEFAULT '';

ALTER TABLE builds ADD COLUMN subject text NOT NULL DEFAULT '';

ALTER TABLE builds ADD COLUMN changes text NOT NULL DEFAULT ''; -- JSON, empty while unknown

ALTER TABLE build_steps ADD COLUMN log_start bigint NOT NULL DEFAULT -1;
