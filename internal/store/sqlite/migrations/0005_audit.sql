-- The security log. Entries outlive the courses that they name, so nothing
-- refers to them.

-- +goose Up
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    action  TEXT    NOT NULL,
    course  TEXT    NOT NULL,
    caller  TEXT    NOT NULL,
    issuer  TEXT    NOT NULL,
    address TEXT    NOT NULL,
    outcome TEXT    NOT NULL CHECK (outcome IN ('done', 'denied', 'refused', 'failed')),
    details TEXT    NOT NULL -- JSON: an object of texts
) STRICT;

CREATE INDEX audit_of_course ON audit (course, id) WHERE course <> '';
