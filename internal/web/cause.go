package web

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"coursewright/internal/course"
)

// How much of what went wrong the head of a page shows.
const (
	shownProblems = 5
	causeLines    = 12  // of the log of the step that failed
	searchedLines = 400 // of it, for the name of a file
)

// cause tells why a build failed: what a teacher reads first.
type cause struct {
	Step     string
	Part     int // number of the step's part on the page; 0: none
	Service  bool
	Message  string    // empty: the problems say all
	Problems []problem // the first of them
	More     []problem
	Lines    []excerptLine // of the log, where there are no problems
	Advice   []string      // what to do; keys of the catalogue
}

// problem is one thing that is wrong with the course, with the lines of the
// file where it stands.
type problem struct {
	course.Diagnostic
	Lines   []excerptLine
	LogLine int // number of the line of the log that tells it; 0: none
}

// excerptLine is a line of a file or a log.
type excerptLine struct {
	Number int
	Text   string
	Hit    bool   // it is the line that is meant
	Before string // spaces up to the column that is meant; empty: unknown
}

// findCause looks for the reason of a failure in what the build has found, and
// else in the log of the step that failed.
func (s *site) findCause(ctx context.Context, page buildPage) (*cause, error) {
	out := &cause{Message: page.Build.Reason, Service: serviceTrouble(page.Build.Reason)}
	var failed *logPart
	for i, part := range page.Parts {
		if part.Step != nil && part.Step.Outcome == course.OutcomeFailed {
			failed = &page.Parts[i]
		}
	}
	if failed != nil {
		out.Step, out.Part = failed.Step.Name, failed.Index
	}
	out.Message = strings.TrimPrefix(out.Message, out.Step+": ")
	problems := make([]problem, 0, len(page.Report.Errors))
	for _, d := range page.Report.Errors {
		problems = append(problems, problem{Diagnostic: d, Lines: excerpt(d)})
	}
	if len(problems) == 0 && failed != nil && !out.Service {
		var err error
		if problems, err = s.logged(ctx, page.Build.ID, failed, out); err != nil {
			return nil, err
		}
	}
	if len(page.Report.Errors) > 0 {
		out.Message = ""
	}
	n := min(len(problems), shownProblems)
	out.Problems, out.More = problems[:n], problems[n:]
	out.Advice = advice(out)
	return out, nil
}

// logged takes the end of a step's log, and the place in a file that it names.
func (s *site) logged(ctx context.Context, id int64, part *logPart, out *cause) ([]problem, error) {
	lines, first, err := part.Tail(ctx, s.logReader(id), searchedLines)
	if err != nil {
		return nil, err
	}
	found, at := findPlace(lines)
	var problems []problem
	if at >= 0 {
		problems = []problem{{Diagnostic: found, LogLine: first + at}}
	}
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	from := max(0, len(lines)-causeLines)
	for i, text := range lines[from:] {
		out.Lines = append(out.Lines, excerptLine{Number: first + from + i, Text: text, Hit: from+i == at})
	}
	return problems, nil
}

// excerpt divides a diagnostic's lines.
func excerpt(d course.Diagnostic) []excerptLine {
	if d.Excerpt == "" {
		return nil
	}
	var out []excerptLine
	for i, text := range strings.Split(d.Excerpt, "\n") {
		line := excerptLine{Number: d.ExcerptFrom + i, Text: text, Hit: d.ExcerptFrom+i == d.Line}
		if line.Hit && d.Column > 1 && d.Column <= len([]rune(text)) {
			line.Before = string([]rune(text)[:d.Column-1])
		}
		out = append(out, line)
	}
	return out
}

// serviceTrouble says whether a build failed by no fault of its course.
func serviceTrouble(reason string) bool {
	for _, words := range []string{course.ServiceTrouble, "the build host went away", "or its host died"} {
		if strings.Contains(reason, words) {
			return true
		}
	}
	return false
}

// places are the forms in which tools name a place in a file, the best first:
// Sphinx and compilers, Python, YAML, shells, make.
var places = []*regexp.Regexp{
	regexp.MustCompile(`^\s*(?P<file>[^\s:"'][^:"']*\.\w+):(?P<line>\d+)(?::\d+)?: (?:\(?(?:SEVERE|CRITICAL|ERROR|Error|error|fatal error)(?:/\d)?\)?:?) ?(?P<text>.+)$`),
	regexp.MustCompile(`^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)`),
	regexp.MustCompile(`^\s*in "(?P<file>[^"]+)", line (?P<line>\d+), column \d+`),
	regexp.MustCompile(`^(?:/[^:\s]*/)?(?P<file>[^:\s]+\.(?:sh|bash)): (?:line )?(?P<line>\d+): (?P<text>.+)$`),
	regexp.MustCompile(`^\s*(?P<file>[^\s:"'][^:"']*\.\w+):(?P<line>\d+)(?::\d+)?: (?:WARNING|Warning|warning): (?P<text>.+)$`),
	regexp.MustCompile(`^make(?:\[\d+\])?: \*\*\* \[(?P<file>[^:\]]+):(?P<line>\d+): [^\]]+\] (?P<text>.+)$`),
}

// findPlace finds the last place in a file that lines of a log name, in the best
// of the forms that occur, and the index of its line; -1: there is none. Of a
// Python traceback the message is its last line.
func findPlace(lines []string) (course.Diagnostic, int) {
	for _, form := range places {
		for i := len(lines) - 1; i >= 0; i-- {
			m := form.FindStringSubmatch(lines[i])
			if m == nil {
				continue
			}
			d := course.Diagnostic{File: inCourse(m[form.SubexpIndex("file")])}
			number, err := strconv.Atoi(m[form.SubexpIndex("line")])
			if err != nil {
				continue
			}
			d.Line = number
			if k := form.SubexpIndex("text"); k >= 0 {
				d.Message = m[k]
			} else {
				d.Message = endOfTraceback(lines[i+1:])
			}
			return d, i
		}
	}
	return course.Diagnostic{}, -1
}

// endOfTraceback is the first line that is not indented any more.
func endOfTraceback(lines []string) string {
	for _, text := range lines {
		if text != "" && text[0] != ' ' && text[0] != '\t' {
			return text
		}
	}
	return ""
}

// inCourse makes a path that a build command names one in the course's folder,
// which is mounted elsewhere in containers.
func inCourse(file string) string {
	return strings.TrimPrefix(strings.TrimPrefix(file, "/compile/"), "./")
}

// advice says what to do about a failure.
func advice(c *cause) []string {
	if c.Service {
		return []string{
			key("This is not the fault of the course. Build again; if it fails again, tell the administrators the number of this build."),
		}
	}
	switch {
	case c.Step == "checkout":
		return []string{
			key("Look at the origin and the branch in the settings of the course."),
			key("If the repository is private, let the service read it with the deploy key of the webhook page."),
		}
	case c.Step == "build":
		return []string{
			key("Mend what the log says in the course's repository and push: that builds again."),
			key("To try it without pushing, run the build command of the course on your own computer."),
		}
	case strings.HasPrefix(c.Step, graderStep):
		return []string{
			key("The grader did not take the exercises. Read its answer; mend the exercise, or ask whoever runs the grader, and build again."),
		}
	case len(c.Problems) > 0:
		return []string{key("Mend the places in the course's repository and push: that builds again.")}
	}
	return []string{key("Mend it in the course's repository and push: that builds again.")}
}
