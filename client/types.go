package client

import "time"

// Status is the state of a build.
type Status string

// The states of builds.
const (
	Pending   Status = "PENDING"
	Running   Status = "RUNNING"
	Success   Status = "SUCCESS"
	Failed    Status = "FAILED"
	Skipped   Status = "SKIPPED"
	Cancelled Status = "CANCELLED"
)

// Final says whether a build with this status never changes again.
func (s Status) Final() bool { return s != Pending && s != Running }

// Course is a course with what was built of it last.
type Course struct {
	Key                 string    `json:"key"`
	RemoteID            *int64    `json:"remote_id"`
	GitOrigin           string    `json:"git_origin"`
	GitBranch           string    `json:"git_branch"`
	UpdateHook          string    `json:"update_hook"`
	EmailOnError        bool      `json:"email_on_error"`
	UpdateAutomatically bool      `json:"update_automatically"`
	SkipBuildFailsafes  bool      `json:"skip_build_failsafes"`
	ApproveRemovals     bool      `json:"approve_removals"`
	PreviewBranches     bool      `json:"preview_branches"`
	WebhookSecret       string    `json:"webhook_secret,omitempty"` // for those who may write the course
	CreatedAt           time.Time `json:"created_at"`
	HookURL             string    `json:"hook_url"`
	LatestBuild         *Build    `json:"latest_build"`
	Stored              *Release  `json:"stored"`
	Published           *Release  `json:"published"`
}

// Build is a build; its steps and diagnostics are there when it is asked for by
// itself.
type Build struct {
	ID          int64        `json:"id"`
	Course      string       `json:"course"`
	Status      Status       `json:"status"`
	Commit      string       `json:"commit"`
	Author      string       `json:"author"`
	Subject     string       `json:"subject"`
	Changes     *Changes     `json:"changes"`
	Version     string       `json:"version"`
	Reason      string       `json:"reason"`
	Trigger     string       `json:"trigger"`
	Host        string       `json:"host"`
	RequestIP   string       `json:"request_ip"`
	RequestedAt time.Time    `json:"requested_at"`
	StartedAt   *time.Time   `json:"started_at"`
	FinishedAt  *time.Time   `json:"finished_at"`
	Options     BuildOptions `json:"options"`
	Steps       []Step       `json:"steps,omitempty"`
	Errors      []Diagnostic `json:"errors,omitempty"`
	Warnings    []Diagnostic `json:"warnings,omitempty"`
}

// BuildOptions are what may be asked of a build.
type BuildOptions struct {
	SkipGit       bool   `json:"skip_git"`
	SkipBuild     bool   `json:"skip_build"`
	SkipNotify    bool   `json:"skip_notify"`
	RebuildAll    bool   `json:"rebuild_all"`
	BuildImage    string `json:"build_image"`
	BuildCommand  string `json:"build_command"`
	PreviewBranch string `json:"preview_branch"`
}

// Changes are the files that changed since the last success.
type Changes struct {
	All   bool     `json:"all"`
	Count int      `json:"count"`
	Files []string `json:"files"`
}

// Step is a part of a build.
type Step struct {
	Name       string     `json:"name"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
	Seconds    *float64   `json:"seconds"`
	Outcome    string     `json:"outcome"` // ok or failed; empty while it runs
	Message    string     `json:"message"`
	LogStart   int64      `json:"log_start"`
}

// Diagnostic is an error or a warning about a file of a course.
type Diagnostic struct {
	File        string `json:"file"`
	Line        int    `json:"line"`
	Column      int    `json:"column"`
	Path        string `json:"path"`
	Message     string `json:"message"`
	Hint        string `json:"hint"`
	Excerpt     string `json:"excerpt"`
	ExcerptFrom int    `json:"excerpt_from"`
}

// Release is a stored or published result of a build.
type Release struct {
	Version     string     `json:"version"`
	BuildID     int64      `json:"build_id"`
	Commit      string     `json:"commit"`
	StoredAt    *time.Time `json:"stored_at"`
	PublishedAt *time.Time `json:"published_at"`
}

// ListedRelease is a release with what it is used for.
type ListedRelease struct {
	Release

	Published bool `json:"published"` // students see it
	Stored    bool `json:"stored"`    // the newest one that awaits publishing
}

// Preview is a stored build of a branch, which nobody publishes.
type Preview struct {
	Release

	Branch string `json:"branch"`
	Path   string `json:"path"` // where it can be looked at
}

// Published tells what publishing a release did.
type Published struct {
	Version string   `json:"version"`
	BuildID int64    `json:"build_id"`
	Errors  []string `json:"errors"` // of graders; the release is published all the same
}

// Delivery is what a git host sent to the hook of a course.
type Delivery struct {
	ID         int64        `json:"id"`
	Course     string       `json:"course"`
	ReceivedAt time.Time    `json:"received_at"`
	Service    string       `json:"service"`
	Event      string       `json:"event"`
	Verdict    string       `json:"verdict"`
	Reason     string       `json:"reason"`
	Build      *int64       `json:"build"`
	RequestIP  string       `json:"request_ip"`
	Headers    []Header     `json:"headers"`
	Options    BuildOptions `json:"options"`
}

// Header is a header of a delivery.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Diff is what a release changes, compared with another one.
type Diff struct {
	Course        string     `json:"course"`
	Release       Release    `json:"release"`
	Against       *Release   `json:"against"` // nil: nothing is published
	Dangerous     bool       `json:"dangerous"`
	NeedsApproval bool       `json:"needs_approval"`
	Approval      *Approval  `json:"approval"`     // nil: nobody has approved it
	Incomparable  string     `json:"incomparable"` // why there are no items although there may be differences
	Counts        DiffCounts `json:"counts"`
	Items         []DiffItem `json:"items"`
}

// DiffCounts counts the items of a Diff.
type DiffCounts struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
	Renamed int `json:"renamed"`
	Moved   int `json:"moved"`
	Changed int `json:"changed"`
}

// DiffItem is one thing that a release changes.
type DiffItem struct {
	Kind      string      `json:"kind"`   // course, category, module, chapter or exercise
	Change    string      `json:"change"` // added, removed, renamed, moved or changed
	Name      string      `json:"name"`
	Dangerous bool        `json:"dangerous"`
	Old       *DiffPlace  `json:"old"` // nil for what is added
	New       *DiffPlace  `json:"new"` // nil for what is removed
	Fields    []DiffField `json:"fields"`
}

// DiffPlace is where something stands in a course.
type DiffPlace struct {
	Module string `json:"module"`
	Parent string `json:"parent"`
	Key    string `json:"key"`
}

// DiffField is a value that a release changes.
type DiffField struct {
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// Approval tells who let a release be published, in the place of which.
type Approval struct {
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Against string    `json:"against"`
}

// Host is a build host.
type Host struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Version   string    `json:"version"`
	State     string    `json:"state"`  // active, draining, failing or stopped
	Reason    string    `json:"reason"` // why it takes no builds of its own accord
	Gone      bool      `json:"gone"`   // it has been silent for too long
	StartedAt time.Time `json:"started_at"`
	SeenAt    time.Time `json:"seen_at"`
	Builds    int       `json:"builds"`
	Slots     int       `json:"slots"`
	Running   int       `json:"running"`
	Waiting   int       `json:"waiting"`
	Load      float64   `json:"load"`
	DiskFree  int64     `json:"disk_free"`
	DiskTotal int64     `json:"disk_total"`
}
