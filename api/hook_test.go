package api_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/api"
	"coursewright/internal/course"
)

func signature(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestHookOptions(t *testing.T) {
	t.Parallel()
	const push, form = `{"ref":"refs/heads/main"}`, "application/x-www-form-urlencoded"
	signed := []string{"X-GitHub-Event", "push", "X-Hub-Signature-256", signature("s3cret-for-tests-intro", push)}
	all := course.BuildOptions{SkipGit: true, SkipBuild: true, SkipNotify: true, RebuildAll: true, BuildImage: "i:1", BuildCommand: "make"}
	const allQuery = "?skip_git=on&skip_build=true&skip_notify=on&rebuild_all=true&build_image=i:1&build_command=make"
	tests := []struct {
		name, query, body string
		headers           []string
		want              course.BuildOptions
	}{
		{"none", "", "", nil, course.BuildOptions{}},
		{"query", allQuery, "", nil, all},
		{"form", "", allQuery[1:], []string{"Content-Type", form}, all},
		{"query wins", "?build_image=&rebuild_all=no", "build_image=i:1&rebuild_all=on&skip_git=on", []string{"Content-Type", form}, course.BuildOptions{SkipGit: true}},
		{"other words are false", "?skip_git=1&skip_build=True&rebuild_all=yes", "", nil, course.BuildOptions{}},
		{"multipart", "", "--b\r\nContent-Disposition: form-data; name=\"skip_git\"\r\n\r\non\r\n--b--\r\n", []string{"Content-Type", "multipart/form-data; boundary=b"}, course.BuildOptions{SkipGit: true}},
		{"odd signs in a form", "", "a;b&build_image=%zz;%3d&skip_git=on&=&%", []string{"Content-Type", form}, course.BuildOptions{SkipGit: true, BuildImage: "%zz;="}},
		{"broken forms hold none", "", "--b", []string{"Content-Type", "multipart/form-data; boundary=b"}, course.BuildOptions{}},
		{"signed: no image, no command", allQuery, push, signed, course.BuildOptions{SkipGit: true, SkipBuild: true, SkipNotify: true, RebuildAll: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			f.addCourse(t, "intro")
			w := f.send(t, "POST", "/gitmanager/intro/hook"+tt.query, tt.body, tt.headers...)
			if w.Code != 200 || w.Body.String() != "ok" {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			b, err := f.store.Build(t.Context(), 1)
			must(t, err)
			if diff := cmp.Diff(tt.want, b.Options); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
			if f.builds.wokenKeys() != "intro" || b.Trigger != course.TriggerHook || b.RequestIP != "192.0.2.1" {
				t.Errorf("woken %q, build %+v", f.builds.wokenKeys(), b)
			}
		})
	}
}

func TestHookIgnoresWithoutABuild(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	const ping = `{"zen":"x"}`
	w := f.send(t, "POST", "/gitmanager/intro/hook", ping, "X-GitHub-Event", "ping", "X-Hub-Signature-256", signature("s3cret-for-tests-intro", ping))
	if w.Code != 200 || !strings.HasPrefix(w.Body.String(), "Ignored. ") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	list, err := f.store.ListBuilds(t.Context(), "intro", course.Page{Limit: 1})
	must(t, err)
	if len(list) != 0 || f.builds.wokenKeys() != "" {
		t.Errorf("builds %v, woken %q", list, f.builds.wokenKeys())
	}
}

func TestImmediateHook(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *api.Config) { c.Immediate = true })
	f.addCourse(t, "intro")
	if w := f.send(t, "POST", "/gitmanager/intro/hook", ""); w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	b, err := f.store.Build(t.Context(), 1)
	must(t, err)
	if b.Status != course.StatusSuccess {
		t.Errorf("the hook answered while the build was %s", b.Status)
	}
}

