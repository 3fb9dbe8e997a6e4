-- Tries of a build's steps, and how far its log has come.

-- +goose Up
ALTER TABLE builds ADD COLUMN tries bigint NOT NULL DEFAULT 0; -- number of the newest try

ALTER TABLE builds ADD COLUMN mark text NOT NULL DEFAULT '';
