package activities_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"coursewright/activities"
	"coursewright/internal/course"
	"coursewright/internal/lms"
	"coursewright/internal/store/sqlite"
)

// newService gives the steps that call an A+ which answers so, and a build of a
// course that is connected to it.
func newService(t *testing.T, answer http.HandlerFunc) (*activities.ServiceSteps, activities.Job, *sqlite.Store) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	must(t, err)
	store := openStore(t)
	row, id := course.New("course"), int64(5)
	row.RemoteID, row.GitBranch = &id, "main"
	_, err = store.CreateCourse(t.Context(), row)
	must(t, err)
	b, err := store.RequestBuild(t.Context(), "course", course.BuildRequest{Trigger: course.TriggerHook})
	must(t, err)
	return &activities.ServiceSteps{Store: store, LMS: &lms.Client{FrontendURL: address}},
		activities.Job{CourseKey: "course", BuildID: b.ID}, store
}

func logOf(t *testing.T, store *sqlite.Store, id int64) string {
	t.Helper()
	var b strings.Builder
	chunks, _, err := store.ReadLog(t.Context(), id, 0)
	must(t, err)
	for _, c := range chunks {
		b.WriteString(c.Text)
	}
	return b.String()
}

// A call that failed is made again by Temporal when the failure says so; the
// first time at once, which Temporal must be told in a way of its own.
func TestCallsToAPlusAreMadeAgain(t *testing.T) {
	t.Parallel()
	type outcome struct {
		Again bool
		Wait  time.Duration
		Log   string
	}
	const refused = "answered with status 503 Service Unavailable: away"
	tests := map[string]struct {
		call func(*activities.ServiceSteps) func(context.Context, activities.Job) error
		want outcome
	}{
		"notify": {
			func(s *activities.ServiceSteps) func(context.Context, activities.Job) error { return s.NotifyLMS },
			outcome{true, time.Millisecond, "notify_update/ " + refused + "; trying again at once\n"},
		},
		"mail": {
			func(s *activities.ServiceSteps) func(context.Context, activities.Job) error { return s.MailFailure },
			outcome{true, time.Millisecond, "send_mail/ " + refused + "; trying again at once\n"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, job, store := newService(t, func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "away", http.StatusServiceUnavailable)
			})
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			env.RegisterActivity(test.call(s))
			_, err := env.ExecuteActivity(test.call(s), job)
			var app *temporal.ApplicationError
			if !errors.As(err, &app) {
				t.Fatalf("got %v", err)
			}
			log := logOf(t, store, job.BuildID)
			_, end, _ := strings.Cut(log, "/api/v2/courses/5/")
			if diff := cmp.Diff(test.want, outcome{!app.NonRetryable(), app.NextRetryDelay(), end}); diff != "" {
				t.Errorf("-want +got:\n%s\nthe whole log:\n%s", diff, log)
			}
		})
	}
}

// The workflow is told when to call an A+ that is away again; when its time is
// over the log says what to do, and nothing is left to do.
func TestAPlusThatIsAwayIsCalledForAWhile(t *testing.T) {
	t.Parallel()
	const refused = "answered with status 503 Service Unavailable: away"
	for name, test := range map[string]struct {
		try  int
		left time.Duration
		want activities.LMSAnswer
		log  string
	}{
		"at first":  {1, time.Hour, activities.LMSAnswer{Again: true}, refused + "; trying again at once\n"},
		"later":     {6, time.Hour, activities.LMSAnswer{Again: true, Wait: 40 * time.Second}, refused + "; trying again in 40s\n"},
		"at last":   {6, 30 * time.Second, activities.LMSAnswer{}, "Import the course in A+ to publish the new version, or build it again.\n"},
		"too late":  {6, -time.Second, activities.LMSAnswer{}, "Import the course in A+ to publish the new version, or build it again.\n"},
		"by itself": {1, 0, activities.LMSAnswer{Again: true}, refused + "; trying again at once\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, job, store := newService(t, func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "away", http.StatusServiceUnavailable)
			})
			quiet, err := store.Course(t.Context(), "course")
			must(t, err)
			quiet.EmailOnError = false
			_, err = store.UpdateCourse(t.Context(), quiet)
			must(t, err)
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			env.RegisterActivity(s.CallLMS)
			value, err := env.ExecuteActivity(s.CallLMS, activities.LMSCall{Job: job, Try: test.try, Until: time.Now().Add(test.left)})
			must(t, err)
			var got activities.LMSAnswer
			must(t, value.Get(&got))
			log := logOf(t, store, job.BuildID)
			if diff := cmp.Diff(test.want, got); diff != "" || !strings.HasSuffix(log, test.log) {
				t.Errorf("-want +got:\n%s\nthe log:\n%s", diff, log)
			}
		})
	}
}

// unending is a publisher whose workflow does not go on.
type unending struct{}

func (unending) Publish(ctx context.Context, _ course.PublishRequest) (course.PublishResult, error) {
	<-ctx.Done()
	return course.PublishResult{}, ctx.Err()
}

// A worker that stops may be the one that has to publish. It does not wait for
// itself: the next try publishes, and the teacher is told nothing.
func TestAPublishingIsLeftToTheNextTryWhenTheWorkerStops(t *testing.T) {
	t.Parallel()
	s, job, store := newService(t, http.NotFound)
	s.Publisher = unending{}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(s.PublishNow)
	stop := make(chan struct{})
	close(stop)
	env.SetWorkerStopChannel(stop)
	_, err := env.ExecuteActivity(s.PublishNow, job)
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.NonRetryable() {
		t.Errorf("got %v, want an error after which it is tried again", err)
	}
	if log := logOf(t, store, job.BuildID); log != "" {
		t.Errorf("the log tells %q", log)
	}
}
