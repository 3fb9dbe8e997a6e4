package course

import "time"

// Status is the state of a build row. PENDING and RUNNING are passing states;
// every build reaches one of the others, once.
type Status string

// The states of a build. All but StatusCancelled are gitmanager's.
const (
	StatusPending   Status = "PENDING"
	StatusRunning   Status = "RUNNING"
	StatusSuccess   Status = "SUCCESS"
	StatusFailed    Status = "FAILED"
	StatusSkipped   Status = "SKIPPED"
	StatusCancelled Status = "CANCELLED"
)

// Final says whether a build with this status never changes again.
func (s Status) Final() bool {
	return s != StatusPending && s != StatusRunning
}

// Trigger tells what asked for a build.
type Trigger string

// What can ask for a build.
const (
	TriggerHook Trigger = "hook" // a git host's webhook, A+'s button or a script on the hook URL
	TriggerAPI  Trigger = "api"  // the REST API or the command line
	TriggerPage Trigger = "page" // the form on the course page
	TriggerPoll Trigger = "poll" // the service itself found a commit whose hook was lost
)

// Class orders builds that wait for a slot of a build host: lower goes first.
type Class int

// The classes of builds.
const (
	ClassManual    Class = 1 // somebody waits for it
	ClassPush      Class = 2
	ClassAutomatic Class = 3 // nobody asked
)

// String names the class.
func (c Class) String() string {
	switch c {
	case ClassManual:
		return "manual"
	case ClassAutomatic:
		return "automatic"
	case ClassPush:
	}
	return "push"
}

// Class is the class of builds that this trigger asks for.
func (t Trigger) Class() Class {
	switch t {
	case TriggerAPI, TriggerPage:
		return ClassManual
	case TriggerPoll:
		return ClassAutomatic
	case TriggerHook:
	}
	return ClassPush
}

// BuildOptions are what a caller may ask of one build.
type BuildOptions struct {
	SkipGit      bool   // no fetch; changed files are unknown
	SkipBuild    bool   // no build command
	SkipNotify   bool   // A+ is not told
	RebuildAll   bool   // CHANGED_FILES is *
	BuildImage   string // replaces the image of apps.meta
	BuildCommand string // replaces the default command

	// PreviewBranch is built instead of the course's branch, as a preview that is
	// never published; empty: the course itself is built.
	PreviewBranch string
}

// BuildRequest is what is recorded when somebody asks for a build.
type BuildRequest struct {
	Options   BuildOptions
	Trigger   Trigger
	RequestIP string // cut to MaxRequestIPLength by the store
	Trace     string // the span of the request, as in the header traceparent; empty: none

	// Delivery is the git host's call that asks, nil when another asks. It is
	// recorded together with the build.
	Delivery *Delivery
	// Idempotency makes it safe to ask again; nil: each call makes a build.
	Idempotency *Idempotency
}

// KeptIdempotency is how long callers can rely on the key of a request.
const KeptIdempotency = 24 * time.Hour

// Idempotency is a name that a caller gives to a request for a build of a
// course. Whoever asks again by the same name gets the build that it made.
type Idempotency struct {
	Key  string
	Keep time.Duration // how long the name is remembered
}

// BuildFilter chooses builds; the zero value chooses all.
type BuildFilter struct {
	Course       string    // key; empty: of all courses
	Statuses     []Status  // one of them; empty: any
	Host         string    // empty: any
	Trigger      Trigger   // empty: any
	Commit       string    // the beginning of it; empty: any
	Since, Until time.Time // requested in [Since, Until); zero: without bound
}

// Build is one row of a course's build history.
type Build struct {
	ID          int64 // grows over all courses; fences releases: an older build never replaces a newer one
	CourseID    int64
	CourseKey   string // the course's present key
	Status      Status
	Options     BuildOptions
	Trigger     Trigger
	RequestIP   string
	RequestedAt time.Time // UTC
	StartedAt   time.Time // zero while it has not started
	FinishedAt  time.Time // zero while the status is not final
	Commit      string    // 40 hexadecimal digits, empty while unknown
	Author      string    // name of the commit's author, empty while unknown
	Subject     string    // the commit's message, its first paragraph in one line
	Changes     *Changes  // since the course's last success; nil while unknown
	Version     string    // the release's version, empty before it is stored
	Reason      string    // why a build failed or was skipped, one line
	Host        string    // the build host that ran it
	RunID       string    // run of the Temporal workflow
	Trace       string    // as in the request
	Steps       []Step    // in the order they began; filled only where a method says so
}

// Outcome is how a step ended.
type Outcome string

// The outcomes of a step; empty while it runs.
const (
	OutcomeOK     Outcome = "ok"
	OutcomeFailed Outcome = "failed"
)

// Step is one named part of a build.
type Step struct {
	Name       string
	StartedAt  time.Time
	FinishedAt time.Time // zero while it runs
	Outcome    Outcome
	Message    string // why it failed, one line
	LogStart   int64  // bytes of the build's log before the step began; -1: unknown
}

// Try is one try of a step of a build. Of all tries of a build only the one
// with the greatest number counts.
type Try struct {
	BuildID int64
	Step    string
	Number  int64 // from 1, over all steps of the build

	// Appends is the number of the newest append to the log of which the caller
	// knows that it is stored. A database that does not have it any more says so.
	Appends int64
}

// LogAppend is what a try adds to the log of its build.
type LogAppend struct {
	// Number grows with every append of a try, from 1. What is added again under
	// the same number is added once. 0: added every time.
	Number int64
	Text   string
	Mark   string // replaces the mark of the build unless it is empty
}

// BuildResult ends a build.
type BuildResult struct {
	Status Status // final
	Reason string // empty for a success
}

// LogChunk is a piece of a build's log.
type LogChunk struct {
	Offset  int64 // bytes of log before this chunk, dropped ones included
	Text    string
	Dropped bool // this chunk stands for output that was cut out; Text tells how much
}

// Facts are what a build has learnt about itself while it runs. Empty fields
// leave the row as it is.
type Facts struct {
	Host    string
	Commit  string
	Version string
	Author  string
	Subject string
	Changes *Changes // nil: not learnt
}

// MaxChangedNames is how many changed files a build's row names.
const MaxChangedNames = 200

// Changes tells which files of a course changed since its last successful build.
type Changes struct {
	All   bool     // everything counts as changed
	Count int      // of changed files; 0 when All
	Files []string // the first MaxChangedNames of them, sorted
}

// NewChanges names the first of many changed files.
func NewChanges(files []string, all bool) *Changes {
	if all {
		return &Changes{All: true}
	}
	return &Changes{Count: len(files), Files: files[:min(len(files), MaxChangedNames)]}
}
