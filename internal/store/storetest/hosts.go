package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func hostTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"everything is kept":            hostKeeps,
		"a later report replaces":       hostReportsAgain,
		"drain and resume":              hostDrains,
		"troubles":                      hostTroubles,
		"builds under way":              hostBuilds,
		"forgotten when it is gone":     hostForgotten,
		"listed by name":                hostList,
		"odd texts":                     oddHosts,
		"unknown":                       unknownHosts,
		"many reports at the same time": hostRace,
	}
}

func fullReport(id string) course.HostReport {
	return course.HostReport{
		ID: id, Name: "builder-1", Version: "v1.2.3", StartedAt: time.Date(2026, 9, 1, 12, 0, 0, 123_000, time.UTC),
		Slots: 4, Running: 3, Waiting: 2, Load: 1.25, DiskFree: 5 << 40, DiskTotal: 7 << 40,
	}
}

func reportHost(t *testing.T, s store.Store, r course.HostReport) course.HostOrders {
	t.Helper()
	orders, err := s.ReportHost(t.Context(), r)
	if err != nil {
		t.Fatalf("ReportHost(%s): %v", r.ID, err)
	}
	return orders
}

func loadHost(t *testing.T, s store.Store, id string) course.Host {
	t.Helper()
	h, err := s.Host(t.Context(), id)
	if err != nil {
		t.Fatalf("Host(%s): %v", id, err)
	}
	return h
}

func hostKeeps(t *testing.T, s store.Store) {
	t.Helper()
	before := time.Now()
	r := fullReport("a")
	if orders := reportHost(t, s, r); orders != (course.HostOrders{}) {
		t.Errorf("orders to a new host are %+v; want none", orders)
	}
	got := loadHost(t, s, "a")
	checkTime(t, "SeenAt", got.SeenAt, before)
	if got.Silent < 0 || got.Silent > time.Minute || got.Gone() {
		t.Errorf("the host is silent since %s; it has just reported", got.Silent)
	}
	want := course.Host{HostReport: r, SeenAt: got.SeenAt, Silent: got.Silent, State: course.HostActive}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Host (-want +got):\n%s", diff)
	}
}

func hostReportsAgain(t *testing.T, s store.Store) {
	t.Helper()
	reportHost(t, s, fullReport("a"))
	first := loadHost(t, s, "a")
	r := course.HostReport{ID: "a", Name: "renamed", Version: "v2", StartedAt: first.StartedAt.Add(time.Hour), Slots: 1, Trouble: "no engine"}
	reportHost(t, s, r)
	got := loadHost(t, s, "a")
	if got.SeenAt.Before(first.SeenAt) {
		t.Errorf("seen at %s, before that at %s", got.SeenAt, first.SeenAt)
	}
	if diff := cmp.Diff(r, got.HostReport); diff != "" {
		t.Errorf("Host after the second report (-want +got):\n%s", diff)
	}
}

