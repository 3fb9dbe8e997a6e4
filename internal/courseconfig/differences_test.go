package courseconfig_test

import (
	"maps"
	"os"
	"strings"
	"testing"
)

// TestDifferencesAreTold finds the reason of every difference as a heading of
// docs/differences.md.
func TestDifferencesAreTold(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/differences.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range []map[string]string{differences, realDifferences, vectorDifferences} {
		for name, reason := range maps.All(list) {
			if !strings.Contains(string(text), "\n### "+reason+"\n") {
				t.Errorf("%s: no heading %q", name, reason)
			}
		}
	}
}
