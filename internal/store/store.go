// Package store is the contract of Coursewright's database: courses, builds,
// their steps and logs. Implementations are its subpackages; storetest holds
// the suite that all of them pass. It contains no SQL. Start at Store.
//
// Errors that a caller can act on are of kind course.ErrNotFound,
// course.ErrConflict or course.ErrInvalid (often a *course.FieldErrors). While
// the database is away errors are of kind course.ErrUnavailable, and of kind
// course.ErrUncertain as well when a call may have written all the same; it never
// writes twice.
package store

import (
	"context"
	"fmt"
	"time"

	"coursewright/internal/course"
)

// Store is everything that is kept in the database. All methods are safe for
// concurrent use, also by several processes. Times are UTC, in microseconds.
// Texts about builds are kept as CleanText leaves them.
type Store interface {
	Courses
	Holds
	Builds
	Logs
	Tries
	Reports
	Watcher
	Deliveries
	Hosts
	Audit
	Takeovers
	Sweeps
	// Ping says whether the database answers.
	Ping(ctx context.Context) error
	// Close releases the connections.
	Close() error
}

// Courses keeps the courses.
type Courses interface {
	// CreateCourse saves a new course and returns it with its id and creation
	// time; an empty webhook secret is replaced by a new one. A key or remote
	// id that is taken gives *course.FieldErrors of kind ErrConflict naming
	// every such field. The caller has validated the fields.
	CreateCourse(ctx context.Context, c course.Course) (course.Course, error)
	// Course finds a course by key, ErrNotFound otherwise.
	Course(ctx context.Context, key string) (course.Course, error)
	// CourseByRemoteID finds a course by its id in A+, ErrNotFound otherwise.
	CourseByRemoteID(ctx context.Context, id int64) (course.Course, error)
	// ListCourses gives a page of courses, newest first.
	ListCourses(ctx context.Context, p course.Page) ([]course.Course, error)
	// SearchCourses gives a page of the courses that a filter chooses, newest
	// first.
	SearchCourses(ctx context.Context, f course.Filter, p course.Page) ([]course.Course, error)
	// UpdateCourse replaces the fields of the course with c.ID, except
	// CreatedAt and BuildHost, and gives it the next revision. Errors as
	// CreateCourse, ErrNotFound, and ErrStale when the course has another revision
	// than c.Revision; one of 0 stands for any.
	UpdateCourse(ctx context.Context, c course.Course) (course.Course, error)
	// DeleteCourse removes a course, its builds and their logs. ErrNotFound
	// when there is none. ErrConflict while one of its builds is RUNNING.
	DeleteCourse(ctx context.Context, key string) error
	// SetBuildHost remembers the host that has the course's working copy.
	SetBuildHost(ctx context.Context, courseID int64, host string) error
}

// Holds says of each course on which host something of it may run. It is one host at
// most.
type Holds interface {
	// HoldCourse notes host, or with an empty one that there is none, where no other
	// is noted, or the one given as gone. It gives the host that is noted then; it is
	// durable when the call returns. ErrNotFound when the course does not exist.
	HoldCourse(ctx context.Context, key, host, gone string) (holder string, err error)
	// ReleaseCourse ends the hold of a host; without one nothing happens.
	ReleaseCourse(ctx context.Context, key, host string) error
	// LeftCourses lists the courses that a host holds without a RUNNING build that is
	// recorded as the host's, by key.
	LeftCourses(ctx context.Context, host string) (keys []string, err error)
}

