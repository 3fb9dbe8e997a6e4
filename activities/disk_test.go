package activities_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/activities"
	"coursewright/internal/course"
	"coursewright/internal/store/sqlite"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openDisk(t *testing.T) (activities.Disk, string) {
	t.Helper()
	d, id, err := activities.OpenDisk(filepath.Join(t.TempDir(), "build"))
	must(t, err)
	return d, id
}

func openStore(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "db"), Migrate: true})
	must(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestTwoProcessesDoNotShareADisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "build")
	release, err := activities.HoldDisk(t.Context(), path)
	must(t, err)
	_, err = activities.HoldDisk(soon(t), path)
	if err == nil || !strings.Contains(err.Error(), "another coursewright process") || !strings.Contains(err.Error(), "BUILD_PATH") {
		t.Errorf("the second hold gives %v; want it refused, with the remedy", err)
	}
	must(t, release())
	again, err := activities.HoldDisk(t.Context(), path)
	must(t, err)
	must(t, again())
}

func TestAStartWaitsForTheProcessBeforeIt(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	release, err := activities.HoldDisk(t.Context(), path)
	must(t, err)
	held := make(chan error, 1)
	go func() {
		again, err := activities.HoldDisk(t.Context(), path)
		if err == nil {
			err = again()
		}
		held <- err
	}()
	must(t, release())
	must(t, <-held)
}

// onDisk makes a working copy that was last used so long ago.
func onDisk(t *testing.T, d activities.Disk, key string, ago time.Duration) {
	t.Helper()
	unlock, err := d.Lock(t.Context(), key)
	must(t, err)
	unlock()
	must(t, os.MkdirAll(filepath.Join(d.Course(key), "deep"), 0o755))
	must(t, os.WriteFile(filepath.Join(d.Course(key), "deep", "file"), []byte("x"), 0o600))
	must(t, os.WriteFile(d.Cache(key), []byte("x"), 0o600))
	must(t, os.MkdirAll(d.Cache(key)+".defaults", 0o755))
	must(t, os.MkdirAll(filepath.Join(d.Path, "."+key+".clone-1"), 0o755))
	at := time.Now().Add(-ago)
	for _, name := range []string{key, ".locks/" + key, ".caches/" + key, ".caches/" + key + ".defaults", "." + key + ".clone-1"} {
		must(t, os.Chtimes(filepath.Join(d.Path, name), at, at))
	}
}

