package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"coursewright/internal/settings"
	"coursewright/workflows"
)

// The operations guide names only settings, commands and search attributes that
// there are, and every attribute.
func TestOperationsGuideNamesWhatThereIs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, s := range settings.Table() {
		known[s.Name] = true
	}
	attributes := workflows.SearchAttributes()
	for name := range attributes {
		known[name] = true
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("the guide lacks the search attribute %s", name)
		}
	}
	var commands []string
	for _, c := range newRootCommand().Commands() {
		commands = append(commands, c.Name())
	}
	for _, m := range regexp.MustCompile("`([A-Z][A-Z0-9]*_[A-Z0-9_]+|LISTEN|BUILDER|Coursewright[A-Z][a-z]+)`").FindAllStringSubmatch(string(text), -1) {
		if !known[m[1]] {
			t.Errorf("the guide names %s, which there is not", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`coursewright ([a-z-]+)").FindAllStringSubmatch(string(text), -1) {
		if !slices.Contains(commands, m[1]) {
			t.Errorf("the guide names the command %s, which there is not", m[1])
		}
	}
}