// Builds keeps the build rows. The rows are the queue: a signal to a workflow
// only says that there may be something to claim.
type Builds interface {
	// RequestBuild records a PENDING build, and the delivery that asks for it
	// if there is one; they are durable when the call returns. ErrNotFound when
	// the course does not exist. By the idempotency key of an earlier request of
	// the course that is still remembered it gives the build that this made and
	// records nothing, ErrReused when it asked for other options. A build that
	// was pruned is not remembered.
	RequestBuild(ctx context.Context, key string, r course.BuildRequest) (course.Build, error)
	// ClaimBuild gives the workflow run with runID the next build of a course:
	// the newest PENDING row becomes RUNNING, with the run's id and the start
	// time; older PENDING ones become SKIPPED with a reason, and a RebuildAll
	// of theirs is kept in the claimed row. Previews neither skip others nor are
	// skipped by them: builds of the course come first, then one branch after the
	// other, the newest of each. ok is false when nothing is pending
	// or the course does not exist. Called again by the same run while its
	// claimed build is RUNNING it returns that build (after a crash the call is
	// repeated) and claims nothing new. A RUNNING row of another run is closed
	// first, as FAILED: a course's workflow id is its lock, so that run is gone.
	// All in one transaction. ErrInvalid when runID is empty.
	//
	// The call may come late, from a run that has ended: while no other run can
	// claim, and before anything is changed, alive says why it must not be. That is
	// the error then. Others wait for it, so it has to be quick; it is not called when
	// there is nothing to claim or to close. Nil: it may be.
	ClaimBuild(ctx context.Context, key, runID string, alive func(context.Context) error) (b course.Build, ok bool, err error)
	// RecordFacts saves what a RUNNING build has learnt; any other is left as
	// it is. ErrNotFound for an unknown id.
	RecordFacts(ctx context.Context, id int64, f course.Facts) error
	// FinishBuild gives a build its final status and the finish time, once:
	// ended is false when the row already had one, and nothing changes. Steps
	// without an end are ended with the result. ErrNotFound for an unknown id.
	// ErrInvalid when the result's status is not final. It is durable when the
	// call returns.
	FinishBuild(ctx context.Context, id int64, r course.BuildResult) (ended bool, err error)
	// Build finds a build with its steps, ErrNotFound otherwise.
	Build(ctx context.Context, id int64) (course.Build, error)
	// ListBuilds gives a page of a course's builds, newest first, with steps.
	// ErrNotFound when the course does not exist.
	ListBuilds(ctx context.Context, key string, p course.Page) ([]course.Build, error)
	// SearchBuilds gives a page of the builds that a filter chooses, newest first,
	// with steps.
	SearchBuilds(ctx context.Context, f course.BuildFilter, p course.Page) ([]course.Build, error)
	// LatestBuilds gives the newest build of each of the courses that is not
	// SKIPPED and no preview, without steps; courses without one are left out.
	LatestBuilds(ctx context.Context, courseIDs []int64) (map[int64]course.Build, error)
	// OpenBuilds lists builds whose status is not final, oldest first, at most
	// limit of them, without steps.
	OpenBuilds(ctx context.Context, limit int) ([]course.Build, error)
	// Building says whether a build of a course is RUNNING; not so for a course
	// that does not exist.
	Building(ctx context.Context, key string) (bool, error)
	// EndedBuilds lists a course's SUCCESS and FAILED builds, and the CANCELLED
	// ones that had started, no previews, with an id below before, newest first,
	// up to and including the first SUCCESS, without steps. Changed files are
	// computed from it.
	EndedBuilds(ctx context.Context, courseID, before int64) ([]course.Build, error)
	// PruneBuilds deletes all but the newest keep builds of a course, and all but
	// as many of its previews, with steps and logs; rows that are not final are
	// kept whatever their age. It returns how many are gone.
	PruneBuilds(ctx context.Context, courseID int64, keep int) (int, error)
	// StartStep begins a step of a build. A step of the same name that has not
	// ended is begun again (a retry), not doubled; a final build is left as it
	// is. ErrNotFound for an unknown build.
	StartStep(ctx context.Context, buildID int64, name string) error
	// FinishStep ends the running step of that name; without one nothing
	// happens.
	FinishStep(ctx context.Context, buildID int64, name string, o course.Outcome, message string) error
}

// Deliveries keeps what git hosts sent to the hooks: the newest
// course.KeptDeliveries of each course.
type Deliveries interface {
	// RecordDelivery keeps a delivery that made no build and returns it with its
	// id and time. One that made a build is recorded by RequestBuild.
	// ErrNotFound when the course does not exist.
	RecordDelivery(ctx context.Context, key string, d course.Delivery) (course.Delivery, error)
	// Delivery finds a delivery, ErrNotFound otherwise.
	Delivery(ctx context.Context, id int64) (course.Delivery, error)
	// ListDeliveries gives a page of a course's deliveries, newest first.
	// ErrNotFound when the course does not exist.
	ListDeliveries(ctx context.Context, key string, p course.Page) ([]course.Delivery, error)
}

// Hosts keeps the build hosts. SeenAt and Silent follow one clock, that of the
// store, whichever process asks.
type Hosts interface {
	// ReportHost records a host's heartbeat, for a new host a row, and answers
	// what is wanted of it. Texts are kept as CleanText leaves them. ErrInvalid
	// without an id.
	ReportHost(ctx context.Context, r course.HostReport) (course.HostOrders, error)
	// Host finds a build host, ErrNotFound otherwise.
	Host(ctx context.Context, id string) (course.Host, error)
	// ListHosts lists all build hosts, by name and then id.
	ListHosts(ctx context.Context) ([]course.Host, error)
	// DrainHost wants no new builds on a host, until ResumeHost. ErrNotFound.
	DrainHost(ctx context.Context, id string) error
	// ResumeHost ends the draining of a host and its troubles: its report
	// counts as one without Trouble, and Resumes grows by one. ErrNotFound.
	ResumeHost(ctx context.Context, id string) error
	// ForgetHost deletes the row of a host that has been silent for the given
	// time at least. ErrConflict when it has not, ErrNotFound. A host that
	// reports again is a new row.
	ForgetHost(ctx context.Context, id string, silent time.Duration) error
}

