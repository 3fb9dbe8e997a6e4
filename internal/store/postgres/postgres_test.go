package postgres_test

import (
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/store"
	"coursewright/internal/store/postgres"
	"coursewright/internal/store/postgres/postgrestest"
	"coursewright/internal/store/storetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		t.Helper()
		return open(t, postgres.Options{URL: server.Address(server.Database(t)), LogCaps: storetest.Caps(), Migrate: true, MaxConns: 4})
	})
}

// open opens a store that ends with the test.
func open(t testing.TB, o postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func newCourse(t testing.TB, s store.Store, key string) course.Course {
	t.Helper()
	c, err := s.CreateCourse(t.Context(), course.New(key))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func request(t testing.TB, s store.Store, key string) course.Build {
	t.Helper()
	b, err := s.RequestBuild(t.Context(), key, course.BuildRequest{Trigger: course.TriggerHook})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
