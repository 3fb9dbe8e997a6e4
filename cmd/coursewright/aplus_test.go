package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/serviceerror"

	"coursewright/internal/course"
	"coursewright/internal/coursetest"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/workflows"
)

// campus is a system that works with an A+ and a grader, tokens and all.
type campus struct {
	*harness
	world *coursetest.World
	repo  *gitrepotest.Repo
}

const instance = 5

// newCampus starts everything and registers one course, connected to A+.
func newCampus(t *testing.T) *campus {
	t.Helper()
	world, err := coursetest.Start(t.Context(), coursetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := world.Close(); err != nil {
			t.Error(err)
		}
		for _, p := range slices.Concat(world.APlus.Problems(), world.Grader.Problems()) {
			t.Errorf("refused: %s", p)
		}
	})
	self, err := coursetest.NewParty("gitmanager")
	if err != nil {
		t.Fatal(err)
	}
	pem := func(text string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	h := newHarness(t, harnessOptions{environ: []string{
		"COURSEWRIGHT_DISABLE_LOGIN_CHECKS=false",
		"COURSEWRIGHT_DISABLE_JWT_SIGNING=false",
		"COURSEWRIGHT_PRIVATE_KEY=" + pem(self.PrivatePEM()),
		"COURSEWRIGHT_PUBLIC_KEY=" + pem(self.PublicPEM()),
		"COURSEWRIGHT_REMOTE_AUTHENTICATOR_UID=aplus",
		"COURSEWRIGHT_REMOTE_AUTHENTICATOR_URL=" + world.TokenURL(),
		"COURSEWRIGHT_REMOTE_AUTHENTICATOR_KEY=" + pem(world.APlus.Self.PublicPEM()),
		"COURSEWRIGHT_FRONTEND_URL=" + world.APlusURL,
		"COURSEWRIGHT_DEFAULT_GRADER_URL=" + world.GraderURL,
		"COURSEWRIGHT_REQUIRE_GRADERS=true",
		"COURSEWRIGHT_AUTO_PUBLISH=false",
	}})
	world.APlus.AddService(self.UID, &self.Key.PublicKey, h.base)
	world.APlus.SetInstance(coursetest.Instance{
		ID: instance, ConfigureURL: h.base + "/course/aplus-json", Recipients: []string{"teacher@example.org"},
	})
	c := &campus{harness: h, world: world, repo: gitrepotest.New(t)}
	c.register(t)
	return c
}

func (c *campus) register(t *testing.T) {
	t.Helper()
	id := int64(instance)
	row := course.New("course")
	row.RemoteID, row.GitOrigin, row.GitBranch, row.WebhookSecret = &id, c.repo.URL(), "main", "hook secret"
	if _, err := c.system.store.CreateCourse(t.Context(), row); err != nil {
		t.Fatal(err)
	}
}

// push commits and sends what a git host sends; it names the build.
func (c *campus) push(t *testing.T, files map[string]string) int64 {
	t.Helper()
	c.repo.Commit(files, "change")
	const body = `{"ref":"refs/heads/main"}`
	mac := hmac.New(sha256.New, []byte("hook secret"))
	mac.Write([]byte(body))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.base+"/gitmanager/course/hook", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-GitHub-Event", "push")
	r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("hook answered %d, %v", res.StatusCode, err)
	}
	rows, err := c.system.store.ListBuilds(t.Context(), "course", course.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	return rows[0].ID
}

// ended waits for a build and all that follows it.
func (c *campus) ended(t *testing.T, id int64) course.Build {
	t.Helper()
	b := c.await(id)
	c.idle("course")
	for _, mail := range []bool{false, true} {
		// A+ was told, unless there was nothing to tell.
		err := c.system.temporal.GetWorkflow(t.Context(), workflows.LMSCallID("course", mail), "").Get(t.Context(), nil)
		var none *serviceerror.NotFound
		if err != nil && !errors.As(err, &none) {
			t.Fatal(err)
		}
	}
	return b
}

// shownLog is the build log that A+ shows.
func (c *campus) shownLog(t *testing.T) string {
	t.Helper()
	log, err := c.world.APlus.BuildLog(t.Context(), instance)
	if err != nil {
		t.Fatal(err)
	}
	return log.Text
}

