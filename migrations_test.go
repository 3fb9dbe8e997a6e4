package coursewright_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Migrations are numbered from 1 without gaps, each number once: two branches
// that both take the next one do not disturb git when they are joined.
func TestMigrationsAreNumberedOnce(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"postgres", "sqlite"} {
		dir := filepath.Join("internal/store", database, "migrations")
		files, err := os.ReadDir(dir) // sorted
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range files {
			if want := fmt.Sprintf("%04d_", i+1); !strings.HasPrefix(f.Name(), want) {
				t.Errorf("%s/%s: want a name that begins with %s", dir, f.Name(), want)
			}
		}
	}
}