func hostDrains(t *testing.T, s store.Store) {
	t.Helper()
	reportHost(t, s, fullReport("a"))
	reportHost(t, s, fullReport("b"))
	if err := s.DrainHost(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // it stays so, also when the host starts again
		if orders := reportHost(t, s, fullReport("a")); !orders.Drain {
			t.Errorf("orders are %+v; want the host drained", orders)
		}
	}
	if got := loadHost(t, s, "a").State; got != course.HostDraining {
		t.Errorf("the state is %s; want draining", got)
	}
	if orders := reportHost(t, s, fullReport("b")); orders != (course.HostOrders{}) {
		t.Errorf("orders to the other host are %+v; want none", orders)
	}
	if err := s.ResumeHost(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if orders := reportHost(t, s, fullReport("a")); orders != (course.HostOrders{Resumes: 1}) {
		t.Errorf("orders are %+v; want the host resumed once", orders)
	}
	if got := loadHost(t, s, "a").State; got != course.HostActive {
		t.Errorf("the state is %s; want active", got)
	}
}

func hostTroubles(t *testing.T, s store.Store) {
	t.Helper()
	r := fullReport("a")
	r.Trouble = "the disk is full"
	reportHost(t, s, r)
	if got := loadHost(t, s, "a"); got.State != course.HostFailing || got.Trouble != r.Trouble || got.TakesBuilds() {
		t.Errorf("the state is %s (%s); want failing", got.State, got.Trouble)
	}
	if err := s.DrainHost(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	stopped := fullReport("a")
	stopped.Trouble = course.StoppedTrouble
	reportHost(t, s, stopped)
	if got := loadHost(t, s, "a"); got.State != course.HostStopped || got.TakesBuilds() {
		t.Errorf("the state is %s; want stopped", got.State)
	}
	reportHost(t, s, r)
	if got := loadHost(t, s, "a"); got.State != course.HostDraining || got.Trouble != r.Trouble {
		t.Errorf("the state is %s (%s); want draining, and the trouble kept", got.State, got.Trouble)
	}
	if err := s.ResumeHost(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if got := loadHost(t, s, "a"); got.State != course.HostActive || got.Trouble != "" {
		t.Errorf("the state is %s (%s); want active", got.State, got.Trouble)
	}
}

func hostBuilds(t *testing.T, s store.Store) {
	t.Helper()
	reportHost(t, s, fullReport("a"))
	reportHost(t, s, fullReport("b"))
	for _, key := range []string{"one", "two", "three"} {
		newCourse(t, s, key)
		request(t, s, key, course.BuildRequest{})
		b := claim(t, s, key, "run")
		if err := s.RecordFacts(t.Context(), b.ID, course.Facts{Host: "a"}); err != nil {
			t.Fatal(err)
		}
		if key == "three" {
			finish(t, s, b.ID, course.StatusSuccess, "")
		}
	}
	if got := loadHost(t, s, "a").Builds; got != 2 {
		t.Errorf("host a has %d builds; want 2", got)
	}
	if got := loadHost(t, s, "b").Builds; got != 0 {
		t.Errorf("host b has %d builds; want none", got)
	}
}

func hostForgotten(t *testing.T, s store.Store) {
	t.Helper()
	reportHost(t, s, fullReport("a"))
	reportHost(t, s, fullReport("b"))
	if err := s.DrainHost(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "ForgetHost of a host that lives", s.ForgetHost(t.Context(), "a", time.Hour), course.ErrConflict)
	if err := s.ForgetHost(t.Context(), "a", 0); err != nil {
		t.Fatal(err)
	}
	_, err := s.Host(t.Context(), "a")
	wantKind(t, "Host", err, course.ErrNotFound)
	loadHost(t, s, "b")
	if orders := reportHost(t, s, fullReport("a")); orders != (course.HostOrders{}) {
		t.Errorf("orders to a host that comes back are %+v; want none", orders)
	}
}

func hostList(t *testing.T, s store.Store) {
	t.Helper()
	if list, err := s.ListHosts(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("ListHosts = %v, %v; want none", list, err)
	}
	for _, h := range [][2]string{{"1", "zeta"}, {"3", "alpha"}, {"2", "alpha"}} {
		r := fullReport(h[0])
		r.Name = h[1]
		reportHost(t, s, r)
	}
	list, err := s.ListHosts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range list {
		got = append(got, h.ID)
	}
	if diff := cmp.Diff([]string{"2", "3", "1"}, got); diff != "" {
		t.Errorf("ListHosts (-want +got):\n%s", diff)
	}
}

func oddHosts(t *testing.T, s store.Store) {
	t.Helper()
	for name, text := range oddTexts() {
		r := fullReport("a")
		r.Name, r.Version, r.Trouble = text, text, text
		reportHost(t, s, r)
		got, clean := loadHost(t, s, "a"), store.CleanText(text)
		if got.Name != clean || got.Version != clean || got.Trouble != clean {
			t.Errorf("%s: kept as %.100q, %.100q, %.100q", name, got.Name, got.Version, got.Trouble)
		}
	}
}

func unknownHosts(t *testing.T, s store.Store) {
	t.Helper()
	_, err := s.Host(t.Context(), "none")
	wantKind(t, "Host", err, course.ErrNotFound)
	wantKind(t, "DrainHost", s.DrainHost(t.Context(), "none"), course.ErrNotFound)
	wantKind(t, "ResumeHost", s.ResumeHost(t.Context(), "none"), course.ErrNotFound)
	wantKind(t, "ForgetHost", s.ForgetHost(t.Context(), "none", 0), course.ErrNotFound)
	_, err = s.ReportHost(t.Context(), course.HostReport{})
	wantKind(t, "ReportHost without id", err, course.ErrInvalid)
}

// hostRace has a new host report while an administrator drains it: the order
// is never lost.
func hostRace(t *testing.T, s store.Store) {
	t.Helper()
	reportHost(t, s, fullReport("a"))
	ended := make(chan error)
	for range 4 {
		go func() {
			for range 20 {
				if _, err := s.ReportHost(t.Context(), fullReport("a")); err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}()
	}
	drainErr := s.DrainHost(t.Context(), "a")
	for range 4 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if drainErr != nil {
		t.Fatal(drainErr)
	}
	if orders := reportHost(t, s, fullReport("a")); !orders.Drain {
		t.Errorf("orders are %+v; want the host drained", orders)
	}
}
