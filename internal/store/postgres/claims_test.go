package postgres_test

import (
	"testing"

	"coursewright/internal/course"
	"coursewright/internal/store/postgres"
	"coursewright/internal/store/postgres/postgrestest"
)

// The build that is about to be claimed is cancelled at this moment: the next in
// line is claimed, such as a preview, and does not wait for a sweep.
func TestAClaimPassesWhatIsCancelledMeanwhile(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	name := server.Database(t)
	s := open(t, postgres.Options{URL: server.Address(name), Migrate: true})
	newCourse(t, s, "a")
	b := request(t, s, "a")
	preview, err := s.RequestBuild(t.Context(), "a", course.BuildRequest{Options: course.BuildOptions{PreviewBranch: "draft"}})
	if err != nil {
		t.Fatal(err)
	}
	tx, exec := outsider(t, server.Address(name))
	if err := exec("UPDATE builds SET status = 'CANCELLED' WHERE id = $1", b.ID); err != nil {
		t.Fatal(err)
	}
	claimed := make(chan int64, 1)
	go func() {
		got, _, err := s.ClaimBuild(t.Context(), "a", "run", nil)
		if err != nil {
			t.Error(err)
		}
		claimed <- got.ID
	}()
	awaitLock(server, name)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-claimed; got != preview.ID {
		t.Errorf("ClaimBuild = build %d, want %d", got, preview.ID)
	}
}
