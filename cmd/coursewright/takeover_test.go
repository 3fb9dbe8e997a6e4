package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo"
	"coursewright/internal/gmimport/gmimporttest"
	"coursewright/internal/settings"
)

// oldService is a gitmanager to take over from, and where its courses go.
type oldService struct {
	db       *gmimporttest.Database
	settings settings.Settings
	options  takeoverOptions
	data     string
	root     string // of gitmanager's folders
}

const oldVersion = "abcdefghijABCDEFGHIJ0123456789"

func newOldService(t *testing.T, environ []string) *oldService {
	t.Helper()
	root := t.TempDir()
	o := &oldService{data: filepath.Join(root, "data"), root: filepath.Join(root, "gm")}
	o.options = takeoverOptions{
		from: filepath.Join(root, "db.sqlite3"), courses: filepath.Join(o.root, "courses"), store: filepath.Join(o.root, "store"),
		sshKey: filepath.Join(o.root, "id_ecdsa"), source: "gitmanager",
	}
	o.db = gmimporttest.New(t, o.options.from)
	for _, dir := range []string{o.options.courses, o.options.store, filepath.Join(o.data, "courses")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	o.settings, err = settings.Load(settings.Sources{Defaults: settings.DevDefaults(o.data), Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{o.settings.StorePath, o.settings.CoursesPath} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := migrateDatabase(t.Context(), o.settings, false, io.Discard); err != nil {
		t.Fatal(err)
	}
	if _, err := gitrepo.EnsureKey(o.options.sshKey); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *oldService) write(t *testing.T, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(o.root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// release puts a built course into one of gitmanager's folders.
func (o *oldService) release(t *testing.T, place, key, title, version string) {
	t.Helper()
	files := map[string]string{place + "/" + key + ".version": version, place + "/" + key + ".defaults.json": `{"ex1": {"url": "https://grader.example/ex1"}}`}
	for name, text := range tiny(title) {
		files[place+"/"+key+"/"+name] = text
	}
	files[place+"/"+key+"/_build/index.html"] = "<p>" + title + "</p>"
	o.write(t, files)
}

func (o *oldService) take(t *testing.T, dryRun bool) *takeoverReport {
	t.Helper()
	options := o.options
	options.dryRun = dryRun
	r, err := importGitmanager(t.Context(), o.settings, options)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// snapshot is every file of gitmanager's with its text.
func (o *oldService) snapshot(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(o.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Type() == fs.ModeSymlink {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		out[path] = info.Mode().String() + info.ModTime().String() + string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *takeoverReport) course(t *testing.T, key string) *courseReport {
	t.Helper()
	for _, c := range r.Courses {
		if c.Key == key {
			return c
		}
	}
	t.Fatalf("the report has no course %s", key)
	return nil
}

// fill makes a service with courses as they are met.
func (o *oldService) fill(t *testing.T) {
	t.Helper()
	now := time.Now().UTC()
	at := func(d time.Duration) string { return now.Add(d).Format("2006-01-02 15:04:05.000000") }
	o.db.Course(3, "good", 77, "s3cret")
	o.db.Update(31, 3, "FAILED", at(-3*time.Hour), at(-2*time.Hour), strings.Repeat("many lines of output\n", 400_000))
	o.db.Update(32, 3, "SUCCESS", at(-time.Hour), at(time.Hour), "all is well")
	o.db.Update(33, 3, "RUNNING", at(2*time.Hour), nil, "so far")
	o.db.Update(34, 3, "PENDING", at(3*time.Hour), nil, nil)
	o.release(t, "courses", "good", "Good", oldVersion)
	o.release(t, "store", "good", "Better", strings.Repeat("B2b", 10))
	o.db.Course(4, "broken", nil, nil)
	o.release(t, "courses", "broken", "Broken", strings.Repeat("C3c", 10))
	if err := os.Remove(filepath.Join(o.options.courses, "broken/ex1.yaml")); err != nil {
		t.Fatal(err)
	}
	o.db.Course(5, "api", 5, "reserved")
	o.db.Course(8, "8", 9, "digits")
	o.db.Course(6, "linked", 6, "linked")
	o.release(t, "courses", "linked", "Linked", strings.Repeat("D4d", 10))
	if err := os.Symlink("/etc/passwd", filepath.Join(o.options.courses, "linked/_build/passwd")); err != nil {
		t.Fatal(err)
	}
	o.db.Course(7, "unbuilt", 0, "unbuilt")
	o.db.Exec("UPDATE builder_course SET update_hook = 'nonsense' WHERE id = 7")
}

func TestImportTakesEverythingOnce(t *testing.T) {
	t.Parallel()
	for name, environ := range databases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOldService(t, environ(t))
			o.fill(t)
			before := o.snapshot(t)
			dry := o.take(t, true)
			if st, err := openDatabase(t.Context(), o.settings, "test", false); err != nil {
				t.Fatal(err)
			} else if list, err := st.ListCourses(t.Context(), course.Page{Limit: 9}); err != nil || len(list) > 0 {
				t.Errorf("after the dry run there are %d courses, %v", len(list), errors.Join(err, st.Close()))
			}
			real := o.take(t, false)
			o.checkFirst(t, real)
			if diff := cmp.Diff(withoutFiles(dry), withoutFiles(real)); diff != "" {
				t.Errorf("the dry run told something else (-dry +real):\n%s", diff)
			}
			again := o.take(t, false)
			if a := again.Totals; a.Taken+a.Changed+a.Builds+a.Releases > 0 || again.SSHKey.State != stateSame || a.Problems != real.Totals.Problems {
				t.Errorf("the second run tells %+v, key %+v; want nothing done", a, again.SSHKey)
			}
			if diff := cmp.Diff(before, o.snapshot(t)); diff != "" {
				t.Errorf("gitmanager's folders have changed:\n%.2000s", diff)
			}
		})
	}
}

// withoutFiles is a report without what a dry run cannot know.
func withoutFiles(r *takeoverReport) *takeoverReport {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	text = regexp.MustCompile(`"(files|linked)":\d+`).ReplaceAll(text, []byte(`"$1":0`))
	var out takeoverReport
	if err := json.Unmarshal(text, &out); err != nil {
		panic(err)
	}
	out.DryRun = false
	return &out
}

func (o *oldService) checkFirst(t *testing.T, r *takeoverReport) {
	t.Helper()
	for key, want := range map[string]string{"good": stateNew, "broken": stateNew, "api": stateFailed, "linked": stateNew, "unbuilt": stateNew, "8": stateNew} {
		if got := r.course(t, key); got.State != want {
			t.Errorf("course %s: %+v; want %s", key, got, want)
		}
	}
	if notes := r.course(t, "8").Notes; len(notes) != 1 || !strings.Contains(notes[0], "Digits alone") {
		t.Errorf("the course with a number as its key: %q; want it told", notes)
	}
	good, broken := r.course(t, "good"), r.course(t, "broken")
	if good.Builds != 4 || good.Published.State != stateNew || good.Published.Linked != good.Published.Files || good.Published.Files == 0 || good.Published.NeedsBuild {
		t.Errorf("good: %+v, published %+v; want 4 builds and a release without copying", good, good.Published)
	}
	if good.Stored == nil || good.Stored.State != stateNew || good.Stored.Linked != 0 {
		t.Errorf("good: stored %+v; want it copied", good.Stored)
	}
	if broken.Published.State != stateNew || !broken.Published.NeedsBuild || !strings.Contains(broken.Published.Reason, "ex1") {
		t.Errorf("broken: %+v; want files that are served and the word that it needs a build", broken.Published)
	}
	if p := r.course(t, "linked"); len(p.Problems) != 1 || !strings.Contains(p.Problems[0], "passwd") || p.Published.State != stateFailed {
		t.Errorf("linked: %+v; want the link named", p)
	}
	info, err := os.Stat(o.settings.SSHKeyPath)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the SSH key is %v, %v; want mode 0600", info, err)
	}
}

// What A+ and students see right after the takeover.
func TestAnImportedCourseIsServedAtOnce(t *testing.T) {
	t.Parallel()
	o := newOldService(t, nil)
	o.fill(t)
	if err := os.RemoveAll(filepath.Join(o.options.store, "good")); err != nil {
		t.Fatal(err)
	}
	o.take(t, false)
	h := newHarness(t, harnessOptions{data: o.data})
	document := string(h.get("/good/aplus-json", http.StatusOK))
	for _, want := range []string{`"Good"`, "/static/good/index.html", "https://grader.example/ex1", "/good/publish/", oldVersion} {
		if !strings.Contains(document, want) {
			t.Errorf("aplus-json lacks %s:\n%s", want, document)
		}
	}
	if page := string(h.get("/static/good/index.html", http.StatusOK)); page != "<p>Good</p>" {
		t.Errorf("the page is %q", page)
	}
	h.get("/static/broken/index.html", http.StatusOK)
	if text := string(h.get("/broken/aplus-json", http.StatusOK)); !strings.Contains(text, `"success":false`) {
		t.Errorf("aplus-json of a course that needs a build is %s", text)
	}
	builds := h.builds("good")
	var got []string
	for _, b := range builds {
		got = append(got, string(b.Status))
	}
	if diff := cmp.Diff([]string{"SKIPPED", "FAILED", "SUCCESS", "FAILED"}, got); diff != "" {
		t.Errorf("builds differ (-want +got):\n%s", diff)
	}
	rel, err := h.system.releases.Published("good")
	if err != nil || rel.BuildID != builds[2].ID || rel.RemoteID == nil || *rel.RemoteID != 77 {
		t.Errorf("the release is %+v, %v; want the build %d", rel, err, builds[2].ID)
	}
	log := h.log("good", builds[3].ID)
	if !strings.HasPrefix(log, "many lines of output\n") || len(log) > 5<<20 {
		t.Errorf("the long log has %d bytes", len(log))
	}
}

// While gitmanager still runs, a second run takes what it has done since, and
// not what was done here.
func TestImportAgainTakesWhatIsNew(t *testing.T) {
	t.Parallel()
	o := newOldService(t, nil)
	o.fill(t)
	o.take(t, false)
	o.db.Exec("UPDATE builder_course SET git_branch = 'next', key = 'renamed' WHERE id = 3")
	o.db.Exec("UPDATE builder_courseupdate SET status = 'SUCCESS', updated_time = '2026-01-01 00:00:00' WHERE id = 33")
	r := o.take(t, false)
	c := r.course(t, "renamed")
	if c.State != stateChanged || cmp.Diff([]string{"git_branch"}, c.Changed) != "" || c.Builds != 1 || len(c.Problems) != 1 {
		t.Errorf("the second run tells %+v; want the branch, one build and the conflict of the key", c)
	}
	o.db.Exec("UPDATE builder_course SET key = 'good' WHERE id = 3")
	next := strings.Repeat("E5e", 10)
	o.release(t, "courses", "good", "Next", next)
	if r := o.take(t, false).course(t, "good"); r.Published.State != stateNew || r.Published.Version != next {
		t.Errorf("a release that gitmanager published since: %+v", r.Published)
	}
}

// A release that is here as a stored one, since gitmanager had not published it
// yet or the first run ended before, is published by the next run.
func TestImportGoesOnWithWhatIsStored(t *testing.T) {
	t.Parallel()
	o := newOldService(t, nil)
	o.db.Course(3, "good", 77, "s3cret")
	o.release(t, "store", "good", "Good", oldVersion)
	if r := o.take(t, false).course(t, "good"); r.Stored == nil || r.Stored.State != stateNew || r.Published != nil {
		t.Fatalf("the first run tells %+v; want a stored release", r)
	}
	for _, name := range []string{"good", "good.version", "good.defaults.json"} {
		if err := os.Rename(filepath.Join(o.options.store, name), filepath.Join(o.options.courses, name)); err != nil {
			t.Fatal(err)
		}
	}
	if r := o.take(t, false).course(t, "good"); r.Published == nil || r.Published.State != stateNew || len(r.Problems) > 0 {
		t.Fatalf("the second run tells %+v; want it published", r)
	}
	if page, err := os.ReadFile(filepath.Join(o.settings.StaticRoot, "77/index.html")); err != nil || string(page) != "<p>Good</p>" {
		t.Errorf("the page is %q, %v", page, err)
	}
	if r := o.take(t, false).course(t, "good"); r.Published.State != stateSame {
		t.Errorf("the third run tells %+v; want nothing to do", r.Published)
	}
}

func TestImportRefusesGitmanagersOwnFolders(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(o *oldService){
		"COURSES_PATH": func(o *oldService) { o.settings.CoursesPath = o.options.courses },
		"STORE_PATH":   func(o *oldService) { o.settings.StorePath = filepath.Join(o.options.courses, "..", "store") },
		"STATIC_ROOT": func(o *oldService) {
			o.settings.StaticRoot = filepath.Join(o.root, "static")
			if err := os.MkdirAll(o.settings.StaticRoot, 0o755); err != nil {
				t.Error(err)
			}
			if err := os.Symlink(filepath.Join(o.options.courses, "good/_build"), filepath.Join(o.settings.StaticRoot, "good")); err != nil {
				t.Error(err)
			}
		},
	} {
		o := newOldService(t, nil)
		o.fill(t)
		spoil(o)
		before := o.snapshot(t)
		if _, err := importGitmanager(t.Context(), o.settings, o.options); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("with gitmanager's folder as %s: %v; want an error that names it", what, err)
		}
		if diff := cmp.Diff(before, o.snapshot(t)); diff != "" {
			t.Errorf("gitmanager's folders have changed:\n%.2000s", diff)
		}
	}
}

// The command's status and output.
func TestImportCommand(t *testing.T) {
	t.Parallel()
	o := newOldService(t, nil)
	o.db.Course(1, "one", 1, "very secret")
	s := o.settings
	o.write(t, map[string]string{"settings.yaml": "DATABASE_URL: sqlite://" + s.Database.Path + "\nSTORE_PATH: " + s.StorePath +
		"\nCOURSES_PATH: " + s.CoursesPath + "\nSTATIC_ROOT: " + s.StaticRoot + "\n"})
	args := []string{
		"import-gitmanager", "--from", o.options.from, "--from-courses", o.options.courses,
		"--config", filepath.Join(o.root, "settings.yaml"),
	}
	var out, errOut bytes.Buffer
	if status := execute(t.Context(), args, &out, &errOut); status != 0 || !strings.Contains(out.String(), `"one": taken, 0 builds`) {
		t.Errorf("status %d, output:\n%s%s", status, out.String(), errOut.String())
	}
	o.db.Course(2, "login", 2, "x")
	out.Reset()
	status := execute(t.Context(), append(args, "--json"), &out, &errOut)
	var r takeoverReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || status != 1 || r.Totals.Problems != 1 || r.Totals.Unchanged != 1 {
		t.Errorf("status %d, %v, totals %+v; want 1 and the course that cannot be taken", status, err, r.Totals)
	}
	if strings.Contains(out.String(), "secret") {
		t.Errorf("the report tells a secret:\n%s", out.String())
	}
	if status := execute(t.Context(), []string{"import-gitmanager", "--from", "missing.sqlite3"}, &out, &errOut); status != 1 || !strings.Contains(errOut.String(), "missing.sqlite3") {
		t.Errorf("a file that is missing gives status %d and %q", status, errOut.String())
	}
}
