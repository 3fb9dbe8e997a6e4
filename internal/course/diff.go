package course

import "slices"

// DiffKind says what a difference between two releases is about.
type DiffKind string

// What differences are about.
const (
	DiffCourse   DiffKind = "course"
	DiffCategory DiffKind = "category"
	DiffModule   DiffKind = "module"
	DiffChapter  DiffKind = "chapter"
	DiffExercise DiffKind = "exercise"
)

// DiffChange says how something differs.
type DiffChange string

// How something differs.
const (
	DiffAdded   DiffChange = "added"
	DiffRemoved DiffChange = "removed"
	DiffRenamed DiffChange = "renamed" // the same content under another key
	DiffMoved   DiffChange = "moved"   // the same key below another parent
	DiffChanged DiffChange = "changed" // only fields differ
)

// DiffField is a field whose value differs. Empty: it is not given.
type DiffField struct {
	Name string // as in A+'s document, such as max_points
	Old  string
	New  string
}

// DiffPlace is where something stands in the course. The fields are keys.
type DiffPlace struct {
	Module string // empty for what is no learning object
	Parent string // of the chapter or exercise above it; empty: it stands in the module itself
	Key    string // empty for the course
}

// DiffItem is one difference.
type DiffItem struct {
	Kind      DiffKind
	Change    DiffChange
	Name      string    // as readers know it; the new one where there are two
	Old       DiffPlace // zero for what is added
	New       DiffPlace // zero for what is removed
	Fields    []DiffField
	Dangerous bool // A+ no longer knows an exercise by which students have points
}

// Diff is what a release changes compared with another one.
type Diff struct {
	Old   Release
	New   Release
	Items []DiffItem // in the order of the new course, what is removed last

	// Incomparable says why there are no items although there may be differences:
	// one of the releases is damaged. Empty: they have been compared.
	Incomparable string
}

// Dangerous are the differences that take exercises from A+ by which students
// have points.
func (d Diff) Dangerous() []DiffItem {
	return slices.DeleteFunc(slices.Clone(d.Items), func(i DiffItem) bool { return !i.Dangerous })
}

// Harmless are the other differences.
func (d Diff) Harmless() []DiffItem {
	return slices.DeleteFunc(slices.Clone(d.Items), func(i DiffItem) bool { return i.Dangerous })
}

// Count counts the differences of a kind of change.
func (d Diff) Count(c DiffChange) int {
	n := 0
	for _, i := range d.Items {
		if i.Change == c {
			n++
		}
	}
	return n
}
