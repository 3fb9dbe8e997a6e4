package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/web"
)

// A new secret may leave the old one valid for a while, which the page tells.
func TestSecretRotationOnThePage(t *testing.T) {
	t.Parallel()
	var told []string
	s := newSite(t, func(c *web.Config) {
		c.Audit = func(_ *http.Request, action, key string, pairs ...any) {
			told = append(told, fmt.Sprint(append([]any{action, key}, pairs...)...))
		}
	})
	s.addCourse(t, "alpha")
	const at = "/gitmanager/alpha/webhook-secret"
	s.answer(t, formRequest(t, at, url.Values{"keep_old_hours": {"721"}}), http.StatusBadRequest)
	s.answer(t, formRequest(t, at, url.Values{"keep_old_hours": {"soon"}}), http.StatusBadRequest)
	if hours := s.get(t, "/gitmanager/alpha/webhook", http.StatusOK).Find("#keep_old_hours option[selected]").AttrOr("value", ""); hours != "24" {
		t.Errorf("the page proposes %q hours", hours)
	}
	next := s.post(t, at, url.Values{"keep_old_hours": {"24"}})
	page := text(s.get(t, next, http.StatusOK).Find("main"))
	if !strings.Contains(page, "valid until 2 Sep 2026 12:05:00 UTC") || strings.Contains(page, "secret-of-alpha") {
		t.Errorf("the page says %s", page)
	}
	c, err := s.store.Course(t.Context(), "alpha")
	must(t, err)
	if c.OldSecret != "secret-of-alpha" || c.WebhookSecret == c.OldSecret {
		t.Errorf("secrets are %q and %q", c.WebhookSecret, c.OldSecret)
	}
	next = s.post(t, at, nil)
	if page := text(s.get(t, next, http.StatusOK).Find("main")); !strings.Contains(page, "the old one are refused") || strings.Contains(page, "valid until") {
		t.Errorf("without time, the page says %s", page)
	}
	want := []string{"EDIT-COURSEalphafieldwebhook_secretkeep_old24h0m0s", "EDIT-COURSEalphafieldwebhook_secretkeep_old0s"}
	for i := range told {
		told[i] = strings.ReplaceAll(told[i], " ", "")
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("the security log (-want +got):\n%s", diff)
	}
}

func TestDeliveriesOnTheCoursePage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.addCourse(t, "alpha")
	accepted := course.Delivery{Service: "github", Event: "push", Verdict: course.DeliveryAccepted, Options: course.BuildOptions{RebuildAll: true}}
	_, err := s.store.RequestBuild(t.Context(), "alpha", course.BuildRequest{Trigger: course.TriggerHook, Delivery: &accepted})
	must(t, err)
	refused, err := s.store.RecordDelivery(t.Context(), "alpha", course.Delivery{Service: "gitlab", Event: "<b>", Verdict: course.DeliveryRefused, Reason: "Secrets didn't match"})
	must(t, err)
	doc := s.get(t, "/gitmanager/alpha/updates", http.StatusOK)
	rows := doc.Find("section[aria-labelledby=deliveries] tbody tr")
	if rows.Length() != 2 || !strings.Contains(text(rows.First()), "gitlab <b> refused Secrets didn't match") {
		t.Fatalf("deliveries %q", text(rows))
	}
	form := doc.Find("section[aria-labelledby=deliveries] form")
	if form.Length() != 1 {
		t.Fatalf("%d deliveries can be repeated, want 1", form.Length())
	}
	s.answer(t, formRequest(t, form.AttrOr("action", ""), nil), http.StatusSeeOther)
	b, err := s.store.Build(t.Context(), 2)
	if err != nil || !b.Options.RebuildAll {
		t.Errorf("the repeated build is %+v, %v", b, err)
	}
	s.answer(t, formRequest(t, fmt.Sprintf("/gitmanager/alpha/deliveries/%d/redeliver", refused.ID), nil), http.StatusNotFound)
}

// Deliveries show their headers, ten on a page.
func TestPagesOfDeliveries(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.addCourse(t, "alpha")
	for i := range 12 {
		_, err := s.store.RecordDelivery(t.Context(), "alpha", course.Delivery{
			Service: "github", Event: fmt.Sprint("e", i), Verdict: course.DeliveryIgnored,
			Headers: []course.Header{{Name: "X-Github-Delivery", Value: "<i>" + fmt.Sprint(i)}},
		})
		must(t, err)
	}
	const rows = "section[aria-labelledby=deliveries] tbody tr"
	page := s.get(t, "/gitmanager/alpha/updates", http.StatusOK)
	if n := page.Find(rows).Length(); n != 10 {
		t.Errorf("%d deliveries on the first page", n)
	}
	if got := text(page.Find(rows).First().Find("dl")); got != "X-Github-Delivery<i>11" {
		t.Errorf("headers %q", got)
	}
	next := page.Find("section[aria-labelledby=deliveries] a[rel=next]").AttrOr("href", "")
	page = s.get(t, "/gitmanager/alpha/updates"+strings.TrimSuffix(next, "#deliveries"), http.StatusOK)
	if n := page.Find(rows).Length(); n != 2 || page.Find("section[aria-labelledby=deliveries] a[rel=next]").Length() != 0 {
		t.Errorf("%d deliveries on the last page", n)
	}
	if got := text(s.get(t, "/gitmanager/alpha/updates?deliveries=1", http.StatusOK).Find("section[aria-labelledby=deliveries] .empty")); got != "There are no older deliveries." {
		t.Errorf("beyond the last page: %q", got)
	}
}

// gitmanager's edit form makes a new secret and is shown again.
func TestRegenerateSecretOfTheEditForm(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.addCourse(t, "alpha")
	form := url.Values{"key": {"alpha"}, "git_branch": {"other"}, "regenerate_secret": {"on"}}
	page := s.answer(t, formRequest(t, "/gitmanager/alpha/", form), http.StatusOK)
	c, err := s.store.Course(t.Context(), "alpha")
	must(t, err)
	if c.WebhookSecret == "secret-of-alpha" || c.OldSecret != "" || c.GitBranch != "other" || page.Find(".notice code").Text() != c.WebhookSecret {
		t.Errorf("course %+v, page says %q", c, text(page.Find(".notice")))
	}
}
