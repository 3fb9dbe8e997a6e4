package webhook_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/webhook"
)

func TestKeptHeadersHoldNoSecret(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	for name, value := range map[string]string{
		"X-GitHub-Event": "push", "X-GitHub-Delivery": "1-2-3", "Content-Type": "application/json",
		"X-Hub-Signature-256": "sha256=5ecret", "X-Hub-Signature": "sha1=5ecret", "X-Gitlab-Token": "5ecret",
		"X-Gitea-Signature": "5ecret", "Authorization": "Basic 5ecret", "Cookie": "5ecret", "X-Custom": "5ecret",
		"Webhook-Signature": "5ecret", "Proxy-Authorization": "5ecret", "X-Forgejo-Signature": "5ecret",
		"User-Agent": strings.Repeat("ä", 500),
	} {
		h.Set(name, value)
	}
	want := []course.Header{
		{Name: "Content-Type", Value: "application/json"},
		{Name: "User-Agent", Value: strings.Repeat("ä", 100) + "…"},
		{Name: "X-Github-Delivery", Value: "1-2-3"},
		{Name: "X-Github-Event", Value: "push"},
	}
	if diff := cmp.Diff(want, webhook.KeptHeaders(h)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestKeptHeadersAreBounded(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	for i := range 1000 {
		h.Set("X-Github-"+strings.Repeat("A", i%50)+string(rune('a'+i%26)), "x")
	}
	if got := webhook.KeptHeaders(h); len(got) != 40 {
		t.Errorf("%d headers are kept, want 40", len(got))
	}
}
