package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/web"
)

// diffs are the same differences between any releases.
type diffs struct {
	items    []course.DiffItem
	waits    bool
	approved []course.Approval
	missing  bool
}

func (d *diffs) Diff(key, v, against string) (course.Diff, error) {
	if d.missing {
		return course.Diff{}, course.ErrNotFound
	}
	if against == "" {
		against = version("p")
	}
	return course.Diff{
		New: course.Release{Key: key, Version: v, BuildID: 2}, Old: course.Release{Key: key, Version: against, BuildID: 1}, Items: d.items,
	}, nil
}

func (d *diffs) Waiting(c course.Course, v string) (course.Diff, bool, error) {
	out, err := d.Diff(c.Key, v, "")
	return out, d.waits, err
}

func (d *diffs) Approval(course.Release) (course.Approval, error) {
	if len(d.approved) == 0 {
		return course.Approval{}, course.ErrNotFound
	}
	return d.approved[0], nil
}

func (d *diffs) Approve(key, v, against string, a course.Approval) (course.Diff, error) {
	a.Against = against
	d.approved, d.waits = append(d.approved, a), false
	return d.Diff(key, v, against)
}

func (d *diffs) Announce(context.Context, course.Release, string) error { return nil }

func (d *diffs) Previews(key string) ([]course.Release, error) {
	return []course.Release{{Key: key, Version: version("d"), BuildID: 3, Preview: "draft<b>", StoredAt: time.Date(2026, 9, 1, 11, 0, 0, 0, time.UTC)}}, nil
}

// someDiffs are differences of all kinds.
func someDiffs() []course.DiffItem {
	at := func(module, parent, key string) course.DiffPlace {
		return course.DiffPlace{Module: module, Parent: parent, Key: key}
	}
	return []course.DiffItem{
		{Kind: course.DiffModule, Change: course.DiffChanged, Name: "First", Old: at("", "", "m1"), New: at("", "", "m1"), Fields: []course.DiffField{{Name: "close", Old: "2026-01-01", New: ""}}},
		{Kind: course.DiffChapter, Change: course.DiffAdded, Name: "<script>", New: at("m1", "", "c")},
		{Kind: course.DiffExercise, Change: course.DiffMoved, Name: "Loops", Old: at("m1", "c", "e"), New: at("m1", "", "e")},
		{Kind: course.DiffExercise, Change: course.DiffRemoved, Name: "Lists", Old: at("m1", "c", "lists"), Dangerous: true},
	}
}

func withDiffs(d *diffs) func(*web.Config) {
	return func(c *web.Config) {
		c.Diffs, c.Announcer, c.Previews = d, d, d
		c.Caller = func(*http.Request) string { return "user:teacher" }
	}
}

func TestChangesOfARelease(t *testing.T) {
	t.Parallel()
	d := &diffs{items: someDiffs(), waits: true}
	s := newSite(t, withDiffs(d))
	s.addCourse(t, "intro")
	s.fake.stored = &course.Release{Key: "intro", Version: version("s"), BuildID: 2}
	s.fake.published = &course.Release{Key: "intro", Version: version("p"), BuildID: 1}
	s.fake.releases = []course.Release{*s.fake.published}

	page := s.get(t, "/gitmanager/intro/updates", http.StatusOK)
	if waiting := text(page.Find("#state")); !strings.Contains(waiting, "1 added 1 removed 1 moved 1 changed") || !strings.Contains(waiting, "It waits for an approval.") {
		t.Errorf("the course's page says %q", waiting)
	}
	if n := page.Find(`form[action$="/` + version("s") + `/publish"]`).Length(); n != 0 {
		t.Errorf("%d ways to publish what waits, which would be refused", n)
	}
	at := "/gitmanager/intro/releases/" + version("s")
	page = s.get(t, at+"/diff", http.StatusOK)
	section := page.Find("section[aria-labelledby=dangerous]")
	if got := text(section.Find("tbody")); got != "removed exercise Lists m1 / c / lists" {
		t.Errorf("in danger: %q", got)
	}
	want := []string{"changed module First m1 close: 2026-01-01 → none", "added chapter <script> m1 / c", "moved exercise Loops m1 / c / e → m1 / e"}
	var got []string
	for _, row := range page.Find("section[aria-labelledby=harmless] tbody tr").EachIter() {
		got = append(got, text(row))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("other changes (-want +got):\n%s", diff)
	}
	against, _ := page.Find(`input[name="against"]`).Attr("value")
	if to := s.post(t, at+"/approve", url.Values{"against": {against}}); to != "/gitmanager/intro/updates?done=approved" {
		t.Errorf("the approval leads to %s", to)
	}
	if len(d.approved) != 1 || d.approved[0].By != "user:teacher" || d.approved[0].Against != version("p") {
		t.Errorf("approved: %+v", d.approved)
	}
	if page := s.get(t, at+"/diff", http.StatusOK); !strings.Contains(text(page.Selection), "Approved by user:teacher") || page.Find(`form[action$="/approve"]`).Length() > 0 {
		t.Error("the page does not tell who approved")
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, at+"/diff", nil)
	r.Header.Set("Accept-Language", "fi")
	if got := text(s.answer(t, r, http.StatusOK).Find("section[aria-labelledby=dangerous] tbody")); got != "poistettu tehtävä Lists m1 / c / lists" {
		t.Errorf("in Finnish: %q", got)
	}
	for _, target := range []string{at + "/diff?against=../x", "/gitmanager/intro/releases/x/diff"} {
		s.get(t, target, http.StatusNotFound)
	}
	d.missing = true
	s.get(t, at+"/diff", http.StatusNotFound)
	s.get(t, "/gitmanager/intro/updates", http.StatusOK)
}

