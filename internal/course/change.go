package course

// ChangeKind says what about a build has changed.
type ChangeKind string

// The kinds of changes.
const (
	ChangeState ChangeKind = "state" // the row, a step or the report
	ChangeLog   ChangeKind = "log"
	// ChangeUnknown stands for changes that may have been missed: whoever shows
	// anything reads it again.
	ChangeUnknown ChangeKind = "unknown"
)

// Change tells that a build has changed. The ids are 0 when the kind is
// ChangeUnknown.
type Change struct {
	Kind     ChangeKind
	CourseID int64
	BuildID  int64
}
