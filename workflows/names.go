package workflows

// Task queues. HostQueue gives the queue of one build host.
const (
	TaskQueue    = "coursewright"         // workflow tasks and short activities
	BuildQueue   = "coursewright-build"   // shared: a build asks it for a host
	PublishQueue = "coursewright-publish" // whoever owns the publish folder
)

// HostQueue is the queue of everything that touches one host's build disk.
func HostQueue(host string) string { return BuildQueue + "@" + host }

// BuildID is the id of a course's build workflow. Temporal runs at most one
// workflow of an id at a time: the id is the course's lock.
func BuildID(key string) string { return "build/" + key }

// PublishID is the id of a course's publish workflow, the lock of its publish
// folder.
func PublishID(key string) string { return "publish/" + key }

// RemoveID is the id of the workflow that removes a course.
func RemoveID(key string) string { return "remove/" + key }

// LMSCallID is the id of the workflow that tells A+ of a course's builds: to
// import the course, or to mail that a build failed.
func LMSCallID(key string, mail bool) string {
	if mail {
		return "mail/" + key
	}
	return "notify/" + key
}

// SignalNewer brings the workflow of LMSCallID a call, an activities.LMSCall.
const SignalNewer = "newer"

// Signals and queries of the build workflow.
const (
	SignalRequested = "requested" // Requested: the database may hold something to build
	SignalCancel    = "cancel"    // CancelBuild: end one build
	QueryProgress   = "progress"  // answers Progress
)

// Requested tells a build workflow that a request was recorded. The database
// row is the request; the signal only wakes.
type Requested struct {
	BuildID int64 `json:"build_id,omitempty"`
}

// CancelBuild asks to end one build of the course.
type CancelBuild struct {
	BuildID int64  `json:"build_id"`
	Reason  string `json:"reason"`
}

// Progress is what a build workflow does now.
type Progress struct {
	BuildID int64  `json:"build_id,omitempty"` // 0 between builds
	Step    string `json:"step,omitempty"`
	Host    string `json:"host,omitempty"`
}
