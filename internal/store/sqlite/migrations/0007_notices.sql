-- Nothing: each connection that writes notes by itself what it changes (see
-- notices.go). The number is that of the other database's migration.

-- +goose Up
SELECT 1;