// Audit keeps the security log: the newest course.KeptAudit entries. Entries
// outlive the courses that they name.
type Audit interface {
	// RecordAudit adds an entry; its id and time are the store's to give. It
	// outlives a crash of the process, though perhaps not of the machine.
	// ErrInvalid for an outcome that does not exist.
	RecordAudit(ctx context.Context, e course.AuditEntry) error
	// ListAudit gives a page of the entries that a filter chooses, newest first. A
	// course that does not exist is no error: it may have been removed.
	ListAudit(ctx context.Context, f course.AuditFilter, p course.Page) ([]course.AuditEntry, error)
}

// Logs keeps the builds' logs. A log is capped: head and tail are kept, and a
// chunk with Dropped tells how many bytes in between are gone.
type Logs interface {
	// AppendLog adds text at the end of a build's log. Text is valid UTF-8
	// without NUL, ErrInvalid otherwise. The log of a final build still grows.
	// ErrNotFound for an unknown build.
	AppendLog(ctx context.Context, buildID int64, text string) error
	// AppendLine adds a line of the service, with its end, as AppendLog does, unless
	// it is the log's last already: so one that has perhaps been added
	// (course.ErrUncertain) is added again.
	AppendLine(ctx context.Context, buildID int64, line string) error
	// ReadLog gives the log from the byte offset on, at most about 1 MiB a
	// call: chunks in order, and the offset to read on from. An empty answer
	// means there is nothing new. ErrNotFound for an unknown build.
	ReadLog(ctx context.Context, buildID, offset int64) (chunks []course.LogChunk, next int64, err error)
}

// Tries keeps the tries of a build's steps apart. A step may be tried by one
// worker after the other, and the earlier one may not know yet that it was given
// up: once a try has begun, what earlier ones of the build write is refused.
type Tries interface {
	// StartTry begins a step as StartStep does and makes the new try the one
	// that counts. ErrNotFound for an unknown build.
	StartTry(ctx context.Context, buildID int64, step string) (course.Try, error)
	// FinishTry ends the step as FinishStep does. ErrConflict when a later try
	// of the build has begun, ErrBehind when an append that the try counts on is
	// gone, ErrNotFound for an unknown build.
	FinishTry(ctx context.Context, t course.Try, o course.Outcome, message string) error
	// AppendTry adds text to the build's log as AppendLog does and, unless it is
	// empty, replaces the build's mark, in one transaction: the mark tells a later
	// try how far the log has come. Text may be empty. An append whose number the
	// try has used before, or has passed, changes nothing: so one that has perhaps
	// been made (course.ErrUncertain) is made again. Errors as AppendLog,
	// ErrConflict when a later try of the build has begun, and ErrBehind when an
	// append that the try counts on is gone.
	AppendTry(ctx context.Context, t course.Try, a course.LogAppend) error
	// RecordTryFacts saves facts as RecordFacts does. ErrConflict when a later
	// try of the build has begun, ErrNotFound for an unknown build. Without facts
	// it only tells whether the try still counts.
	RecordTryFacts(ctx context.Context, t course.Try, f course.Facts) error
	// Mark gives the build's mark as it was last set; empty while none was.
	// ErrNotFound for an unknown build.
	Mark(ctx context.Context, buildID int64) (string, error)
}

// Watcher tells of changes, so that what is shown live need not be read again
// and again.
type Watcher interface {
	// Changes tells of the changes to a build, or to all when buildID is 0, that
	// any process commits from now on, until ctx ends; then the channel is
	// closed. What is told can be read already. Equal changes that were not
	// received yet are told once, and changes that may have been missed become
	// one of kind ChangeUnknown. It is a hint: a reader looks by itself every
	// second or so, since a notice may be lost with a connection, and nothing is
	// told of builds that are new or deleted.
	Changes(ctx context.Context, buildID int64) <-chan course.Change
}

// LogCaps bounds a build's log, in bytes.
type LogCaps struct {
	Head int64
	Tail int64
}

// minLogCap is the smallest head and tail that a log can be cut to, in bytes.
const minLogCap = 1 << 10

// DefaultLogCaps are used where the deployment does not choose.
func DefaultLogCaps() LogCaps { return LogCaps{Head: 2 << 20, Tail: 2 << 20} }

// WithDefaults puts the default in the place of zero. ErrInvalid for caps below
// 1 KiB.
func (c LogCaps) WithDefaults() (LogCaps, error) {
	if c.Head == 0 {
		c.Head = DefaultLogCaps().Head
	}
	if c.Tail == 0 {
		c.Tail = DefaultLogCaps().Tail
	}
	if c.Head < minLogCap || c.Tail < minLogCap {
		return c, fmt.Errorf("log caps of %d and %d bytes are too small; give at least %d for each: %w",
			c.Head, c.Tail, minLogCap, course.ErrInvalid)
	}
	return c, nil
}
