package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	// As the API answers, with all fields, in the form that the command prints.
	diffWhole = `{
  "course": "c",
  "release": {
    "version": "NEW",
    "build_id": 2,
    "commit": "abc",
    "stored_at": "2026-09-01T12:00:00Z",
    "published_at": null
  },
  "against": null,
  "dangerous": true,
  "needs_approval": false,
  "approval": {
    "by": "me",
    "at": "2026-09-01T12:00:00.5Z",
    "against": "OLD"
  },
  "incomparable": "",
  "counts": {
    "added": 0,
    "removed": 1,
    "renamed": 0,
    "moved": 0,
    "changed": 0
  },
  "items": [
    {
      "kind": "exercise",
      "change": "removed",
      "name": "Loops",
      "dangerous": true,
      "old": {
        "module": "m",
        "parent": "c",
        "key": "e"
      },
      "new": null,
      "fields": []
    }
  ]
}
`
	diffNothing   = `{"course": "c", "release": {"version": "NEW", "build_id": 2}, "against": {"version": "OLD", "build_id": 1}, "items": []}`
	diffDangerous = `{"course": "c", "release": {"version": "NEW", "build_id": 2}, "against": {"version": "OLD", "build_id": 1}, "dangerous": true, "needs_approval": true, "items": [
		{"kind": "chapter", "change": "moved", "name": "Intro", "old": {"module": "m", "parent": "", "key": "c"}, "new": {"module": "m", "parent": "p", "key": "c"},
			"fields": [{"name": "points_to_pass", "old": "", "new": "5"}]},
		{"kind": "exercise", "change": "removed", "name": "", "dangerous": true, "old": {"module": "m", "parent": "c", "key": "e"}, "new": null, "fields": []}]}`
)

func TestReleaseCommand(t *testing.T) {
	t.Parallel()
	const list = "GET /api/v1/courses/c/releases"
	for name, test := range map[string]struct {
		args    string
		answers map[string]string // by request, the body behind it
		status  int
		want    string
	}{
		"the stored release": {
			args: "diff c",
			answers: map[string]string{
				list:               `{"items": [{"version": "NEW", "stored": true}, {"version": "OLD", "published": true}]}`,
				list + "/NEW/diff": diffNothing,
			},
			want: "Release NEW of build 2 compared with OLD of build 1\nNothing changes in what A+ imports.\n",
		},
		"without a release": {
			args: "diff c", answers: map[string]string{list: `{"items": []}`}, status: 1,
			want: "coursewright: course c has no release yet; build it\n",
		},
		"dangerous": {
			args: "diff c NEW --against OLD", answers: map[string]string{list + "/NEW/diff?against=OLD": diffDangerous}, status: statusDangerous,
			want: "Release NEW of build 2 compared with OLD of build 1\n" +
				"  moved chapter m/c -> m/p/c \"Intro\"\n      points_to_pass: (none) -> \"5\"\n! removed exercise m/c/e\n" +
				"! A+ would no longer know these exercises; students' points hang on them.\n" +
				"The release waits for an approval: coursewright release approve c NEW\n",
		},
		"as JSON": {
			args: "diff c NEW --json", answers: map[string]string{list + "/NEW/diff": diffWhole}, status: statusDangerous, want: diffWhole,
		},
		"another word too many": {
			args: "diff c NEW OLD", status: statusUsage, want: "coursewright: accepts between 1 and 2 arg(s), received 3; see coursewright release diff --help: wrong usage\n",
		},
		"damaged": {
			args: "diff c NEW", answers: map[string]string{list + "/NEW/diff": `{"course": "c", "release": {"version": "NEW", "build_id": 2}, "incomparable": "Damaged."}`}, status: 1,
			want: "Release NEW of build 2; nothing is published yet\nDamaged.\n",
		},
		"approve": {
			args: "approve c NEW --against OLD", answers: map[string]string{`POST /api/v1/courses/c/releases/NEW/approve {"against":"OLD"}`: `{"by": "me", "at": "2026-09-01T12:00:00Z", "against": "OLD"}`},
			want: "Release NEW of c is approved.\n",
		},
		"refused": {
			args: "approve c NEW", status: 1, want: "coursewright: No.\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				answer, ok := test.answers[strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body))]
				if !ok {
					w.Header().Set("Content-Type", "application/problem+json")
					w.WriteHeader(http.StatusConflict)
					answer = `{"detail": "No."}`
				}
				if !json.Valid([]byte(answer)) {
					t.Errorf("%s is no JSON", answer)
				}
				_, _ = io.WriteString(w, answer)
			}))
			defer server.Close()
			var out strings.Builder
			status := execute(t.Context(), append([]string{"release", "--server", server.URL}, strings.Fields(test.args)...), &out, &out)
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			if d := cmp.Diff(test.want, out.String()); d != "" {
				t.Errorf("output (-want +got):\n%s", d)
			}
		})
	}
}
