-- Branches that are built as previews; a course's wish to see what removes
-- exercises before it is published, and to have every pushed branch previewed.

-- +goose Up
ALTER TABLE courses ADD COLUMN approve_removals INTEGER NOT NULL DEFAULT 0;

ALTER TABLE courses ADD COLUMN preview_branches INTEGER NOT NULL DEFAULT 0;

ALTER TABLE builds ADD COLUMN preview_branch TEXT NOT NULL DEFAULT ''; -- empty: a build of the course itself

ALTER TABLE hook_deliveries ADD COLUMN preview_branch TEXT NOT NULL DEFAULT '';
