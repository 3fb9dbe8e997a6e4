package storetest

import (
	"slices"
	"sync"
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func holdTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"one host at a time":     holdOnce,
		"what is left of a host": holdLeft,
		"odd hosts and courses":  holdOdd,
		"many at the same time":  holdRace,
	}
}

func hold(t *testing.T, s store.Store, key, host, gone, want string) {
	t.Helper()
	if got, err := s.HoldCourse(t.Context(), key, host, gone); err != nil || got != want {
		t.Fatalf("HoldCourse(%s, %q, gone %q) = %q, %v; want %q", key, host, gone, got, err, want)
	}
}

func holdOnce(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	newCourse(t, s, "other")
	hold(t, s, "a", "", "", "")
	hold(t, s, "a", "one", "", "one")
	hold(t, s, "a", "one", "", "one")
	hold(t, s, "a", "two", "", "one")
	hold(t, s, "a", "two", "three", "one")
	hold(t, s, "a", "", "", "one")
	hold(t, s, "other", "two", "", "two")
	if err := s.ReleaseCourse(t.Context(), "a", "two"); err != nil {
		t.Fatal(err)
	}
	hold(t, s, "a", "two", "", "one")
	hold(t, s, "a", "two", "one", "two")
	if err := s.ReleaseCourse(t.Context(), "a", "one"); err != nil { // it has come back
		t.Fatal(err)
	}
	hold(t, s, "a", "one", "", "two")
	if err := s.ReleaseCourse(t.Context(), "a", "two"); err != nil {
		t.Fatal(err)
	}
	hold(t, s, "a", "one", "", "one")
	hold(t, s, "a", "", "one", "")
	c, err := s.Course(t.Context(), "a")
	if err != nil || c.Revision != 1 {
		t.Errorf("the course has revision %d, %v; holding it is no change", c.Revision, err)
	}
}

// holdLeft: a build that runs on the host is not left, one that has ended or goes on
// elsewhere is.
func holdLeft(t *testing.T, s store.Store) {
	t.Helper()
	left := func(want ...string) {
		t.Helper()
		if got, err := s.LeftCourses(t.Context(), "one"); err != nil || !slices.Equal(got, want) {
			t.Errorf("LeftCourses = %v, %v; want %v", got, err, want)
		}
	}
	left()
	for _, key := range []string{"b", "a", "elsewhere"} {
		newCourse(t, s, key)
	}
	hold(t, s, "b", "one", "", "one")
	hold(t, s, "a", "one", "", "one")
	hold(t, s, "elsewhere", "two", "", "two")
	left("a", "b")
	request(t, s, "a", course.BuildRequest{})
	b := claim(t, s, "a", "run")
	left("a", "b")
	for host, want := range map[string][]string{"two": {"a", "b"}, "one": {"b"}} {
		if err := s.RecordFacts(t.Context(), b.ID, course.Facts{Host: host}); err != nil {
			t.Fatal(err)
		}
		left(want...)
	}
	finish(t, s, b.ID, course.StatusCancelled, "")
	left("a", "b")
	if err := s.DeleteCourse(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := s.ReleaseCourse(t.Context(), "b", "one"); err != nil {
		t.Fatal(err)
	}
	left()
}

func holdOdd(t *testing.T, s store.Store) {
	t.Helper()
	_, err := s.HoldCourse(t.Context(), "nothing", "one", "")
	wantKind(t, "HoldCourse", err, course.ErrNotFound)
	if err := s.ReleaseCourse(t.Context(), "nothing", "one"); err != nil {
		t.Errorf("ReleaseCourse of a course that does not exist: %v", err)
	}
	newCourse(t, s, "a")
	if keys, err := s.LeftCourses(t.Context(), ""); err != nil || len(keys) != 0 {
		t.Errorf("nobody holds %v, %v", keys, err)
	}
	hold(t, s, "a", "' OR 1=1 --", "", "' OR 1=1 --")
	if keys, err := s.LeftCourses(t.Context(), "' OR 1=1 --"); err != nil || !slices.Equal(keys, []string{"a"}) {
		t.Errorf("LeftCourses = %v, %v", keys, err)
	}
}

// holdRace has hosts ask at once: all are told of the same one.
func holdRace(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	const hosts = 8
	told := make([]string, hosts)
	var all sync.WaitGroup
	for i := range hosts {
		all.Go(func() {
			var err error
			if told[i], err = s.HoldCourse(t.Context(), "a", string(rune('a'+i)), ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if slices.Sort(told); told[0] == "" || told[0] != told[hosts-1] {
		t.Errorf("the hosts are told %v", told)
	}
}
