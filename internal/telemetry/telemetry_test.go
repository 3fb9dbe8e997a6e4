package telemetry_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"coursewright/internal/telemetry"
)

func TestLoggerJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, "json", "warn")
	if err != nil {
		t.Fatal(err)
	}
	log.Info("too low")
	log.Warn("one\nline", "course", "cs-1")
	var got struct{ Level, Msg, Course string }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%q: %v; want one JSON object", out.String(), err)
	}
	if got.Level != "WARN" || got.Msg != "one\nline" || got.Course != "cs-1" {
		t.Errorf("logged %+v", got)
	}
}

func TestLoggerText(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, "text", "debug")
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("one\nline", "course", "cs-1")
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `msg="one\nline" course=cs-1`) {
		t.Errorf("logged %q; want one line", got)
	}
}

func TestLoggerRefusesUnknownWords(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ format, level, want string }{
		{"xml", "info", "use json or text"},
		{"json", "loud", "use debug, info, warn or error"},
		{"", "", "use debug"},
	} {
		log, err := telemetry.NewLogger(&bytes.Buffer{}, test.format, test.level)
		if log != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("NewLogger(%q, %q) = %v, %v; want an error with %q", test.format, test.level, log, err, test.want)
		}
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	families, err := telemetry.NewRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, f := range families {
		names[f.GetName()] = true
	}
	for _, want := range []string{"go_goroutines", "process_open_fds", "go_build_info"} {
		if !names[want] {
			t.Errorf("the registry has no %s", want)
		}
	}
}