// Every delivery of a git host is kept with what became of it, and one that
// made a build can be repeated.
func TestDeliveriesAreKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	send := func(body, secret string) {
		t.Helper()
		f.send(t, "POST", "/gitmanager/intro/hook?rebuild_all=on", body,
			"X-GitHub-Event", "push", "X-GitHub-Delivery", "1-2", "X-Hub-Signature-256", signature(secret, body))
	}
	send(`{"ref":"refs/heads/main"}`, "s3cret-for-tests-intro")
	send(`{"ref":"refs/heads/other"}`, "s3cret-for-tests-intro")
	send(`{"ref":"refs/heads/main"}`, "wrong")
	f.send(t, "POST", "/gitmanager/intro/hook", "") // a script is no delivery

	w := f.send(t, "GET", "/api/v1/courses/intro/deliveries", "")
	var list struct {
		Items []struct {
			ID             int64
			Verdict, Event string
			Reason         string
			Build          *int64
		}
	}
	must(t, json.Unmarshal(w.Body.Bytes(), &list))
	var got []string
	for _, d := range list.Items {
		got = append(got, d.Event+" "+d.Verdict)
	}
	if diff := cmp.Diff([]string{"push refused", "push ignored", "push accepted"}, got); diff != "" {
		t.Fatalf("deliveries (-want +got):\n%s", diff)
	}
	if strings.Contains(w.Body.String(), "s3cret") || strings.Contains(w.Body.String(), "sha256=") {
		t.Errorf("a secret shows: %s", w.Body)
	}
	for i, want := range []int{http.StatusConflict, http.StatusConflict, http.StatusAccepted} {
		at := fmt.Sprintf("/api/v1/courses/intro/deliveries/%d/redeliver", list.Items[i].ID)
		if w := f.send(t, "POST", at, ""); w.Code != want {
			t.Errorf("%s: status %d, want %d: %s", at, w.Code, want, w.Body)
		}
	}
	builds, err := f.store.ListBuilds(t.Context(), "intro", course.Page{Limit: 9})
	must(t, err)
	if len(builds) != 3 || !builds[0].Options.RebuildAll {
		t.Errorf("builds are %+v, want the accepted one, the script's and the repeated one", builds)
	}
	if w := f.send(t, "POST", "/api/v1/courses/intro/deliveries/999/redeliver", ""); w.Code != http.StatusNotFound {
		t.Errorf("an unknown delivery: status %d", w.Code)
	}
}

// A renewed secret may leave the old one valid for a while.
func TestSecretRotation(t *testing.T) {
	t.Parallel()
	const push = `{"ref":"refs/heads/main"}`
	for _, c := range []struct {
		body       string
		renew, old int
	}{
		{"", http.StatusOK, http.StatusForbidden},
		{`{"keep_old_hours": 24}`, http.StatusOK, http.StatusOK},
		{`{"keep_old_hours": 0}`, http.StatusOK, http.StatusForbidden},
		{`{"keep_old_hours": 100000}`, http.StatusBadRequest, http.StatusOK},
		{`{"keep_old_days": 1}`, http.StatusBadRequest, http.StatusOK},
	} {
		f := newFixture(t, nil)
		f.addCourse(t, "intro")
		w := f.send(t, "POST", "/api/v1/courses/intro/webhook-secret", c.body)
		if w.Code != c.renew {
			t.Errorf("%s: status %d, want %d: %s", c.body, w.Code, c.renew, w.Body)
		}
		found, err := f.store.Course(t.Context(), "intro")
		must(t, err)
		for secret, want := range map[string]int{"s3cret-for-tests-intro": c.old, found.WebhookSecret: http.StatusOK} {
			if w := f.send(t, "POST", "/gitmanager/intro/hook", push, "X-GitHub-Event", "push", "X-Hub-Signature-256", signature(secret, push)); w.Code != want {
				t.Errorf("%s: a delivery: status %d, want %d", c.body, w.Code, want)
			}
		}
	}
}

// The old secret ends when its time is over, and the new one stays.
func TestOldSecretsEnd(t *testing.T) {
	t.Parallel()
	const push, hours = `{"ref":"refs/heads/main"}`, 24
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	f := newFixture(t, func(c *api.Config) { c.Now = func() time.Time { return now } })
	f.addCourse(t, "intro")
	renewed := now
	if w := f.send(t, "POST", "/api/v1/courses/intro/webhook-secret", fmt.Sprintf(`{"keep_old_hours": %d}`, hours)); w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	found, err := f.store.Course(t.Context(), "intro")
	must(t, err)
	for _, tt := range []struct {
		after     time.Duration
		old, next int
	}{
		{0, http.StatusOK, http.StatusOK},
		{hours*time.Hour - time.Second, http.StatusOK, http.StatusOK},
		{hours * time.Hour, http.StatusForbidden, http.StatusOK},
		{1000 * time.Hour, http.StatusForbidden, http.StatusOK},
	} {
		now = renewed.Add(tt.after)
		for secret, want := range map[string]int{"s3cret-for-tests-intro": tt.old, found.WebhookSecret: tt.next} {
			if w := f.send(t, "POST", "/gitmanager/intro/hook", push, "X-GitHub-Event", "push", "X-Hub-Signature-256", signature(secret, push)); w.Code != want {
				t.Errorf("GitHub, secret %s after %s: status %d, want %d", secret, tt.after, w.Code, want)
			}
			if w := f.send(t, "POST", "/gitmanager/intro/hook", push, "X-Gitlab-Event", "Push Hook", "X-Gitlab-Token", secret); w.Code != want {
				t.Errorf("GitLab, secret %s after %s: status %d, want %d", secret, tt.after, w.Code, want)
			}
		}
	}
}

