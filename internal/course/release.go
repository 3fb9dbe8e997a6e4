package course

import "time"

// BaseURLMarker stands in a stored A+ document where the scheme, host and port
// of the request that reads it belong. Its code points are of a private use
// area, so that no course text contains it by accident; the document writes
// them as \u escapes (lower case), as all that is not ASCII.
const BaseURLMarker = "\ue0c0base\ue0c1"

// ReadersLag is for how long who reads releases may go on with what was found. Who
// changes which release is a course's stored or published one waits that long before
// anybody is told: whoever knows of a change, sees it, in all processes.
const ReadersLag = 2 * time.Millisecond

// Release is one stored or published result of a build.
type Release struct {
	Key              string // course key
	Version          string // VersionLength letters and digits
	BuildID          int64
	Commit           string
	Preview          string // branch of which it is a preview; empty: it can be published
	RemoteID         *int64
	StaticDir        string    // relative to the content folder; empty: the course has none
	UnprotectedPaths []string  // nil: the whole static folder is public
	HasUnprotected   bool      // unprotected_paths was given, perhaps empty
	StoredAt         time.Time // UTC
	PublishedAt      time.Time // zero while not published
	Dir              string    // folder that holds content/, lms.json, defaults.json; absolute
}

// Approval is somebody's word that a release may take exercises from A+ by which
// students have points.
type Approval struct {
	By      string // who approved, as the security log names them
	At      time.Time
	Against string // version that was published then; for another one it does not hold
}

// PublishRequest asks to make a release the one that students see.
type PublishRequest struct {
	Key      string
	Version  string
	Rollback bool // on purpose: an older build may replace a newer one
}

// PublishResult tells what a publish did. Errors are the graders' and those of
// addresses that another course has; the release is live all the same.
type PublishResult struct {
	Version string
	BuildID int64
	Errors  []string
}
