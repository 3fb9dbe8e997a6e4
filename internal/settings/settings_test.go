package settings_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/settings"
)

var update = flag.Bool("update", false, "write docs/config.md anew")

func TestDocumentation(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "config.md")
	if *update {
		if err := os.WriteFile(path, []byte(settings.Markdown()), 0o644); err != nil { //nolint:gosec // documentation is for everybody
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(settings.Markdown(), string(got)); diff != "" {
		t.Errorf("docs/config.md is not what the table says; run this test with -update: -want +got\n%s", diff)
	}
}

func TestTableIsComplete(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range settings.Table() {
		if seen[s.Name] || s.Type == "" || s.Allowed == "" || s.Doc == "" || s.Group == "" {
			t.Errorf("%s: given twice, or without type, group or meaning", s.Name)
		}
		seen[s.Name] = true
		if (s.Flag() == "") != s.Secret {
			t.Errorf("%s: flag %q, secret %v", s.Name, s.Flag(), s.Secret)
		}
		if strings.HasSuffix(s.Name, "_FILE") {
			t.Errorf("%s looks like the file form of another setting", s.Name)
		}
	}
	for _, o := range settings.ObsoleteSettings() {
		if seen[o.Name] {
			t.Errorf("%s is both a setting and obsolete", o.Name)
		}
	}
}

// world is an environment with files.
type world struct {
	files map[string]string
	src   settings.Sources
}

func (w world) load(t *testing.T) (settings.Settings, error) {
	t.Helper()
	w.src.ReadFile = func(path string) ([]byte, error) {
		text, ok := w.files[path]
		if !ok {
			return nil, os.ErrNotExist
		}
		return []byte(text), nil
	}
	return settings.Load(w.src)
}

func mustLoad(t *testing.T, w world) settings.Settings {
	t.Helper()
	s, err := w.load(t)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fromEnviron(t *testing.T, environ ...string) settings.Settings {
	t.Helper()
	return mustLoad(t, world{src: settings.Sources{Environ: environ}})
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	s := fromEnviron(t, "HOME=/home/x")
	got := map[string]any{
		"BuildPath": s.BuildPath, "StorePath": s.StorePath, "CoursesPath": s.CoursesPath, "StaticRoot": s.StaticRoot,
		"SSHKeyPath": s.SSHKeyPath, "Database": s.Database.Path, "DefaultImage": s.DefaultImage, "DefaultCommand": s.DefaultCommand,
		"UID": s.Auth.UID, "StaticURL": s.StaticURL, "BuildRetryDelay": s.BuildRetryDelay, "TimeZone": s.TimeZone.String(),
		"Personalized": s.PersonalizedDir, "KeepBuilds": s.KeepBuilds, "Level": s.LogLevel, "Builder": s.Builder,
		"Open": s.Auth.DisableLoginChecks || s.Auth.DisableJWTSigning || s.AllowLocalBuilder || s.AllowLocalOrigins || s.AllowUnsignedHooks,
	}
	want := map[string]any{
		"BuildPath": "/var/lib/coursewright/build", "StorePath": "/var/lib/coursewright/store",
		"CoursesPath": "/var/lib/coursewright/courses", "StaticRoot": "/var/lib/coursewright/static",
		"SSHKeyPath": "/home/x/.ssh/id_ecdsa", "Database": "/var/lib/coursewright/coursewright.db",
		"DefaultImage": "apluslms/compile-rst:1.6", "DefaultCommand": "legacy_build",
		"UID": "gitmanager", "StaticURL": "/static/", "BuildRetryDelay": 30 * time.Second, "TimeZone": "UTC",
		"Personalized": "personalized_exercises", "KeepBuilds": 1000, "Level": slog.LevelInfo, "Builder": "docker",
		"Open": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if s := fromEnviron(t); s.SSHKeyPath != "" {
		t.Errorf("without HOME the key is %q, want none", s.SSHKeyPath)
	}
}

func TestDevDefaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustLoad(t, world{src: settings.Sources{
		Defaults: settings.DevDefaults(dir), Environ: []string{"COURSEWRIGHT_STORE_PATH=/elsewhere"},
	}})
	got := []any{s.BuildPath, s.StorePath, s.Database.Path, s.TemporalAddress, s.Builder, s.Listen, s.Auth.DisableLoginChecks, len(s.Warnings)}
	want := []any{dir + "/build", "/elsewhere", dir + "/coursewright.db", "", "local", "127.0.0.1:8070", true, 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if s.Given("DATA") || !s.Given("STORE_PATH") {
		t.Error("defaults count as given, or variables do not")
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	w := world{
		files: map[string]string{"c.yaml": "KEEP_BUILDS: 2\nKEEP_RELEASES: 2\nBUILD_CONCURRENCY: 2\n"},
		src: settings.Sources{
			Environ: []string{"COURSEWRIGHT_CONFIG=c.yaml", "COURSEWRIGHT_KEEP_RELEASES=3", "COURSEWRIGHT_BUILD_CONCURRENCY=3"},
			Flags:   map[string]string{"BUILD_CONCURRENCY": "4"},
		},
	}
	s := mustLoad(t, w)
	if got, want := [3]int{s.KeepBuilds, s.KeepReleases, s.BuildConcurrency}, [3]int{2, 3, 4}; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	w.files["other.yaml"] = "KEEP_BUILDS: 7"
	w.src.Config = "other.yaml"
	if s := mustLoad(t, w); s.KeepBuilds != 7 {
		t.Errorf("the flag's file does not replace the variable's: KEEP_BUILDS is %d", s.KeepBuilds)
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		environ []string
		get     func(s settings.Settings) any
		want    any
	}{
		"JSON text":          {[]string{`GITMANAGER_BUILD_PATH="/b"`}, func(s settings.Settings) any { return s.BuildPath }, "/b"},
		"other prefix":       {[]string{"ENV_SETTINGS_PREFIX=HELM_GITMANAGER_", "HELM_GITMANAGER_BUILD_PATH=/b", "GITMANAGER_BUILD_PATH=/c"}, func(s settings.Settings) any { return s.BuildPath }, "/b"},
		"null command":       {[]string{"GITMANAGER_DEFAULT_CMD=null"}, func(s settings.Settings) any { return s.DefaultCommand }, ""},
		"empty command":      {[]string{"COURSEWRIGHT_DEFAULT_CMD="}, func(s settings.Settings) any { return s.DefaultCommand }, ""},
		"empty is not given": {[]string{"COURSEWRIGHT_KEEP_BUILDS="}, func(s settings.Settings) any { return s.KeepBuilds }, 1000},
		"empty beside alias": {[]string{"COURSEWRIGHT_FRONTEND_URL=", "GITMANAGER_FRONTEND_URL=https://a.test/"}, func(s settings.Settings) any { return s.FrontendURL }, "https://a.test"},
		"null address":       {[]string{"GITMANAGER_FRONTEND_URL=null"}, func(s settings.Settings) any { return s.FrontendURL }, ""},
		"text like a number": {[]string{"COURSEWRIGHT_DEFAULT_CMD=007"}, func(s settings.Settings) any { return s.DefaultCommand }, "007"},
		"huey":               {[]string{"HUEY_IMMEDIATE=True"}, func(s settings.Settings) any { return s.Immediate }, true},
		"huey off":           {[]string{"HUEY_IMMEDIATE=False"}, func(s settings.Settings) any { return s.Immediate }, false},
		"aliases that agree": {[]string{"HUEY_IMMEDIATE=True", "COURSEWRIGHT_IMMEDIATE=yes"}, func(s settings.Settings) any { return s.Immediate }, true},
		"seconds":            {[]string{"COURSEWRIGHT_BUILD_TIMEOUT=90"}, func(s settings.Settings) any { return s.BuildTimeout }, 90 * time.Second},
		"duration":           {[]string{"COURSEWRIGHT_BUILD_TIMEOUT=1h30m"}, func(s settings.Settings) any { return s.BuildTimeout }, 90 * time.Minute},
		"no limit":           {[]string{"COURSEWRIGHT_BUILD_TIMEOUT=0"}, func(s settings.Settings) any { return s.BuildTimeout }, time.Duration(0)},
		"git options":        {[]string{`GITMANAGER_GIT_OPTIONS=["-c", "a=b,c"]`}, func(s settings.Settings) any { return s.GitOptions }, []string{"-c", "a=b,c"}},
		"networks":           {[]string{"COURSEWRIGHT_TRUSTED_PROXIES=10.0.0.7/8, ::1"}, func(s settings.Settings) any { return fmt.Sprint(s.TrustedProxies) }, fmt.Sprint([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")})},
		"object":             {[]string{`GITMANAGER_BUILD_MODULE_SETTINGS={"HOST_BUILD_PATH": "/h"}`}, func(s settings.Settings) any { return s.BuildModuleOptions }, map[string]any{"HOST_BUILD_PATH": "/h"}},
		"sqlite":             {[]string{"COURSEWRIGHT_DATABASE_URL=sqlite:///d/x.db"}, func(s settings.Settings) any { return s.Database }, settings.Database{Driver: "sqlite", Path: "/d/x.db"}},
		"postgres":           {[]string{"COURSEWRIGHT_DATABASE_URL=postgres://u:p@h/d"}, func(s settings.Settings) any { return s.Database }, settings.Database{Driver: "postgres", URL: "postgres://u:p@h/d"}},
		"level":              {[]string{"COURSEWRIGHT_LOG_LEVEL=WARN"}, func(s settings.Settings) any { return s.LogLevel }, slog.LevelWarn},
		"module means exec":  {[]string{"COURSEWRIGHT_BUILD_MODULE=/m"}, func(s settings.Settings) any { return s.Builder }, "exec"},
		"builder beats it":   {[]string{"COURSEWRIGHT_BUILD_MODULE=/m", "COURSEWRIGHT_BUILDER=docker"}, func(s settings.Settings) any { return s.Builder }, "docker"},
		"service links":      {[]string{"COURSEWRIGHT_PORT=tcp://10.0.0.1:80", "COURSEWRIGHT_API_SERVICE_HOST=10.0.0.1", "COURSEWRIGHT_PORT_80_TCP_ADDR=10.0.0.1", "COURSEWRIGHT_SERVICE_PORT_HTTP=80"}, func(s settings.Settings) any { return len(s.Warnings) }, 0},
		"time zone":          {[]string{"GITMANAGER_TIME_ZONE=Europe/Helsinki"}, func(s settings.Settings) any { return s.TimeZone.String() }, "Europe/Helsinki"},
		"path made absolute": {[]string{"COURSEWRIGHT_BUILD_PATH=b/../c"}, func(s settings.Settings) any { return filepath.IsAbs(s.BuildPath) && filepath.Base(s.BuildPath) == "c" }, true},
		"not ours":           {[]string{"OTHER_X=1"}, func(s settings.Settings) any { return len(s.Warnings) }, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.get(fromEnviron(t, tt.environ...))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestAuth(t *testing.T) {
	t.Parallel()
	object := `{"PRIVATE_KEY": "own secret", "PUBLIC_KEY": "own", "REMOTE_AUTHENTICATOR_UID": "aplus", "REMOTE_AUTHENTICATOR_KEY": "theirs",
		"REMOTE_AUTHENTICATOR_URL": "https://APLUS.test:8/api/v2/get-token/", "UID_TO_KEY": {"radar": "r"}, "AUTH_CLASS": "x"}`
	want := settings.Auth{
		UID: "gitmanager", PrivateKey: "own secret", PublicKey: "own", RemoteAuthenticatorUID: "aplus", RemoteAuthenticatorKey: "theirs",
		RemoteAuthenticatorURL: "https://APLUS.test:8/api/v2/get-token/",
		UIDToKey:               map[string]string{"radar": "r", "gitmanager": "own", "aplus": "theirs"},
		TrustedUIDs:            []string{"aplus"}, TrustingRemotes: map[string]string{"aplus.test:8": "aplus"},
	}
	own := `
PRIVATE_KEY_FILE: key.pem
PUBLIC_KEY: own
REMOTE_AUTHENTICATOR_UID: aplus
REMOTE_AUTHENTICATOR_KEY: theirs
REMOTE_AUTHENTICATOR_URL: https://APLUS.test:8/api/v2/get-token/
UID_TO_KEY: {radar: r}
`
	for name, w := range map[string]world{
		"gitmanager's variable": {src: settings.Sources{Environ: []string{"GITMANAGER_APLUS_AUTH_LOCAL=" + object}}},
		"object in the file":    {files: map[string]string{"c": "APLUS_AUTH_LOCAL: " + object}, src: settings.Sources{Config: "c"}},
		"own settings":          {files: map[string]string{"c": own, "key.pem": "own secret\n"}, src: settings.Sources{Config: "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := mustLoad(t, w)
			if diff := cmp.Diff(want, s.Auth); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if err := s.CheckService(settings.Duties{Serves: true}); err != nil && strings.Contains(err.Error(), "KEY") {
				t.Error(err)
			}
		})
	}
	given := fromEnviron(t, `COURSEWRIGHT_TRUSTED_UIDS=[]`, `COURSEWRIGHT_TRUSTING_REMOTES={}`,
		"COURSEWRIGHT_REMOTE_AUTHENTICATOR_UID=aplus", "COURSEWRIGHT_REMOTE_AUTHENTICATOR_URL=https://a.test")
	if len(given.Auth.TrustedUIDs)+len(given.Auth.TrustingRemotes) != 0 {
		t.Errorf("empty lists are filled in: %v, %v", given.Auth.TrustedUIDs, given.Auth.TrustingRemotes)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		environ []string
		file    string
		flags   map[string]string
		want    []string // words of one line
	}{
		"number":             {environ: []string{"COURSEWRIGHT_KEEP_BUILDS=many"}, want: []string{"COURSEWRIGHT_KEEP_BUILDS", `"many"`, "from 1 to 1000000"}},
		"boolean":            {environ: []string{"COURSEWRIGHT_IMMEDIATE=maybe"}, want: []string{"true or false"}},
		"choice":             {environ: []string{"COURSEWRIGHT_BUILDER=podman"}, want: []string{"docker, exec, local"}},
		"address":            {environ: []string{"COURSEWRIGHT_STATIC_CONTENT_HOST=host.test"}, want: []string{"http or https"}},
		"address to show":    {environ: []string{"COURSEWRIGHT_TEMPORAL_UI_URL=https://u:hidden@host.test"}, want: []string{"***", "without user and password"}},
		"list":               {environ: []string{"COURSEWRIGHT_GIT_OPTIONS=-c a"}, want: []string{"JSON list"}},
		"map":                {environ: []string{`COURSEWRIGHT_UID_TO_KEY={"a": 1}`}, want: []string{`"a" is not a text`}},
		"null":               {environ: []string{"COURSEWRIGHT_DATA=null"}, want: []string{"COURSEWRIGHT_DATA", "give a path"}},
		"static":             {environ: []string{"COURSEWRIGHT_STATIC_URL=static"}, want: []string{"begins and ends with a slash"}},
		"dots":               {environ: []string{"COURSEWRIGHT_PERSONALIZED_CONTENT_DIR=../x"}, want: []string{"inside a course"}},
		"zone":               {environ: []string{"COURSEWRIGHT_TIME_ZONE=Mars"}, want: []string{"Europe/Helsinki"}},
		"not a number":       {environ: []string{"COURSEWRIGHT_BUILD_TIMEOUT=NaN"}, want: []string{"a time from"}},
		"database":           {environ: []string{"COURSEWRIGHT_DATABASE_URL=mysql://u:hidden@h/d"}, want: []string{"***", "sqlite:PATH or postgres://"}},
		"near miss":          {environ: []string{"COURSEWRIGHT_BUILD_PTAH=/x"}, want: []string{"COURSEWRIGHT_BUILD_PTAH", "did you mean COURSEWRIGHT_BUILD_PATH?"}},
		"other word":         {environ: []string{"COURSEWRIGHT_APLUS_AUTH_PRIVATE_KEY_FILE=x"}, want: []string{"did you mean COURSEWRIGHT_PRIVATE_KEY_FILE?"}},
		"far miss":           {environ: []string{"COURSEWRIGHT_QWERTY=1"}, want: []string{"COURSEWRIGHT_QWERTY", "the documentation lists them"}},
		"port by hand":       {environ: []string{"COURSEWRIGHT_PORT=80"}, want: []string{"COURSEWRIGHT_PORT"}},
		"obsolete":           {environ: []string{"COURSEWRIGHT_DATABASES={}"}, want: []string{"no meaning any more", "DATABASE_URL"}},
		"aliases differ":     {environ: []string{"COURSEWRIGHT_BUILD_PATH=/a", "GITMANAGER_BUILD_PATH=/b"}, want: []string{"GITMANAGER_BUILD_PATH", "variable COURSEWRIGHT_BUILD_PATH", "keep one"}},
		"value and file":     {environ: []string{"COURSEWRIGHT_PRIVATE_KEY=a", "COURSEWRIGHT_PRIVATE_KEY_FILE=key"}, want: []string{"***", "keep one"}},
		"missing file":       {environ: []string{"COURSEWRIGHT_PRIVATE_KEY_FILE=nowhere"}, want: []string{"nowhere", "cannot read"}},
		"same folders":       {environ: []string{"COURSEWRIGHT_BUILD_PATH=/a", "COURSEWRIGHT_STORE_PATH=/a/b"}, want: []string{"STORE_PATH", "BUILD_PATH (/a)"}},
		"local builder":      {environ: []string{"COURSEWRIGHT_BUILDER=local"}, want: []string{"ALLOW_LOCAL_BUILDER"}},
		"exec builder":       {environ: []string{"COURSEWRIGHT_BUILDER=exec"}, want: []string{"BUILD_MODULE"}},
		"authenticator":      {environ: []string{"COURSEWRIGHT_REMOTE_AUTHENTICATOR_URL=https://a.test"}, want: []string{"REMOTE_AUTHENTICATOR_UID"}},
		"auth member":        {environ: []string{`GITMANAGER_APLUS_AUTH_LOCAL={"PUBLIC_KY": "x"}`}, want: []string{"did you mean PUBLIC_KEY?"}},
		"auth is no object":  {environ: []string{`GITMANAGER_APLUS_AUTH_LOCAL=x`}, want: []string{"JSON object"}},
		"missing config":     {environ: []string{"COURSEWRIGHT_CONFIG=gone.yaml"}, want: []string{"gone.yaml", "cannot read"}},
		"file: unknown":      {file: "A: 1", want: []string{"c.yaml:1", "A", "no setting"}},
		"file: near miss":    {file: "\nKEEP_BUILD: 1", want: []string{"c.yaml:2", "did you mean KEEP_BUILDS?"}},
		"file: lower case":   {file: "keep_builds: 1", want: []string{"did you mean KEEP_BUILDS?"}},
		"file: twice":        {file: "UID: a\nUID: a", want: []string{"c.yaml:2", "first in line 1"}},
		"file: no map":       {file: "- UID", want: []string{"NAME: value"}},
		"file: no YAML":      {file: "UID: [", want: []string{"c.yaml", "not YAML"}},
		"file: odd keys":     {file: "BUILD_MODULE_SETTINGS: {1: {2: x}}", want: []string{"BUILD_MODULE_SETTINGS"}},
		"file: wrong type":   {file: "KEEP_BUILDS: [1]", want: []string{"c.yaml:1", "whole number"}},
		"flag of a secret":   {flags: map[string]string{"PRIVATE_KEY": "x"}, want: []string{"PRIVATE_KEY", "no flag"}},
		"flag's wrong value": {flags: map[string]string{"KEEP_BUILDS": "x"}, want: []string{"flag --keep-builds", "whole number"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world{files: map[string]string{"key": "b", "c.yaml": tt.file}, src: settings.Sources{Environ: tt.environ, Flags: tt.flags}}
			if tt.file != "" {
				w.src.Config = "c.yaml"
			}
			_, err := w.load(t)
			var list *settings.Error
			if !errors.As(err, &list) || len(list.Problems) != 1 {
				t.Fatalf("got %v, want one problem", err)
			}
			for _, words := range tt.want {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q does not say %q", err, words)
				}
			}
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	w := world{
		files: map[string]string{"c": "KEEP_BUILDS: x\nWRONG: 1\n"},
		src: settings.Sources{
			Config:  "c",
			Environ: []string{"COURSEWRIGHT_IMMEDIATE=x", "COURSEWRIGHT_WRONG=1"},
			Flags:   map[string]string{"LOG_LEVEL": "x"},
		},
	}
	_, err := w.load(t)
	var list *settings.Error
	if !errors.As(err, &list) || len(list.Problems) != 5 {
		t.Errorf("got %v, want five problems", err)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ variable, want string }{
		"obsolete": {"GITMANAGER_DEBUG=true", "GITMANAGER_DEBUG is ignored: gitmanager's setting DEBUG has no meaning"},
		"unknown":  {"GITMANAGER_DEFAULT_IMAG=x", "did you mean COURSEWRIGHT_DEFAULT_IMAGE?"},
		"new":      {"GITMANAGER_KEEP_BUILDS=x", "its variable is COURSEWRIGHT_KEEP_BUILDS"},
		"member":   {`GITMANAGER_APLUS_AUTH_LOCAL={"AUTH_CLASS": 1}`, "AUTH_CLASS is ignored"},
		"open":     {"COURSEWRIGHT_DISABLE_LOGIN_CHECKS=true", "everybody who reaches"},
		"module":   {"COURSEWRIGHT_BUILD_MODULE=/x", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := fromEnviron(t, tt.variable).Warnings
			if tt.want == "" && len(got) == 0 {
				return
			}
			if len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("got %q, want one that says %q", got, tt.want)
			}
		})
	}
}

func TestOtherVariables(t *testing.T) {
	t.Parallel()
	w := world{src: settings.Sources{Environ: []string{"COURSEWRIGHT_TOKEN=x"}}}
	if _, err := w.load(t); err == nil {
		t.Error("an unknown variable was accepted")
	}
	w.src.Others = []string{"COURSEWRIGHT_TOKEN"}
	mustLoad(t, w)
}

func TestSecretsStayHidden(t *testing.T) {
	t.Parallel()
	const secret = "correct horse"
	s := fromEnviron(t, "COURSEWRIGHT_PRIVATE_KEY="+secret, "COURSEWRIGHT_DATABASE_URL=postgres://u:"+strings.ReplaceAll(secret, " ", "-")+"@db.test/d?password=correct-horse",
		`COURSEWRIGHT_BUILD_MODULE_SETTINGS={"TOKEN": "`+secret+`"}`, `COURSEWRIGHT_GIT_OPTIONS=["-c", "http.extraHeader=`+secret+`"]`,
		"COURSEWRIGHT_FRONTEND_URL=https://u:correct-horse@a.test", "COURSEWRIGHT_KEEP_BUILDS=12")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("settings", "settings", s)
	data, err := json.Marshal(s.Auth)
	if err != nil {
		t.Fatal(err)
	}
	shown := log.String() + fmt.Sprint(s) + fmt.Sprintf("%+v %v", s, &s) + fmt.Sprint(s.Redacted()) + string(data) + fmt.Sprintf("%#v", s.Auth)
	if strings.Contains(shown, secret) || strings.Contains(shown, "correct-horse") {
		t.Errorf("a secret is shown: %s", shown)
	}
	for _, words := range []string{`"KEEP_BUILDS":"12"`, "db.test/d", "a.test", `"PRIVATE_KEY":"***"`} {
		if !strings.Contains(log.String(), words) {
			t.Errorf("the log does not show %q: %s", words, log.String())
		}
	}
	if s.Auth.PrivateKey.Reveal() != secret {
		t.Error("the secret itself is lost")
	}
	_, err = world{src: settings.Sources{Environ: []string{"COURSEWRIGHT_FRONTEND_URL=ftp://u:correct-horse@a.test"}}}.load(t)
	if err == nil || strings.Contains(err.Error(), "correct-horse") {
		t.Errorf("a message shows a password: %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("KEEP_BUILDS: 3\nAPLUS_AUTH: {UID: x}", "KEEP_BUILDS", "3")
	f.Add("BUILD_MODULE_SETTINGS: &a {x: [1, .nan, *a]}", "TRUSTED_PROXIES", "[1]")
	f.Add("UID: null\n? [1]\n: 2", "DATABASE_URL", "sqlite:?")
	f.Fuzz(func(t *testing.T, file, name, value string) {
		s, err := settings.Load(settings.Sources{
			Config: "c", Environ: []string{"COURSEWRIGHT_" + name + "=" + value},
			ReadFile: func(string) ([]byte, error) { return []byte(file), nil },
		})
		if err == nil && !filepath.IsAbs(s.BuildPath) {
			t.Errorf("BUILD_PATH %q is not absolute", s.BuildPath)
		}
	})
}
