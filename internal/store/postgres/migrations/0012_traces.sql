-- The span of the request for a build, as in the header traceparent; empty when
-- nothing is traced.

-- +goose Up
ALTER TABLE builds ADD COLUMN trace text NOT NULL DEFAULT '';