// The whole round: push, build, graders, store, A+ is told, reads and publishes,
// the graders are told, A+ answers, the log says so.
func TestTheWholeRoundThroughAPlus(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	b := c.ended(t, c.push(t, tiny("One")))
	log := c.shownLog(t)
	if b.Status != course.StatusSuccess || !strings.Contains(log, "A+ has imported the course.") {
		t.Fatalf("build ended %s %s\n%s", b.Status, b.Reason, log)
	}
	// More than one when a step could not reach Temporal for long and was begun
	// again: telling A+ twice is the same as once.
	imports := c.world.APlus.Imports()
	if len(imports) == 0 {
		t.Fatal("A+ has imported nothing")
	}
	for _, in := range imports {
		if !in.Success || len(in.Errors) > 0 {
			t.Errorf("an import is %+v", in)
		}
	}
	c.published("course", b.Version)
	if got := string(c.get("/static/course/index.html", http.StatusOK)); got != "<p>One</p>\n" {
		t.Errorf("the published page is %q", got)
	}
	for _, o := range imports[0].Objects {
		if o.Class == "exercise" && o.URL == nil {
			t.Errorf("exercise %s has no address: the grader's answer is lost", o.Key)
		}
	}
	at, ok := c.world.Grader.Course(instance)
	if !ok || at.Live == nil || at.Live.Version != b.Version {
		t.Errorf("the grader shows %+v, want version %s", at, b.Version)
	}
	if again := c.world.APlus.Import(t.Context(), instance); !again.Success {
		t.Errorf("publishing what is published already: %v", again.Errors)
	}
}

func TestAFailedBuildIsMailedAndPublishesNothing(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	good := c.ended(t, c.push(t, tiny("One")))
	files := tiny("Two")
	files["build.sh"] = "echo oh no; exit 3\n"
	b := c.ended(t, c.push(t, files))
	if b.Status != course.StatusFailed {
		t.Fatalf("build ended %s", b.Status)
	}
	mails := c.world.APlus.Mails()
	if len(mails) != 1 || mails[0].Subject != "Course course build failed" || !strings.Contains(mails[0].Message, "oh no") {
		t.Errorf("mails are %+v", mails)
	}
	c.published("course", good.Version)
}

// A+ reads one release and publishes it while the next build is stored: the
// address names the version, so A+ is told to read again.
func TestAStaleVersionIsNotPublished(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.setAutomatic(t, false)
	c.ended(t, c.push(t, tiny("One")))
	stale := c.publishAddress(t)
	newer := c.ended(t, c.push(t, tiny("Two")))
	var refused struct {
		Success bool
		Errors  string
	}
	c.asAPlus(t, stale, &refused)
	if refused.Success || !strings.Contains(refused.Errors, "Import the course again") {
		t.Errorf("publishing a stale version answered %+v", refused)
	}
	if in := c.world.APlus.Import(t.Context(), instance); !in.Success {
		t.Errorf("reading again: %v", in.Errors)
	}
	c.published("course", newer.Version)
}

// Two teachers press the button at once, while a build runs.
func TestTwoImportsAtOnceDuringABuild(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	c.setAutomatic(t, false)
	first := c.ended(t, c.push(t, tiny("One")))
	files := tiny("Two")
	gate := newGate(t)
	files["build.sh"] = "echo started; read go <" + gate.path + "\n" + files["build.sh"]
	next := c.push(t, files)
	c.logged(t, next, "started")
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if in := c.world.APlus.Import(t.Context(), instance); !in.Success {
				t.Errorf("import: %v", in.Errors)
			}
		})
	}
	both.Wait()
	c.published("course", first.Version)
	gate.open(t)
	second := c.ended(t, next)
	if in := c.world.APlus.Import(t.Context(), instance); !in.Success {
		t.Errorf("import of the next release: %v", in.Errors)
	}
	c.published("course", second.Version)
}

// gate is a pipe at which a build command waits for the test.
type gate struct {
	path string
	pipe *os.File
}

