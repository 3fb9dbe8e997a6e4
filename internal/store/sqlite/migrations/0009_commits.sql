-- Whose commit a build builds and what has changed, and where in the log its
-- steps begin; -1 for steps of earlier versions.

-- +goose Up
ALTER TABLE builds ADD COLUMN author TEXT NOT NULL DEFAULT '';

ALTER TABLE builds ADD COLUMN subject TEXT NOT NULL DEFAULT '';

ALTER TABLE builds ADD COLUMN changes TEXT NOT NULL DEFAULT ''; -- JSON, empty while unknown

ALTER TABLE build_steps ADD COLUMN log_start INTEGER NOT NULL DEFAULT -1;