func TestPreviewsOnTheCoursePage(t *testing.T) {
	t.Parallel()
	s := newSite(t, withDiffs(&diffs{}))
	s.addCourse(t, "intro")
	page := s.get(t, "/gitmanager/intro/updates", http.StatusOK)
	link := page.Find("#previews-part a").First()
	if to, _ := link.Attr("href"); to != "/preview/intro/"+version("d")+"/" || text(link) != "draft<b>" {
		t.Errorf("the preview is %q at %s", text(link), to)
	}
	if to := s.post(t, "/gitmanager/intro/builds", url.Values{"preview_branch": {" feature/x "}}); to != "/gitmanager/intro/builds/1" {
		t.Errorf("the form leads to %s", to)
	}
	b, err := s.store.Build(t.Context(), 1)
	must(t, err)
	if diff := cmp.Diff(course.BuildOptions{PreviewBranch: "feature/x"}, b.Options); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, formRequest(t, "/gitmanager/intro/builds", url.Values{"preview_branch": {"a..b"}}))
	if w.Code != http.StatusBadRequest {
		t.Errorf("a branch that is none: status %d", w.Code)
	}
}

// What builds a preview again must not build the course, which is published.
func TestAPreviewIsBuiltAgainAsAPreview(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.addCourse(t, "intro")
	wanted := course.BuildOptions{PreviewBranch: "draft", SkipNotify: true}
	b, err := s.store.RequestBuild(t.Context(), "intro", course.BuildRequest{Options: wanted, Trigger: course.TriggerPage})
	must(t, err)
	_, err = s.store.FinishBuild(t.Context(), b.ID, course.BuildResult{Status: course.StatusCancelled})
	must(t, err)
	form := url.Values{}
	forms := s.get(t, "/gitmanager/intro/builds/1", http.StatusOK).Find(`form[action="/gitmanager/intro/builds"]`)
	forms.Find("input").Each(func(_ int, i *goquery.Selection) { form.Add(i.AttrOr("name", ""), i.AttrOr("value", "")) })
	if forms.Length() != 1 {
		t.Fatalf("%d buttons start builds; want one", forms.Length())
	}
	s.post(t, "/gitmanager/intro/builds", form)
	again, err := s.store.Build(t.Context(), 2)
	must(t, err)
	if diff := cmp.Diff(wanted, again.Options); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
}

func TestTheFormHasTheWishes(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.addCourse(t, "intro")
	s.post(t, "/gitmanager/intro/", url.Values{"key": {"intro"}, "git_branch": {"main"}, "approve_removals": {"on"}, "preview_branches": {"on"}})
	page := s.get(t, "/gitmanager/intro/", http.StatusOK)
	for _, name := range []string{"approve_removals", "preview_branches"} {
		if _, on := page.Find("input[name=" + name + "]").Attr("checked"); !on {
			t.Errorf("%s is not kept", name)
		}
	}
	s.post(t, "/gitmanager/intro/", url.Values{"key": {"intro"}, "git_branch": {"main"}})
	if c, err := s.store.Course(t.Context(), "intro"); err != nil || c.ApproveRemovals || c.PreviewBranches {
		t.Errorf("the course is %+v, %v", c, err)
	}
}
