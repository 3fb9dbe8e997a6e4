-- The host on which something of a course may run that outlives its worker, such as
-- a container: no other host begins a build of it.

-- +goose Up
ALTER TABLE courses ADD COLUMN held_by text NOT NULL DEFAULT ''; -- empty: none

CREATE INDEX courses_held ON courses (held_by) WHERE held_by <> '';