func newGate(t *testing.T) gate {
	t.Helper()
	g := gate{path: filepath.Join(t.TempDir(), "gate")}
	err := syscall.Mkfifo(g.path, 0o600)
	if err == nil {
		g.pipe, err = os.OpenFile(g.path, os.O_RDWR, 0) // so that neither side waits for the other to open it
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.pipe.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func (g gate) open(t *testing.T) {
	t.Helper()
	if _, err := g.pipe.WriteString("go\n"); err != nil {
		t.Fatal(err)
	}
}

// A+ that cannot be reached fails no build; it is asked again for a while.
func TestAPlusAwayFailsNoBuild(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	var mu sync.Mutex
	refused := 0
	c.world.APlus.Intercept = func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if refused == 2 || !strings.HasSuffix(r.URL.Path, "/notify_update/") {
			return false
		}
		refused++
		w.WriteHeader(http.StatusBadGateway)
		return true
	}
	begun := time.Now()
	b := c.ended(t, c.push(t, tiny("One")))
	log := c.shownLog(t)
	if b.Status != course.StatusSuccess || b.FinishedAt.Sub(begun) > time.Minute {
		t.Errorf("build ended %s at %s", b.Status, b.FinishedAt)
	}
	if !strings.Contains(log, "trying again") || !strings.Contains(log, "A+ has imported the course.") {
		t.Errorf("the log does not tell of the second try:\n%s", log)
	}
	c.published("course", b.Version)
}

// While A+ is away the next build is not held up, and then A+ is told of that
// one, at once.
func TestTheNextBuildDoesNotWaitForAPlus(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	var back atomic.Bool
	c.world.APlus.Intercept = func(w http.ResponseWriter, r *http.Request) bool {
		away := strings.HasSuffix(r.URL.Path, "/notify_update/") && !back.Load()
		if away {
			w.WriteHeader(http.StatusBadGateway)
		}
		return away
	}
	first := c.push(t, tiny("One"))
	c.logged(t, first, "trying again in 10s")
	second := c.push(t, tiny("Two"))
	c.succeed(second)
	c.logged(t, second, "trying again")
	back.Store(true)
	b := c.ended(t, second)
	c.published("course", b.Version)
	c.logged(t, first, fmt.Sprintf("A+ is told of build %d instead", second))
}

// logged waits until a build's log holds some words.
func (c *campus) logged(t *testing.T, id int64, words string) {
	t.Helper()
	for log := ""; !strings.Contains(log, words); {
		chunks, _, err := c.system.store.ReadLog(t.Context(), id, 0)
		if err != nil {
			t.Fatal(err)
		}
		log = ""
		for _, chunk := range chunks {
			log += chunk.Text
		}
		if err := waitShortly(t.Context()); err != nil {
			t.Fatalf("build %d logs no %q:\n%s", id, words, log)
		}
	}
}

// A+ in trouble is asked for tokens as often as the protocol says, not that
// often for each try of the call that needs one; the mail about it gets through
// when A+ is back.
func TestAPlusInTroubleIsNotAskedForEver(t *testing.T) {
	t.Parallel()
	c := newCampus(t)
	var mu sync.Mutex
	asked := map[string]int{}
	c.world.APlus.Intercept = func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		asked[r.URL.Path]++
		if asked["/api/v2/courses/5/send_mail/"] > 2 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	id := c.push(t, tiny("One"))
	b := c.ended(t, id)
	mu.Lock()
	defer mu.Unlock()
	want := map[string]int{"/api/v2/get-token/": 4, "/api/v2/courses/5/send_mail/": 3}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("calls of A+ (-want +got):\n%s", diff)
	}
	const why = "was not called: A+ gave no token for"
	if b.Status != course.StatusFailed || !strings.Contains(b.Reason, why) {
		t.Errorf("build ended %s: %s", b.Status, b.Reason)
	}
	mails := c.world.APlus.Mails()
	if len(mails) != 1 || strings.Count(mails[0].Message, why) != 5 || !strings.Contains(mails[0].Message, "trying again in 1.6s") {
		t.Errorf("mails are %+v", mails)
	}
}

func (c *campus) setAutomatic(t *testing.T, on bool) {
	t.Helper()
	c.change(t, func(row *course.Course) { row.UpdateAutomatically = on })
}

// change changes the course's settings.
func (c *campus) change(t *testing.T, how func(row *course.Course)) {
	t.Helper()
	row, err := c.system.store.Course(t.Context(), "course")
	if err != nil {
		t.Fatal(err)
	}
	how(&row)
	if _, err := c.system.store.UpdateCourse(t.Context(), row); err != nil {
		t.Fatal(err)
	}
}

// publishAddress reads aplus-json as A+ does.
func (c *campus) publishAddress(t *testing.T) string {
	t.Helper()
	var d struct {
		Address string `json:"publish_url"`
	}
	c.asAPlus(t, c.base+"/course/aplus-json", &d)
	return d.Address
}

// asAPlus reads a JSON answer with the token that A+ would send.
func (c *campus) asAPlus(t *testing.T, address string, v any) {
	t.Helper()
	token, err := c.world.APlus.Token(address, instance, 1, 2) // read and write
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // only read
	if err := json.NewDecoder(res.Body).Decode(v); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s answered %d, %v", address, res.StatusCode, err)
	}
}
