-- What is added to a log has a number, so that it can be added again after an
-- answer that did not come.

-- +goose Up
ALTER TABLE builds ADD COLUMN appends bigint NOT NULL DEFAULT 0; -- number of the newest append of the newest try
