-- What builds found in the files of their courses: JSON, empty for nothing.

-- +goose Up
ALTER TABLE builds ADD COLUMN report text NOT NULL DEFAULT '';
