package main

import (
	"database/sql"
	"fmt"
	"strings"

	"coursewright/internal/settings"
)

// recordStatuses has the database keep every status that a row ever had.
func (c *campaign) recordStatuses() {
	c.tb.Helper()
	if c.base == nil {
		c.onSQLite(`
		CREATE TABLE statuses (build_id integer, old text, new text);
		CREATE TRIGGER keep_status AFTER UPDATE OF status ON builds BEGIN
			INSERT INTO statuses VALUES (OLD.id, OLD.status, NEW.status);
		END;`)
		return
	}
	c.base.Exec(c.database, `
		CREATE TABLE statuses (build_id bigint, old text, new text);
		CREATE FUNCTION keep_status() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO statuses VALUES (OLD.id, OLD.status, NEW.status); RETURN NEW;
		END $$;
		CREATE TRIGGER keep_status AFTER UPDATE OF status ON builds FOR EACH ROW EXECUTE FUNCTION keep_status();`)
}

// checkStatuses looks whether the status of a row was written after it was final.
func (c *campaign) checkStatuses() {
	c.tb.Helper()
	query := func(sql string) string {
		if c.base == nil {
			return c.onSQLite(sql)
		}
		return c.base.Exec(c.database, sql)
	}
	again := query("SELECT build_id || ': ' || old || ', then ' || new FROM statuses WHERE old NOT IN ('PENDING', 'RUNNING')")
	if again != "" {
		c.broken("P3", "rows had a final status and got another: %s", strings.ReplaceAll(again, "\n", "; "))
	}
	changes := query("SELECT count(*) FROM statuses WHERE new NOT IN ('PENDING', 'RUNNING')")
	var n int
	if _, err := fmt.Sscan(changes, &n); err != nil || n == 0 {
		c.violation("no final status was recorded: %s", changes)
	}
	c.count(ofBuilds, "final statuses written", n)
}

// onSQLite runs statements in the campaign's database, and gives the first column
// of what comes, a row on each line.
func (c *campaign) onSQLite(statements string) string {
	c.tb.Helper()
	s, err := settings.Load(settings.Sources{Environ: c.d.settings.environ()})
	if err != nil {
		c.tb.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+s.Database.Path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		c.tb.Fatal(err)
	}
	defer func() { must(c.tb, db.Close()) }()
	rows, err := db.QueryContext(c.tb.Context(), statements)
	if err != nil {
		c.tb.Fatal(err)
	}
	defer func() { must(c.tb, rows.Close()) }()
	var out []string
	for rows.Next() {
		var text string
		must(c.tb, rows.Scan(&text))
		out = append(out, text)
	}
	must(c.tb, rows.Err())
	return strings.Join(out, "\n")
}