// left lists what is on the disk, but for the service's own files.
func left(t *testing.T, d activities.Disk) []string {
	t.Helper()
	out := []string{}
	for _, dir := range []string{"", ".locks", ".caches"} {
		entries, err := os.ReadDir(filepath.Join(d.Path, dir))
		must(t, err)
		for _, e := range entries {
			if name := filepath.Join(dir, e.Name()); !slices.Contains([]string{".host", ".locks", ".caches"}, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

func all(keys ...string) []string {
	var copies, locks, caches []string
	for _, key := range keys {
		copies = append(copies, key)
		locks = append(locks, ".locks/"+key)
		caches = append(caches, ".caches/"+key, ".caches/"+key+".defaults")
	}
	return append([]string{}, slices.Concat(copies, locks, caches)...)
}

func newTidier(d activities.Disk, s *sqlite.Store) *activities.Tidier {
	return &activities.Tidier{
		Disk: d, Store: s, Keep: 24 * time.Hour, Short: func() error { return nil }, Log: slog.New(slog.DiscardHandler),
	}
}

func TestOldCopiesAreRemoved(t *testing.T) {
	t.Parallel()
	d, _ := openDisk(t)
	onDisk(t, d, "old", 25*time.Hour)
	onDisk(t, d, "new", 23*time.Hour)
	foreign := filepath.Join(d.Path, "foreign")
	must(t, os.Mkdir(foreign, 0o755))
	at := time.Now().Add(-10_000 * time.Hour)
	must(t, os.Chtimes(foreign, at, at))
	must(t, newTidier(d, openStore(t)).Tidy(t.Context(), time.Now()))
	want := all("new")
	want = slices.Insert(want, 0, "foreign") // no course of the service: not its own to remove
	if diff := cmp.Diff(want, left(t, d)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

func TestWithoutAnAgeCopiesStay(t *testing.T) {
	t.Parallel()
	d, _ := openDisk(t)
	onDisk(t, d, "old", 10_000*time.Hour)
	tidier := newTidier(d, openStore(t))
	tidier.Keep = 0
	must(t, tidier.Tidy(t.Context(), time.Now()))
	if diff := cmp.Diff(all("old"), left(t, d)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

func TestTheOldestGoFirstWhenSpaceIsShort(t *testing.T) {
	t.Parallel()
	d, _ := openDisk(t)
	for key, ago := range map[string]time.Duration{"a": time.Hour, "b": 3 * time.Hour, "c": 2 * time.Hour} {
		onDisk(t, d, key, ago)
	}
	tidier := newTidier(d, openStore(t))
	tidier.Short = func() error {
		if _, err := os.Stat(d.Course("c")); err != nil {
			return nil
		}
		return errors.New("short")
	}
	must(t, tidier.Tidy(t.Context(), time.Now()))
	if diff := cmp.Diff(all("a"), left(t, d)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

func TestCopiesInUseAreNeverRemoved(t *testing.T) {
	t.Parallel()
	d, _ := openDisk(t)
	s := openStore(t)
	onDisk(t, d, "locked", 48*time.Hour)
	onDisk(t, d, "running", 48*time.Hour)
	onDisk(t, d, "waiting", 48*time.Hour)
	for _, key := range []string{"running", "waiting"} { // between two steps nobody holds the lock
		c := course.New(key)
		c.GitBranch = "main"
		_, err := s.CreateCourse(t.Context(), c)
		must(t, err)
		_, err = s.RequestBuild(t.Context(), key, course.BuildRequest{Trigger: course.TriggerHook})
		must(t, err)
	}
	_, _, err := s.ClaimBuild(t.Context(), "running", "run", nil)
	must(t, err)
	unlock, err := d.Lock(t.Context(), "locked")
	must(t, err)
	at := time.Now().Add(-48 * time.Hour)
	must(t, os.Chtimes(filepath.Join(d.Path, ".locks", "locked"), at, at))
	must(t, newTidier(d, s).Tidy(t.Context(), time.Now()))
	// The clone is under way: only a process that died leaves one without the lock.
	want := append([]string{".locked.clone-1"}, all("locked", "running")...)
	if diff := cmp.Diff(want, left(t, d)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	unlock()
	must(t, newTidier(d, s).Tidy(t.Context(), time.Now()))
	if diff := cmp.Diff(all("running"), left(t, d)); diff != "" {
		t.Errorf("what is left after the lock's end (-want +got):\n%s", diff)
	}
}

// What still runs in a copy is ended before the copy goes; where that fails the
// copy stays.
func TestWhatRunsInACopyIsEndedFirst(t *testing.T) {
	t.Parallel()
	d, _ := openDisk(t)
	onDisk(t, d, "away", 48*time.Hour)
	onDisk(t, d, "running", 48*time.Hour)
	onDisk(t, d, "kept", time.Hour)
	tidier := newTidier(d, openStore(t))
	cleared := map[string]bool{}
	broken := errors.New("the engine does not answer")
	tidier.Clear = func(_ context.Context, key string) error {
		_, err := os.Stat(d.Course(key))
		cleared[key] = err == nil
		if key == "running" {
			return broken
		}
		return nil
	}
	if err := tidier.Tidy(t.Context(), time.Now()); !errors.Is(err, broken) {
		t.Errorf("Tidy = %v, want %v", err, broken)
	}
	if diff := cmp.Diff(map[string]bool{"away": true, "running": true}, cleared); diff != "" {
		t.Errorf("cleared while the copy was there (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(all("kept", "running"), left(t, d)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

func TestALockMarksTheCourseAsUsed(t *testing.T) {
	t.Parallel()
	d, _ := openDisk(t)
	onDisk(t, d, "a", 48*time.Hour)
	unlock, err := d.Lock(t.Context(), "a")
	must(t, err)
	unlock()
	must(t, newTidier(d, openStore(t)).Tidy(t.Context(), time.Now()))
	if diff := cmp.Diff(all("a"), left(t, d)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// TestALockOutlivesTheRemovalOfItsFile has two callers never hold the lock at
// once, although the file is removed between them.
func TestALockOutlivesTheRemovalOfItsFile(t *testing.T) {
	t.Parallel()
	d, _ := openDisk(t)
	unlock, err := d.Lock(t.Context(), "a")
	must(t, err)
	got := make(chan func(), 1)
	go func() {
		next, err := d.Lock(t.Context(), "a") // waits on the file that is removed
		if err != nil {
			t.Error(err)
		}
		got <- next
	}()
	must(t, os.Remove(filepath.Join(d.Path, ".locks", "a")))
	unlock()
	next := <-got
	if _, err := d.Lock(soon(t), "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third caller gets %v; want it to wait", err)
	}
	next()
}

func TestAWipedDiskIsANewHost(t *testing.T) {
	t.Parallel()
	d, id := openDisk(t)
	onDisk(t, d, "a", 0)
	must(t, os.Chmod(filepath.Join(d.Course("a"), "deep"), 0o500)) // a build may leave this
	release, err := activities.HoldDisk(t.Context(), d.Path)
	must(t, err)
	defer func() { must(t, release()) }()
	refused := errors.New("not now")
	if _, err := activities.WipeDisk(d.Path, func(string) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("WipeDisk: %v; want it refused", err)
	}
	if _, again, err := activities.OpenDisk(d.Path); err != nil || again != id {
		t.Errorf("after a wipe that did not begin the disk is %s, %v", again, err)
	}
	told := ""
	old, err := activities.WipeDisk(d.Path, func(id string) error { told = id; return nil })
	must(t, err)
	_, next, err := activities.OpenDisk(d.Path)
	must(t, err)
	if old != id || told != id || next == id {
		t.Errorf("the wiped disk was %s and is %s; want it to have been %s and be another", old, next, id)
	}
	if diff := cmp.Diff([]string{".in-use"}, left(t, d)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	if _, err := activities.HoldDisk(soon(t), d.Path); err == nil {
		t.Error("the wiped disk is not held any more")
	}
}

func TestAFolderOfSomethingElseIsNotWiped(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	must(t, os.WriteFile(filepath.Join(path, "thesis.tex"), []byte("x"), 0o600))
	_, err := activities.WipeDisk(path, nothing)
	if err == nil || !strings.Contains(err.Error(), "does not look like a build folder") {
		t.Errorf("WipeDisk: %v; want it refused", err)
	}
	if _, err := os.Stat(filepath.Join(path, "thesis.tex")); err != nil {
		t.Error(err)
	}
	empty := t.TempDir()
	if _, err := activities.WipeDisk(empty, nothing); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
}

func nothing(string) error { return nil }
