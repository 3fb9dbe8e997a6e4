package activities_test

import (
	"context"
	"testing"

	"go.temporal.io/sdk/testsuite"

	"coursewright/activities"
	"coursewright/internal/course"
)

// runs answers whether a run has not ended.
type runs bool

func (r runs) BuildRuns(context.Context, string, string) (bool, error) { return bool(r), nil }

// A run that an administrator has terminated may still be about to claim, since its
// worker waited for the database. It takes nothing from the run that builds.
func TestAnEndedRunClaimsNothing(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	_, err := s.CreateCourse(t.Context(), course.New("a"))
	must(t, err)
	b, err := s.RequestBuild(t.Context(), "a", course.BuildRequest{Trigger: course.TriggerAPI})
	must(t, err)
	_, _, err = s.ClaimBuild(t.Context(), "a", "next", nil)
	must(t, err)
	for _, tt := range []struct {
		there runs
		want  course.Status
	}{{false, course.StatusRunning}, {true, course.StatusFailed}} {
		r := &activities.Records{Store: s, Runs: tt.there}
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestActivityEnvironment()
		env.RegisterActivity(r.ClaimBuild)
		_, err := env.ExecuteActivity(r.ClaimBuild, activities.Claim{CourseKey: "a", RunID: "late"})
		if (err == nil) != bool(tt.there) {
			t.Errorf("a claim of a run that is there, %v: %v", tt.there, err)
		}
		now, err := s.Build(t.Context(), b.ID)
		must(t, err)
		if now.Status != tt.want {
			t.Errorf("with a run that is there, %v, the build of the other is %s, want %s", tt.there, now.Status, tt.want)
		}
	}
}
