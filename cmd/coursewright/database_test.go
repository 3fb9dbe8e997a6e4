package main

import (
	"bytes"
	"strings"
	"testing"

	"coursewright/internal/settings"
)

// The database's half of the migrate command: a dry run changes nothing, a
// service refuses an older schema, and a second run has nothing to do.
func TestMigrateDatabase(t *testing.T) {
	t.Parallel()
	for name, environ := range databases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := settings.Load(settings.Sources{Defaults: settings.DevDefaults(t.TempDir()), Environ: environ(t)})
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range []struct {
				dryRun bool
				want   string
			}{{true, "schema 0 would become"}, {true, "schema 0 would become"}, {false, "schema 0 became"}, {false, "nothing to do"}, {true, "nothing to do"}} {
				if st, err := openDatabase(t.Context(), s, "test", false); err == nil {
					if err := st.Close(); err != nil || step.want != "nothing to do" {
						t.Errorf("before %q the database is opened; Close: %v", step.want, err)
					}
				} else if !strings.Contains(err.Error(), "run the migrate command") {
					t.Errorf("before %q: %v", step.want, err)
				}
				var out bytes.Buffer
				if err := migrateDatabase(t.Context(), s, step.dryRun, &out); err != nil || !strings.Contains(out.String(), step.want) {
					t.Errorf("migrate (dry run %v) tells %q, %v; want %q", step.dryRun, out.String(), err, step.want)
				}
			}
		})
	}
}
