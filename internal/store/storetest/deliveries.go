package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/course"
	"coursewright/internal/store"
)

func deliveryTests() map[string]func(t *testing.T, s store.Store) {
	return map[string]func(t *testing.T, s store.Store){
		"everything is kept":      deliveryKeeps,
		"recorded with its build": deliveryWithBuild,
		"odd texts":               oddDeliveries,
		"newest first, in pages":  deliveryPages,
		"old ones are forgotten":  deliveriesForgotten,
		"unknown":                 unknownDeliveries,
	}
}

func fullDelivery() course.Delivery {
	return course.Delivery{
		Service: "github", Event: "push", RequestIP: "192.0.2.7",
		Headers: []course.Header{{Name: "X-GitHub-Event", Value: "push"}, {Name: "X-GitHub-Delivery", Value: "1-2"}},
		Verdict: course.DeliveryIgnored, Reason: "another branch",
		Options: course.BuildOptions{RebuildAll: true, SkipNotify: true},
	}
}

func record(t *testing.T, s store.Store, key string, d course.Delivery) course.Delivery {
	t.Helper()
	got, err := s.RecordDelivery(t.Context(), key, d)
	if err != nil {
		t.Fatalf("RecordDelivery(%s): %v", key, err)
	}
	return got
}

func deliveries(t *testing.T, s store.Store, p course.Page) []course.Delivery {
	t.Helper()
	list, err := s.ListDeliveries(t.Context(), "a", p)
	if err != nil {
		t.Fatalf("ListDeliveries: %v", err)
	}
	return list
}

func deliveryKeeps(t *testing.T, s store.Store) {
	t.Helper()
	c := newCourse(t, s, "a")
	before := time.Now()
	want := fullDelivery()
	got := record(t, s, "a", want)
	checkTime(t, "ReceivedAt", got.ReceivedAt, before)
	want.ID, want.CourseID, want.CourseKey, want.ReceivedAt = got.ID, c.ID, "a", got.ReceivedAt
	if diff := cmp.Diff(want, got); diff != "" || got.ID <= 0 {
		t.Errorf("RecordDelivery (-want +got):\n%s", diff)
	}
	found, err := s.Delivery(t.Context(), got.ID)
	if diff := cmp.Diff(want, found); err != nil || diff != "" {
		t.Errorf("Delivery: %v (-want +got):\n%s", err, diff)
	}
}

func deliveryWithBuild(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	d := fullDelivery()
	d.Verdict, d.Reason = course.DeliveryAccepted, ""
	b := request(t, s, "a", course.BuildRequest{Trigger: course.TriggerHook, Delivery: &d})
	list := deliveries(t, s, course.Page{Limit: 10})
	if len(list) != 1 || list[0].BuildID != b.ID || list[0].Verdict != course.DeliveryAccepted {
		t.Fatalf("deliveries are %+v; want one of build %d", list, b.ID)
	}
	// A build that is pruned leaves the delivery behind.
	finish(t, s, b.ID, course.StatusCancelled, "not wanted")
	if n, err := s.PruneBuilds(t.Context(), b.CourseID, 0); err != nil || n != 1 {
		t.Fatalf("PruneBuilds: %d, %v", n, err)
	}
	if list := deliveries(t, s, course.Page{Limit: 10}); len(list) != 1 || list[0].BuildID != 0 {
		t.Errorf("deliveries are %+v; want one without a build", list)
	}
}

func oddDeliveries(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	for name, text := range oddTexts() {
		d := fullDelivery()
		d.Event, d.Reason, d.Headers = text, text, []course.Header{{Name: text, Value: text}}
		got := record(t, s, "a", d)
		clean := store.CleanText(text)
		if got.Event != clean || got.Reason != clean || got.Headers[0] != (course.Header{Name: clean, Value: clean}) {
			t.Errorf("%s: kept as %.100q, %.100q, %.100q", name, got.Event, got.Reason, got.Headers)
		}
	}
}

func deliveryPages(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	newCourse(t, s, "b")
	var ids []int64
	for range 5 {
		ids = append(ids, record(t, s, "a", fullDelivery()).ID)
		record(t, s, "b", fullDelivery())
	}
	var got []int64
	for before := int64(0); ; {
		page := deliveries(t, s, course.Page{Limit: 2, Before: before})
		if len(page) == 0 {
			break
		}
		for _, d := range page {
			before = d.ID
			got = append([]int64{d.ID}, got...)
		}
	}
	if diff := cmp.Diff(ids, got); diff != "" {
		t.Errorf("deliveries of a, oldest first (-want +got):\n%s", diff)
	}
}

func deliveriesForgotten(t *testing.T, s store.Store) {
	t.Helper()
	newCourse(t, s, "a")
	newCourse(t, s, "b")
	other := record(t, s, "b", fullDelivery())
	first := record(t, s, "a", fullDelivery())
	for range course.KeptDeliveries {
		record(t, s, "a", fullDelivery())
	}
	list := deliveries(t, s, course.Page{Limit: 2 * course.KeptDeliveries})
	if len(list) != course.KeptDeliveries || list[len(list)-1].ID == first.ID {
		t.Errorf("%d deliveries are kept, the oldest is %d; want %d without %d",
			len(list), list[len(list)-1].ID, course.KeptDeliveries, first.ID)
	}
	if _, err := s.Delivery(t.Context(), other.ID); err != nil {
		t.Errorf("the delivery of another course: %v", err)
	}
}

func unknownDeliveries(t *testing.T, s store.Store) {
	t.Helper()
	if _, err := s.RecordDelivery(t.Context(), "none", fullDelivery()); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("RecordDelivery: %v; want ErrNotFound", err)
	}
	if _, err := s.ListDeliveries(t.Context(), "none", course.Page{Limit: 1}); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("ListDeliveries: %v; want ErrNotFound", err)
	}
	if _, err := s.Delivery(t.Context(), 17); !errors.Is(err, course.ErrNotFound) {
		t.Errorf("Delivery: %v; want ErrNotFound", err)
	}
}
