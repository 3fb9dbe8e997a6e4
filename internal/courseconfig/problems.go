package courseconfig

import (
	"cmp"
	"slices"
	"strings"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig/pyvalue"
)

// problems collects what is wrong with a course, so that one run tells all.
type problems struct {
	errors   []course.Diagnostic
	warnings []course.Diagnostic
	failures int // errors met, those that were not kept included
	warned   int // warnings met, likewise
}

// maxProblems bounds what one run reports of each sort: nobody reads more, and
// a hostile course must not fill memory.
const maxProblems = 500

func (p *problems) fail(v *pyvalue.Value, at *place, message, hint string) {
	p.addError(diagnostic(v, at, message, hint))
}

func (p *problems) warn(v *pyvalue.Value, at *place, message, hint string) {
	p.warned++
	if len(p.warnings) < maxProblems {
		p.warnings = append(p.warnings, diagnostic(v, at, message, hint))
	}
}

func (p *problems) addError(d course.Diagnostic) {
	p.failures++
	if len(p.errors) < maxProblems {
		p.errors = append(p.errors, d)
	}
}

func (p *problems) failed() bool { return p.failures > 0 }

// full says that no more errors are kept, so that they need no words.
func (p *problems) full() bool { return len(p.errors) >= maxProblems }

// fullOfWarnings says the same of warnings.
func (p *problems) fullOfWarnings() bool { return len(p.warnings) >= maxProblems }

// report gives what was collected, each thing once and in the order of the
// files: exercises that share a configuration or a type would tell its problems
// again and again.
func (p *problems) report() *Report {
	r := &Report{Errors: arranged(p.errors), Warnings: arranged(p.warnings)}
	r.Errors, r.MoreErrors = withMore(r.Errors, p.failures-len(p.errors), "error")
	r.Warnings, r.MoreWarnings = withMore(r.Warnings, p.warned-len(p.warnings), "warning")
	return r
}

// withMore puts an entry at the end of a list that says how many problems are
// not in it, and gives their number.
func withMore(list []course.Diagnostic, more int, word string) ([]course.Diagnostic, int) {
	if more == 0 {
		return list, 0
	}
	if len(list) == maxProblems {
		list = list[:maxProblems-1]
		more++
	}
	return append(list, course.Diagnostic{Message: count(more, "more "+word) + " not shown", Hint: "correct those above and check again"}), more
}

// arranged sorts by the line, files in the order in which they were met.
func arranged(list []course.Diagnostic) []course.Diagnostic {
	seen := make(map[course.Diagnostic]bool, len(list))
	files := map[string]int{}
	list = slices.DeleteFunc(list, func(d course.Diagnostic) bool {
		same := d
		if d.Line > 0 {
			same.Path = "" // a type or an alias brings one problem to many places
		}
		before := seen[same]
		seen[same] = true
		if _, met := files[d.File]; !met {
			files[d.File] = len(files)
		}
		return before
	})
	slices.SortStableFunc(list, func(a, b course.Diagnostic) int {
		return cmp.Or(files[a.File]-files[b.File], a.Line-b.Line, a.Column-b.Column)
	})
	return list
}

// diagnostic places a message at v, which may be nil.
func diagnostic(v *pyvalue.Value, at *place, message, hint string) course.Diagnostic {
	d := course.Diagnostic{Path: at.String(), Message: message, Hint: hint}
	if v != nil {
		d.File, d.Line, d.Column = v.File, v.Pos.Line, v.Pos.Column
	}
	return d
}

// maxCandidates bounds the names that a word is compared with.
const maxCandidates = 300

// nearest finds the candidate that word was probably meant to be, or "".
func nearest(word string, candidates []string) string {
	if len(candidates) > maxCandidates {
		return "" // so many names are no help
	}
	best, distance := "", 1+max(1, min(3, len(word)/3))
	for _, c := range candidates {
		if d := editDistance(strings.ToLower(word), c); d < distance {
			best, distance = c, d
		}
	}
	return best
}

// editDistance counts the letters to add, drop, change or swap with the next
// one to get from a to b.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	before := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	next := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
