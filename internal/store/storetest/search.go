package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func searchTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"courses by text":    coursesByText,
		"courses by status":  coursesByStatus,
		"builds":             searchBuilds,
		"builds by time":     buildsByTime,
		"builds in pages":    buildsInPages,
		"the security log":   searchAudit,
		"odd texts as words": oddSearches,
	}
}

func searchKeys(t *testing.T, s store.Store, f course.Filter) []string {
	t.Helper()
	list, err := s.SearchCourses(t.Context(), f, course.Page{Limit: 10})
	if err != nil {
		t.Fatalf("SearchCourses(%+v): %v", f, err)
	}
	var keys []string
	for _, c := range list {
		keys = append(keys, c.Key)
	}
	return keys
}

func coursesByText(t *testing.T, s store.Store) {
	t.Helper()
	for key, origin := range map[string]string{
		"Intro_CS": "git@git.example.org:teachers/intro.git",
		"java":     "https://robot:s3cretpw@git.example.org/Teachers/Java.git",
		"empty":    "",
	} {
		c := course.New(key)
		c.GitOrigin, c.GitBranch = origin, "branch-of-"+key
		if _, err := s.CreateCourse(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string][]string{
		"": {"Intro_CS", "empty", "java"}, "intro": {"Intro_CS"}, "_": {"Intro_CS"}, "%": nil, `\`: nil,
		"TEACHERS": {"Intro_CS", "java"}, "branch-of-e": {"empty"}, "java.git": {"java"},
		"s3cret": nil, "robot": nil, "pw@git": nil, "none": nil,
	} {
		got := searchKeys(t, s, course.Filter{Text: text})
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("courses with %q (-want +got):\n%s", text, diff)
		}
	}
}

func coursesByStatus(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "none")
	newCourse(t, s, "good")
	ended(t, s, "good", course.StatusFailed)
	ended(t, s, "good", course.StatusSuccess)
	ended(t, s, "good", course.StatusSkipped)
	newCourse(t, s, "bad")
	ended(t, s, "bad", course.StatusFailed)
	for status, want := range map[course.Status][]string{
		course.StatusSuccess: {"good"}, course.StatusFailed: {"bad"}, course.StatusSkipped: nil,
		"": {"bad", "good", "none"},
	} {
		if diff := cmp.Diff(want, searchKeys(t, s, course.Filter{Status: status})); diff != "" {
			t.Errorf("courses whose newest build is %q (-want +got):\n%s", status, diff)
		}
	}
	if diff := cmp.Diff([]string{"good"}, searchKeys(t, s, course.Filter{Status: course.StatusSuccess, Text: "goo"})); diff != "" {
		t.Errorf("both (-want +got):\n%s", diff)
	}
}

func findBuilds(t *testing.T, s store.Store, f course.BuildFilter, p course.Page) []int64 {
	t.Helper()
	list, err := s.SearchBuilds(t.Context(), f, p)
	if err != nil {
		t.Fatalf("SearchBuilds(%+v): %v", f, err)
	}
	return buildIDs(list)
}

func searchBuilds(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	newCourse(t, s, "b")
	ran := request(t, s, "a", course.BuildRequest{Trigger: course.TriggerHook})
	claim(t, s, "a", "run")
	if err := s.StartStep(t.Context(), ran.ID, "checkout"); err != nil {
		t.Fatal(err)
	}
	if err := s.RecordFacts(t.Context(), ran.ID, course.Facts{Host: "host-1", Commit: "abcdef"}); err != nil {
		t.Fatal(err)
	}
	finish(t, s, ran.ID, course.StatusFailed, "exit 1")
	other := request(t, s, "b", course.BuildRequest{Trigger: course.TriggerAPI})
	waits := request(t, s, "a", course.BuildRequest{Trigger: course.TriggerAPI})
	for name, test := range map[string]struct {
		filter course.BuildFilter
		want   []int64
	}{
		"all":            {course.BuildFilter{}, []int64{waits.ID, other.ID, ran.ID}},
		"course":         {course.BuildFilter{Course: "a"}, []int64{waits.ID, ran.ID}},
		"unknown course": {course.BuildFilter{Course: "none"}, []int64{}},
		"status":         {course.BuildFilter{Statuses: []course.Status{course.StatusFailed}}, []int64{ran.ID}},
		"statuses":       {course.BuildFilter{Statuses: []course.Status{course.StatusFailed, course.StatusPending}, Course: "a"}, []int64{waits.ID, ran.ID}},
		"host":           {course.BuildFilter{Host: "host-1"}, []int64{ran.ID}},
		"trigger":        {course.BuildFilter{Trigger: course.TriggerAPI}, []int64{waits.ID, other.ID}},
		"commit":         {course.BuildFilter{Commit: "abc"}, []int64{ran.ID}},
		"no such commit": {course.BuildFilter{Commit: "bcd"}, []int64{}},
		"wild cards":     {course.BuildFilter{Commit: "%"}, []int64{}},
	} {
		if diff := cmp.Diff(test.want, findBuilds(t, s, test.filter, course.Page{Limit: 10})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	list, err := s.SearchBuilds(t.Context(), course.BuildFilter{Host: "host-1"}, course.Page{Limit: 1})
	if err != nil || len(list) != 1 {
		t.Fatalf("SearchBuilds: %d builds, %v", len(list), err)
	}
	if diff := cmp.Diff(load(t, s, ran.ID), list[0]); diff != "" {
		t.Errorf("a build that was searched for (-want +got):\n%s", diff)
	}
}

func buildsByTime(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	b := request(t, s, "a", course.BuildRequest{})
	at := b.RequestedAt
	for name, test := range map[string]struct {
		since, until time.Time
		found        bool
	}{
		"since then":  {at, time.Time{}, true},
		"since later": {at.Add(time.Microsecond), time.Time{}, false},
		"until then":  {time.Time{}, at, false},
		"until later": {time.Time{}, at.Add(time.Microsecond), true},
		"just then":   {at, at.Add(time.Microsecond), true},
	} {
		if got := findBuilds(t, s, course.BuildFilter{Since: test.since, Until: test.until}, course.Page{Limit: 1}); len(got) == 1 != test.found {
			t.Errorf("%s: builds %v; want one: %v", name, got, test.found)
		}
	}
}

func buildsInPages(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	newCourse(t, s, "b")
	var want []int64
	for range 5 {
		want = append([]int64{ended(t, s, "a", course.StatusFailed).ID}, want...)
		ended(t, s, "b", course.StatusSuccess)
	}
	var got []int64
	for page := (course.Page{Limit: 2}); ; {
		ids := findBuilds(t, s, course.BuildFilter{Statuses: []course.Status{course.StatusFailed}}, page)
		if len(ids) == 0 {
			break
		}
		got = append(got, ids...)
		page.Before = ids[len(ids)-1]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failed builds, page by page (-want +got):\n%s", diff)
	}
}

func searchAudit(t *testing.T, s store.Store) {
	t.Helper()
	full := fullEntry()
	note(t, s, full)
	other := full
	other.Action, other.Caller, other.Outcome, other.Course = "LOGIN", "user:other", course.AuditDenied, ""
	note(t, s, other)
	at := listAudit(t, s, "", course.Page{Limit: 1})[0].At
	for name, test := range map[string]struct {
		filter course.AuditFilter
		want   string
	}{
		"all":     {course.AuditFilter{}, "LOGIN EDIT-COURSE "},
		"action":  {course.AuditFilter{Action: "LOGIN"}, "LOGIN "},
		"caller":  {course.AuditFilter{Caller: "user:jdoe"}, "EDIT-COURSE "},
		"outcome": {course.AuditFilter{Outcome: course.AuditDenied}, "LOGIN "},
		"course":  {course.AuditFilter{Course: "a", Caller: "user:jdoe"}, "EDIT-COURSE "},
		"neither": {course.AuditFilter{Course: "a", Caller: "user:other"}, ""},
		"since":   {course.AuditFilter{Since: at}, "LOGIN "},
		"until":   {course.AuditFilter{Until: at}, "EDIT-COURSE "},
	} {
		list, err := s.ListAudit(t.Context(), test.filter, course.Page{Limit: 10})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := ""
		for _, e := range list {
			got += e.Action + " "
		}
		if got != test.want {
			t.Errorf("%s: %q; want %q", name, got, test.want)
		}
	}
}

// oddSearches must neither fail nor find anything.
func oddSearches(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	ended(t, s, "a", course.StatusFailed)
	texts := oddTexts()
	texts["NUL"], texts["not UTF-8"] = "x\x00y", "x\xffy"
	for name, text := range texts {
		if got := searchKeys(t, s, course.Filter{Text: text}); got != nil {
			t.Errorf("%s: courses %v", name, got)
		}
		for _, f := range []course.BuildFilter{{Course: text}, {Host: text}, {Commit: text}} {
			if got := findBuilds(t, s, f, course.Page{Limit: 1}); len(got) > 0 {
				t.Errorf("%s: builds %v", name, got)
			}
		}
	}
}
