package coursewright_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Nothing that tests leave out where it is missing is left out unnoticed in continuous
// integration: .ci/run names the word of each in COURSEWRIGHT_REQUIRE.
func TestContinuousIntegrationRequiresAllThatTestsNeed(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(".ci/run")
	if err != nil {
		t.Fatal(err)
	}
	var required []string
	for _, m := range regexp.MustCompile(`COURSEWRIGHT_REQUIRE="(.*)"`).FindAllStringSubmatch(string(script), -1) {
		required = append(required, strings.Fields(m[1])...)
	}
	asked := []*regexp.Regexp{
		regexp.MustCompile(`(?:gitrepotest\.|\b)(?:Need|Missing|missing)\([\w.]+, "([\w-]+)"`),
		regexp.MustCompile(`(?:gitrepotest\.|\b)(?:Required|required)\("([\w-]+)"\)`),
		regexp.MustCompile(`Getenv\("COURSEWRIGHT_REQUIRE"\)\), "([\w-]+)"\)`),
		regexp.MustCompile(`\bfind\(tb, "([\w-]+)", `), // programs of Temporal
	}
	const (
		ofBenchmarks = "wrk"               // which continuous integration does not run
		withAnother  = "temporal-sql-tool" // comes with temporal-server, and asks for its word
	)
	found := map[string]string{}
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || !strings.Contains(path, "test") {
			return err
		}
		text, err := os.ReadFile(path) //nolint:gosec // a file of the repository
		for _, r := range asked {
			for _, m := range r.FindAllStringSubmatch(string(text), -1) {
				found[m[1]] = path
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(found, ofBenchmarks)
	delete(found, withAnother)
	for word, path := range found {
		if !slices.Contains(required, word) {
			t.Errorf("%s may leave out what needs %s: .ci/run does not require it", path, word)
		}
	}
	for _, word := range []string{"dockerd", "mounts", "clocks", "docker", "postgres", "temporal"} {
		if found[word] == "" {
			t.Errorf("no test was seen that asks for %s", word)
		}
	}
}
