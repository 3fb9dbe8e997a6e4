package web

import (
	"html/template"
	"net/http"
	"strings"
	"time"

	"coursewright/internal/course"
)

// timelineWidth is the width of the timeline's drawing, in its own units.
const timelineWidth = 1000

type buildPage struct {
	Title  string
	Course course.Course
	Build  course.Build
	Write  bool
	Live   bool
	Run    string // address in Temporal's pages, or empty
	Steps  []stepBar
	Log    template.HTML
	Style  string // how text after the log goes on
	Next   int64  // offset in the log
}

// stepBar is a step with its place in the timeline.
type stepBar struct {
	course.Step
	Running bool
	Took    time.Duration
	X, W    int
}

// build shows one build with its log.
func (s *site) build(w http.ResponseWriter, r *http.Request) error {
	c, b, err := s.findBuild(r, false)
	if err != nil {
		return err
	}
	page := buildPage{
		Title: c.Key + ", build " + r.PathValue("id"), Course: c, Build: b, Write: s.May(r, true, c),
		Live: !b.Status.Final(), Run: s.RunURL(b), Steps: timeline(b, s.Now()),
	}
	text, next, err := s.readLog(r, b.ID)
	if err != nil {
		return err
	}
	page.Log, page.Style = renderLog(text)
	page.Next = next
	return s.render(w, http.StatusOK, "build.html", page)
}

// readLog reads a log to its present end. The store bounds its size.
func (s *site) readLog(r *http.Request, id int64) (text string, next int64, err error) {
	var out strings.Builder
	for {
		chunks, after, err := s.Rows.ReadLog(r.Context(), id, next)
		if err != nil {
			return "", 0, err
		}
		if len(chunks) == 0 {
			return out.String(), next, nil
		}
		for _, chunk := range chunks {
			out.WriteString(chunk.Text)
		}
		next = after
	}
}

// timeline places the steps of a build between its start and its end, or now.
func timeline(b course.Build, now time.Time) []stepBar {
	end := b.FinishedAt
	if end.IsZero() {
		end = now
	}
	for _, step := range b.Steps { // what is recorded after the end still belongs to it
		if step.FinishedAt.After(end) {
			end = step.FinishedAt
		}
	}
	total := max(end.Sub(b.StartedAt), time.Millisecond)
	place := func(t time.Time) int {
		return int(min(max(t.Sub(b.StartedAt), 0), total) * timelineWidth / total)
	}
	out := make([]stepBar, 0, len(b.Steps))
	for _, step := range b.Steps {
		bar := stepBar{Step: step, Running: step.FinishedAt.IsZero()}
		until := step.FinishedAt
		if bar.Running {
			until = end
		}
		bar.Took = max(until.Sub(step.StartedAt), 0)
		const visible = 4 // the shortest step is still a mark
		bar.X = min(place(step.StartedAt), timelineWidth-visible)
		bar.W = max(place(until)-bar.X, visible)
		out = append(out, bar)
	}
	return out
}
