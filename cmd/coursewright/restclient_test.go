package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"coursewright/client"
)

// A token is shown to the service that somebody has named for it, and to no other.
func TestTokensAreShownWhereTheyBelong(t *testing.T) {
	for name, test := range map[string]struct {
		flags       restClient
		url, token  string // variables
		file        string
		wantServer  string
		wantToken   string
		wantProblem string
	}{
		"nothing is said":          {wantServer: localService},
		"a token for nobody":       {token: "t", wantProblem: "which service it is for"},
		"a token flag for nobody":  {flags: restClient{token: "t"}, wantProblem: "which service it is for"},
		"variables":                {url: "https://a.example.org", token: "t", wantServer: "https://a.example.org", wantToken: "t"},
		"the file":                 {file: "{url: https://f.example.org, token: f}", wantServer: "https://f.example.org", wantToken: "f"},
		"the file and another":     {file: "{url: https://f.example.org, token: f}", url: "https://a.example.org", wantServer: "https://a.example.org"},
		"the file, another token":  {file: "{url: https://f.example.org, token: f}", token: "t", wantServer: "https://f.example.org", wantToken: "t"},
		"a file without a service": {file: "{token: f}", wantServer: localService},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("XDG_CONFIG_HOME", dir)
			t.Setenv(urlVariable, test.url)
			t.Setenv(tokenVariable, test.token)
			if err := os.Mkdir(filepath.Join(dir, "coursewright"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "coursewright", "cli.yaml"), []byte(test.file), 0o600); err != nil {
				t.Fatal(err)
			}
			server, token, err := test.flags.reach()
			if test.wantProblem != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantProblem) {
					t.Errorf("reached %q: %v", server, err)
				}
				return
			}
			if err != nil || server != test.wantServer || token != test.wantToken {
				t.Errorf("%q is shown to %q: %v; want %q to %q", token, server, err, test.wantToken, test.wantServer)
			}
		})
	}
}

// A release that was imported has no commit; the list says which it is all the same.
func TestCoursesOfGitmanagerAreListed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	courses := []client.Course{{Key: "old", Published: &client.Release{Version: "imported7x"}}}
	if err := new(cli).printCourses(cmd, courses, courses); err != nil || !strings.Contains(out.String(), "imported7x") {
		t.Errorf("listed %q, %v", out.String(), err)
	}
}
