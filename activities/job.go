// Package activities does the side effects of builds and publishing: git,
// commands, files, database, A+. Each method of a step struct is one Temporal
// activity, idempotent by build id. The order of steps is package workflows';
// the knowledge is in the internal packages. Start at BuildSteps.
package activities

import (
	"time"

	"coursewright/internal/course"
)

// Job names one build to its activities. It travels through Temporal's
// history, so it holds references only: whatever may be secret, such as the
// origin's address, is read from the database by the activity that needs it.
type Job struct {
	BuildID   int64   `json:"build_id"`
	CourseID  int64   `json:"course_id"`
	CourseKey string  `json:"course_key"`
	Version   string  `json:"version"`
	Options   Options `json:"options"`

	// Class and Owner order builds that wait for a slot; zero values are those
	// of a push to an unknown origin.
	Class course.Class `json:"class,omitempty"`
	Owner string       `json:"owner,omitempty"`

	RequestedAt time.Time `json:"requested_at,omitzero"` // for the figures

	// TellCommit: the git host is told how the build goes.
	TellCommit bool `json:"tell_commit,omitempty"`

	// Trace is the span of the build, TraceParent that of the request for it, as
	// in the header traceparent; empty where nothing is traced.
	Trace       string `json:"trace,omitempty"`
	TraceParent string `json:"trace_parent,omitempty"`
}

// Options are course.BuildOptions as they travel.
type Options struct {
	SkipGit      bool   `json:"skip_git,omitempty"`
	SkipBuild    bool   `json:"skip_build,omitempty"`
	SkipNotify   bool   `json:"skip_notify,omitempty"`
	RebuildAll   bool   `json:"rebuild_all,omitempty"`
	BuildImage   string `json:"build_image,omitempty"`
	BuildCommand string `json:"build_command,omitempty"`

	PreviewBranch string `json:"preview_branch,omitempty"`
}

// Claim asks for the next build of a course.
type Claim struct {
	CourseKey string `json:"course_key"`
	RunID     string `json:"run_id"`
}

// Claimed is the answer to a Claim.
type Claimed struct {
	OK   bool   `json:"ok"`             // false: nothing is pending
	Job  Job    `json:"job"`            //
	Host string `json:"host,omitempty"` // host that has the working copy, empty while none has
}

// CheckedOut is what checking out found.
type CheckedOut struct {
	Host   string `json:"host"`
	Commit string `json:"commit,omitempty"` // empty: not a git working copy
	Fresh  bool   `json:"fresh,omitempty"`  // cloned or copied anew: changed files are unknown
}

// Built is a checked out course on its way to a release.
type Built struct {
	Job     Job    `json:"job"`
	Commit  string `json:"commit,omitempty"`
	Fresh   bool   `json:"fresh,omitempty"`
	Graders int    `json:"graders,omitempty"` // that have been configured

	CheckedOut bool `json:"checked_out,omitempty"` // for BuildRelease: Commit and Fresh are known
}

// Made tells how far a host has come with a build.
type Made struct {
	CheckedOut
	Staged

	// Cleans says that the host cleans the working copy by itself.
	Cleans bool `json:"cleans,omitempty"`
}

// Staged tells what is left to do with a release.
type Staged struct {
	// Graders have to be configured first, then the release is staged again;
	// 0: it is committed.
	Graders int `json:"graders,omitempty"`
}

// Grading names one grader of a course: the Index-th of those that the course
// configures, from 0.
type Grading struct {
	Job   Job `json:"job"`
	Index int `json:"index"`
}

// Ending gives a build its final status.
type Ending struct {
	Job    Job           `json:"job"`
	Status course.Status `json:"status"`
	Reason string        `json:"reason,omitempty"`
}

// Note is a line for a build's log.
type Note struct {
	BuildID int64  `json:"build_id"`
	Line    string `json:"line"`
}

// Ended tells what the workflow has to do after a build.
type Ended struct {
	Publish bool `json:"publish,omitempty"` // publish without waiting for A+
	Notify  bool `json:"notify,omitempty"`  // tell A+ to import the course
	Mail    bool `json:"mail,omitempty"`    // mail the teachers that the build failed
}

// LMSCall is a call to A+ that follows a build.
type LMSCall struct {
	Job

	Mail  bool      `json:"mail,omitempty"` // the build failed: mail its log; otherwise: import the course
	Try   int       `json:"try,omitempty"`  // from 1
	Until time.Time `json:"until,omitzero"` // how long A+ may be away
}

// LMSAnswer tells what is left to do of an LMSCall.
type LMSAnswer struct {
	Again bool          `json:"again,omitempty"`
	Wait  time.Duration `json:"wait,omitempty"` // before the next try, in nanoseconds
}

// Publish asks to publish a release.
type Publish struct {
	CourseKey string `json:"course_key"`
	Version   string `json:"version"`
	Rollback  bool   `json:"rollback,omitempty"`
}

// ToldCommit says whether there is more to tell of a build.
type ToldCommit struct {
	Final bool `json:"final,omitempty"` // the build's end was told
	Early bool `json:"early,omitempty"` // the build's commit is not known yet
}

// Announcement follows the approval of a release that a build has stored.
type Announcement struct {
	Job Job    `json:"job"`
	By  string `json:"by"` // who approved
}

// Published tells what publishing did.
type Published struct {
	Version string   `json:"version"`
	BuildID int64    `json:"build_id"`
	Graders int      `json:"graders,omitempty"` // that have to be told
	Errors  []string `json:"errors,omitempty"`
}

// Telling names one grader of a published release, by its index in the
// release's list.
type Telling struct {
	CourseKey string `json:"course_key"`
	Version   string `json:"version"`
	Index     int    `json:"index"`
}

// Told is what a grader complained about.
type Told struct {
	Complaints []string `json:"complaints,omitempty"`
}

// Removal names a course to remove.
type Removal struct {
	CourseKey string `json:"course_key"`
}

// OpenBuilds tells what still runs of a course that is being removed.
type OpenBuilds struct {
	Running []int64 `json:"running,omitempty"`
	Host    string  `json:"host,omitempty"`
}
