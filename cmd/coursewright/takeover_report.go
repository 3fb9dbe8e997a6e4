package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"coursewright/internal/course"
)

// What became of a course, a release or the key.
const (
	stateNew     = "taken"
	stateChanged = "brought up to date"
	stateSame    = "nothing to do"
	stateFailed  = "not taken"
	stateDeleted = "deleted here"
	stateKept    = "left as built here" // a release: the course was built here since
)

// takeoverReport tells what was taken over. It holds no secrets.
type takeoverReport struct {
	Source  string          `json:"source"`
	DryRun  bool            `json:"dry_run"`
	Courses []*courseReport `json:"courses"`
	SSHKey  keyReport       `json:"ssh_key"`
	Totals  takeoverTotals  `json:"totals"`
}

type takeoverTotals struct {
	Courses   int `json:"courses"`
	Taken     int `json:"taken"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	Builds    int `json:"builds"`
	Releases  int `json:"releases"`
	Files     int `json:"files"`
	Linked    int `json:"linked"`
	NeedBuild int `json:"need_build"`
	Problems  int `json:"problems"`
}

type courseReport struct {
	Key       string         `json:"key"`
	SourceID  int64          `json:"source_id"`
	State     string         `json:"state"`
	Changed   []string       `json:"changed,omitempty"`
	Builds    int            `json:"builds"`
	Published *releaseReport `json:"published,omitempty"`
	Stored    *releaseReport `json:"stored,omitempty"`
	Notes     []string       `json:"notes,omitempty"`
	Problems  []string       `json:"problems,omitempty"`
}

type releaseReport struct {
	Version    string `json:"version"`
	State      string `json:"state"`
	Files      int    `json:"files"`
	Linked     int    `json:"linked"`      // of them without copying
	NeedsBuild bool   `json:"needs_build"` // A+ gets nothing before the next build
	Reason     string `json:"reason,omitempty"`
}

type keyReport struct {
	State   string `json:"state"`
	Problem string `json:"problem,omitempty"`
}

func newTakeoverReport(o takeoverOptions) *takeoverReport {
	return &takeoverReport{Source: o.source, DryRun: o.dryRun, Courses: []*courseReport{}}
}

func (c *courseReport) problem(format string, args ...any) {
	if c.State == "" {
		c.State = stateFailed
	}
	c.Problems = append(c.Problems, fmt.Sprintf(format, args...))
}

func (c *courseReport) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

// tell tells what the database has taken.
func (c *courseReport) tell(done course.TakeoverResult, t course.Takeover) {
	c.Changed, c.Builds = done.Changed, done.Builds
	switch {
	case done.New:
		c.State = stateNew
	case len(done.Changed) > 0 || done.Builds > 0:
		c.State = stateChanged
	default:
		c.State = stateSame
	}
	if done.New && t.Course.WebhookSecret == "" {
		c.note("gitmanager has no webhook secret; a new one was made: give it to the git host")
	}
	if len(done.Conflicts) > 0 {
		c.problem("changed here and in gitmanager since, left as here: %s", strings.Join(done.Conflicts, ", "))
	}
	for _, b := range t.Builds {
		if b.Open && done.Builds > 0 {
			c.note("gitmanager had not ended its update %d; build the course here", b.SourceID)
		}
	}
}

// count sums up.
func (r *takeoverReport) count() {
	t := takeoverTotals{Courses: len(r.Courses)}
	for _, c := range r.Courses {
		switch c.State {
		case stateNew:
			t.Taken++
		case stateChanged:
			t.Changed++
		case stateSame:
			t.Unchanged++
		}
		t.Builds += c.Builds
		t.Problems += len(c.Problems)
		for _, p := range []*releaseReport{c.Published, c.Stored} {
			if p == nil {
				continue
			}
			if p.State == stateNew {
				t.Releases++
			}
			t.Files += p.Files
			t.Linked += p.Linked
			if p.NeedsBuild {
				t.NeedBuild++
			}
		}
	}
	if r.SSHKey.Problem != "" {
		t.Problems++
	}
	r.Totals = t
}

// print writes the report for people, or as JSON.
func (r *takeoverReport) print(out io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	var b strings.Builder
	if r.DryRun {
		b.WriteString("Dry run: nothing is changed.\n")
	}
	for _, c := range r.Courses {
		c.write(&b)
	}
	fmt.Fprintf(&b, "SSH key: %s\n", strings.TrimSuffix(r.SSHKey.State+": "+r.SSHKey.Problem, ": "))
	t := r.Totals
	fmt.Fprintf(&b, "%d courses: %d taken, %d brought up to date, %d with nothing to do; %d builds; %d releases with %d files, %d of them without copying; %d need a build; %d problems\n",
		t.Courses, t.Taken, t.Changed, t.Unchanged, t.Builds, t.Releases, t.Files, t.Linked, t.NeedBuild, t.Problems)
	_, err := io.WriteString(out, b.String())
	return err
}

func (c *courseReport) write(b *strings.Builder) {
	fmt.Fprintf(b, "%q: %s", c.Key, c.State)
	if len(c.Changed) > 0 {
		fmt.Fprintf(b, " (%s)", strings.Join(c.Changed, ", "))
	}
	fmt.Fprintf(b, ", %d builds\n", c.Builds)
	for _, p := range []struct {
		name string
		r    *releaseReport
	}{{"published", c.Published}, {"stored", c.Stored}} {
		if p.r == nil {
			continue
		}
		fmt.Fprintf(b, "  %s release %s: %s, %d files, %d without copying\n", p.name, p.r.Version, p.r.State, p.r.Files, p.r.Linked)
		if p.r.NeedsBuild {
			fmt.Fprintf(b, "  needs a build before A+ can import it: %s\n", p.r.Reason)
		}
	}
	for _, n := range c.Notes {
		fmt.Fprintf(b, "  note: %s\n", n)
	}
	for _, p := range c.Problems {
		fmt.Fprintf(b, "  problem: %s\n", p)
	}
}
