package api

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"coursewright/internal/course"
)

// Courses is what the API needs of the table of courses. Errors are of the
// kinds that internal/store promises.
type Courses interface {
	CreateCourse(ctx context.Context, c course.Course) (course.Course, error)
	Course(ctx context.Context, key string) (course.Course, error)
	CourseByRemoteID(ctx context.Context, id int64) (course.Course, error)
	ListCourses(ctx context.Context, p course.Page) ([]course.Course, error)
	SearchCourses(ctx context.Context, f course.Filter, p course.Page) ([]course.Course, error)
	UpdateCourse(ctx context.Context, c course.Course) (course.Course, error)
}

// BuildRows is what the API needs of the build history.
type BuildRows interface {
	RequestBuild(ctx context.Context, key string, r course.BuildRequest) (course.Build, error)
	ListBuilds(ctx context.Context, key string, p course.Page) ([]course.Build, error)
	FleetRows
	LatestBuilds(ctx context.Context, courseIDs []int64) (map[int64]course.Build, error)
	Report(ctx context.Context, buildID int64) (course.Report, error)
}

// Rows is all that the API reads and writes besides courses and logs.
type Rows interface {
	BuildRows
	Deliveries
}

// Logs reads the logs of builds and tells when there is more to read.
type Logs interface {
	ReadLog(ctx context.Context, buildID, offset int64) (chunks []course.LogChunk, next int64, err error)
	Changes(ctx context.Context, buildID int64) <-chan course.Change
}

// Builds sets work going and waits for it.
type Builds interface {
	// Wake tells the course's build workflow that a request was recorded. It
	// never blocks; a wake-up that is lost is repeated by others.
	Wake(key string)
	// Await waits until a build has its final status.
	Await(ctx context.Context, buildID int64) (course.Build, error)
	// CancelBuild asks a pending or running build to end.
	CancelBuild(ctx context.Context, key string, buildID int64) error
	// Publish makes a release the one that students see. ErrNotFound when
	// there is no such release, ErrConflict when a newer one is published.
	Publish(ctx context.Context, r course.PublishRequest) (course.PublishResult, error)
	// Announce does for a release that was approved what else follows its build.
	Announce(ctx context.Context, r course.Release, by string) error
	// RemoveCourse stops the course's builds, removes its files and its rows,
	// and returns when all is gone.
	RemoveCourse(ctx context.Context, key string) error
}

// Releases reads the stored and published results of builds. Where there is
// none the error is ErrNotFound.
type Releases interface {
	// Stored gives the newest release that awaits publishing.
	Stored(key string) (course.Release, error)
	// Published gives the release that students see.
	Published(key string) (course.Release, error)
	// PublishedVersion is the version of Published, empty when there is none.
	// It asks for less.
	PublishedVersion(key string) (string, error)
	// Releases gives the published ones that are kept, newest first.
	Releases(key string) ([]course.Release, error)
	// Release finds a release of any kind by its version.
	Release(key, version string) (course.Release, error)
	// Previews gives the previews of branches that are kept, newest first.
	Previews(key string) ([]course.Release, error)
	// Document gives a release's A+ document: a JSON object with
	// course.BaseURLMarker where the base URL belongs.
	Document(r course.Release) ([]byte, error)
	// ReadFile gives another document of a release, such as course.json.
	ReadFile(r course.Release, name string) ([]byte, error)
	// Content opens the course files of a release; the caller closes it.
	Content(r course.Release) (*os.Root, error)
}

// Diffs compares releases and keeps approvals of them.
type Diffs interface {
	// Diff compares a release with another one, by default the stored one with
	// the published one.
	Diff(key, version, against string) (course.Diff, error)
	// Waiting says whether a release must not be published before somebody has
	// approved it.
	Waiting(c course.Course, version string) (d course.Diff, waits bool, err error)
	// Approval gives a release's approval, ErrNotFound without one.
	Approval(r course.Release) (course.Approval, error)
	// Approve notes an approval and tells what was approved.
	Approve(key, version, against string, a course.Approval) (course.Diff, error)
}

// Config is all that the API needs. Every field is required unless its
// comment says otherwise.
type Config struct {
	Log      *slog.Logger
	Courses  Courses
	Rows     Rows
	Logs     Logs
	Builds   Builds
	Releases Releases
	// ReleasesLag is for how long the releases found for a request may serve others:
	// who changes them tells nobody of it before that is over. Zero: they are asked
	// each time.
	ReleasesLag time.Duration
	Diffs       Diffs
	Auth        Authorizer
	// BuildHosts keeps the build hosts; nil: their addresses answer 404.
	BuildHosts BuildHosts
	// Sweeps tells what the reconciler does; nil: its address answers 404.
	Sweeps Sweeps
	// Now is the clock by which old webhook secrets end; nil means time.Now.
	Now func() time.Time
	// Origins asks git hosts; nil: the address for it answers 404.
	Origins Origins
	// DeployKey is the public ssh key that git hosts must let read, a line of an
	// authorized_keys file; empty: there is none.
	DeployKey string
	// Audit keeps the security log; nil: it is in the log only.
	Audit AuditStore
	// FrontendURL is the address of A+, whose pages may log a browser in;
	// empty: none may.
	FrontendURL string
	// Addresses gives the base of absolute addresses.
	Addresses *Addresses

	// Pages serves the HTML pages and their assets; nil: there are none.
	Pages http.Handler
	// Traces makes spans of requests that want to change something; nil: none.
	Traces Traces
	// Metrics answers /metrics, and Registry takes the API's own figures; nil:
	// none.
	Metrics  http.Handler
	Registry prometheus.Registerer
	// Ready says whether requests can be served, and in words for everybody
	// what is waited for meanwhile; nil: always.
	Ready func(ctx context.Context) (waiting string, err error)
	// Closing is closed when the process begins to stop: live streams end.
	// nil: they end with their clients.
	Closing <-chan struct{}

	// Hosts are the names, without port, under which the service may be
	// called, besides the loopback and the public one; "*" allows every name,
	// which is safe only where callers must show a token.
	Hosts []string
	// StaticRoot holds the links of published static folders, and CoursesPath
	// the published releases they lead to. Empty: /static/ answers 404.
	StaticRoot  string
	CoursesPath string
	// StaticURL is the path of the static files in the courses' own links, empty
	// for /static/, and StaticContentHost their host, empty for the service's own.
	StaticURL         string
	StaticContentHost string
	// UseXSendfile leaves the sending of protected files to nginx, which serves
	// CoursesPath at the internal location /authorized_static/.
	UseXSendfile bool
	// Limits bound how often things may happen; the zero value is without.
	Limits Limits
	// Immediate makes the hook answer when the build has ended.
	Immediate bool
	// AllowUnsignedHooks accepts what git hosts send for courses that have no
	// webhook secret.
	AllowUnsignedHooks bool
}
