package settings_test

import (
	"fmt"
	"strings"
	"testing"

	"coursewright/internal/settings"
)

func TestCommitStatus(t *testing.T) {
	t.Parallel()
	load := func(text string) (settings.Settings, error) {
		return settings.Load(settings.Sources{Defaults: settings.DevDefaults(t.TempDir()), Environ: []string{"COURSEWRIGHT_COMMIT_STATUS=" + text}})
	}
	for text, want := range map[string]string{
		`{"github.com": {"token": "s3cret"}}`:                        "github.com github https://api.github.com",
		`{"Git.Example.org": {"kind": "github", "token": "s3cret"}}`: "git.example.org github https://git.example.org/api/v3",
		`{"gitlab.com": {"token": "s3cret"}}`:                        "gitlab.com gitlab https://gitlab.com/api/v4",
		`{"codeberg.org": {"token": "s3cret"}}`:                      "codeberg.org gitea https://codeberg.org/api/v1",
		`{"git.example.org:8443": {"kind": "forgejo", "token": " s3cret\n", "api": "http://git.example.org/g/api/v1/"}}`: "git.example.org:8443 gitea http://git.example.org/g/api/v1",
	} {
		s, err := load(text)
		if err != nil || len(s.CommitStatus) != 1 {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for name, h := range s.CommitStatus {
			if got := name + " " + h.Kind + " " + h.API.String(); got != want || h.Token.Reveal() != "s3cret" {
				t.Errorf("%s is %s, want %s", text, got, want)
			}
		}
		if shown := fmt.Sprintf("%v %+v %#v %s", s, s.CommitStatus, s.CommitStatus, s.Redacted()); strings.Contains(shown, "s3cret") {
			t.Errorf("%s shows its token", text)
		}
	}
	for _, text := range []string{
		`[]`, `{"git.example.org": {"token": "s3cret"}}`, `{"github.com": {}}`, `{"github.com": {"token": "s3cret x"}}`, `{"github.com": "s3cret"}`,
		`{"github.com": {"token": "s3cret", "password": "s3cret"}}`, `{"github.com/org": {"token": "s3cret"}}`, `{"": {"token": "s3cret"}}`,
		`{"github.com": {"token": "s3cret", "api": "ftp://x"}}`, `{"github.com": {"token": "s3cret", "api": "https://u:s3cret@x"}}`, `{"github.com": {"token": "s3cret", "kind": "svn"}}`,
	} {
		if _, err := load(text); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