// A course that came over from gitmanager may have no secret at all.
func TestHookOfACourseWithoutASecret(t *testing.T) {
	t.Parallel()
	const push = `{"ref":"refs/heads/main"}`
	for allowed, want := range map[bool]int{false: http.StatusForbidden, true: http.StatusOK} {
		f := newFixture(t, func(c *api.Config) { c.AllowUnsignedHooks = allowed })
		f.addCourse(t, "intro")
		c, err := f.store.Course(t.Context(), "intro")
		must(t, err)
		c.WebhookSecret = ""
		_, err = f.store.UpdateCourse(t.Context(), c)
		must(t, err)
		if w := f.send(t, "POST", "/gitmanager/intro/hook", push, "X-GitHub-Event", "push"); w.Code != want {
			t.Errorf("allowed %v: status %d, want %d: %s", allowed, w.Code, want, w.Body)
		}
	}
}

func TestHookLimitsAndLogs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	if w := f.send(t, "POST", "/gitmanager/intro/hook", strings.Repeat("x", 25<<20+1)); w.Code != 413 {
		t.Errorf("a huge body: status %d", w.Code)
	}
	f.send(t, "POST", "/gitmanager/intro/hook", `{"ref":"refs/heads/main"}`, "X-Gitlab-Event", "Push Hook", "X-Gitlab-Token", "s3cret-for-tests-intro")
	if log := f.log.String(); strings.Contains(log, "s3cret") || !strings.Contains(log, "INITIATE-BUILD") {
		t.Errorf("log: %s", log)
	}
	if w := f.send(t, "POST", "/api/v1/courses", `{"key":"`+strings.Repeat("x", 1<<20)+`"}`); w.Code != 413 {
		t.Errorf("a huge course: status %d", w.Code)
	}
}

func TestKeyStaysDuringABuild(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.addCourse(t, "intro")
	b := f.endedBuild(t, "intro", course.StatusRunning, "")
	w := f.send(t, "PATCH", "/api/v1/courses/intro", `{"key":"other"}`)
	if w.Code != 409 || !strings.Contains(w.Body.String(), fmt.Sprintf("Build %d has not ended", b.ID)) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if w := f.send(t, "PATCH", "/api/v1/courses/intro", `{"git_branch":"dev"}`); w.Code != 200 {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

// Whoever replaces the settings of a course does not send its secrets, and ends
// none of them.
func TestSettingsKeepSecrets(t *testing.T) {
	t.Parallel()
	for _, replace := range [][3]string{
		{"PUT", "/api/v1/courses/intro", `{"key":"intro","git_branch":"main","remote_id":5}`},
		{"PUT", "/api/gitmanager/id/5", "key=intro&git_branch=main&remote_id=5"},
	} {
		f := newFixture(t, nil)
		c := f.addCourse(t, "intro")
		c.RemoteID = new(int64(5))
		c.RenewSecret(time.Now(), time.Hour)
		_, err := f.store.UpdateCourse(t.Context(), c)
		must(t, err)
		if w := f.send(t, replace[0], replace[1], replace[2], "Content-Type", "application/x-www-form-urlencoded", "If-Match", "*"); w.Code != http.StatusOK {
			t.Fatalf("%s: status %d: %s", replace[1], w.Code, w.Body)
		}
		got, err := f.store.Course(t.Context(), "intro")
		must(t, err)
		if diff := cmp.Diff(c.Secrets(time.Now()), got.Secrets(time.Now())); diff != "" {
			t.Errorf("%s: secrets (-before +after):\n%s", replace[1], diff)
		}
	}
}
