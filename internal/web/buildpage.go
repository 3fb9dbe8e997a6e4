package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/web/logview"
)

// timelineWidth is the width of the timeline's drawing, in its own units.
const timelineWidth = 1000

// eagerLines is how many lines of a log the page itself brings; the others come
// when they are looked at.
const eagerLines = 600

type buildPage struct {
	Title  string
	Course course.Course
	Build  course.Build
	Write  bool
	Live   bool
	Run    string // address in Temporal's pages, or empty
	Cause  *cause // of a failure
	Report course.Report
	Parts  []logPart
	Log    *logview.Log
	Search *logSearch // nil: nothing was searched
	Newer  int64      // the course's newest build when this is not it
	IsLive bool       // students see what this build made
}

// NoOptions says whether the build is one as usual.
func (p buildPage) NoOptions() bool { return p.Build.Options == course.BuildOptions{} }

// Explains says whether the head of the page tells why a step failed.
func (p buildPage) Explains(step string) bool { return p.Cause != nil && p.Cause.Step == step }

// logPart is a step with what it wrote.
type logPart struct {
	Index int
	Step  *stepBar // nil: what stands before the first step
	Open  bool
	logview.Section
}

// stepBar is a step with its place in the timeline.
type stepBar struct {
	course.Step
	Running bool
	Took    time.Duration
	X, W    int
}

// logSearch is what was found in a log.
type logSearch struct {
	Text  string
	Lines []int
	All   int
}

// build shows one build with its log.
func (s *site) build(w http.ResponseWriter, r *http.Request) error {
	c, b, err := s.findBuild(r, false)
	if err != nil {
		return err
	}
	page := buildPage{
		Title: s.printer(r).T("%s, build %d", c.Key, b.ID), Course: c, Build: b, Write: s.May(r, true, c),
		Live: !b.Status.Final(), Run: s.RunURL(b),
	}
	if page.Report, err = s.Rows.Report(r.Context(), b.ID); err != nil {
		return err
	}
	if err := s.addLog(r, &page); err != nil {
		return err
	}
	if b.Status == course.StatusFailed {
		if page.Cause, err = s.findCause(r.Context(), page); err != nil {
			return err
		}
	}
	s.addRelease(r.Context(), &page)
	latest, err := s.Rows.LatestBuilds(r.Context(), []int64{c.ID})
	if err != nil {
		return err
	}
	if newest, ok := latest[c.ID]; ok && newest.ID > b.ID {
		page.Newer = newest.ID
	}
	return s.render(w, r, http.StatusOK, "build.html", page)
}

// addRelease adds what became of the build's release. Without the releases the
// page is of use all the same.
func (s *site) addRelease(ctx context.Context, page *buildPage) {
	if page.Build.Version == "" {
		return
	}
	published, err := optional(s.Releases.Published(page.Course.Key))
	if err != nil {
		s.Log.ErrorContext(ctx, "releases cannot be read", "course", page.Course.Key, "error", err)
		return
	}
	page.IsLive = published != nil && published.Version == page.Build.Version
}

// addLog adds the steps with their parts of the log.
func (s *site) addLog(r *http.Request, page *buildPage) error {
	read := s.logReader(page.Build.ID)
	bars := timeline(page.Build, s.Now())
	var cuts []int64
	var placed []*stepBar
	for i := range bars {
		if bars[i].LogStart >= 0 {
			cuts = append(cuts, bars[i].LogStart)
			placed = append(placed, &bars[i])
		}
	}
	var err error
	if page.Log, err = logview.Read(r.Context(), read, cuts); err != nil {
		return err
	}
	if first := page.Log.Sections[0]; first.Lines > 0 || len(placed) == 0 {
		page.Parts = append(page.Parts, logPart{Section: first, Open: true})
	}
	for i := range bars { // of earlier versions: their log is not divided
		if bars[i].LogStart < 0 {
			page.Parts = append(page.Parts, logPart{Step: &bars[i]})
		}
	}
	for i, bar := range placed {
		page.Parts = append(page.Parts, logPart{Step: bar, Section: page.Log.Sections[i+1]})
	}
	for i := range page.Parts {
		page.Parts[i].Index = i + 1
	}
	page.openParts()
	if text := strings.TrimSpace(r.URL.Query().Get("q")); text != "" {
		page.Search = &logSearch{Text: text}
		const shown = 200
		if page.Search.Lines, page.Search.All, err = logview.Find(r.Context(), read, text, shown); err != nil {
			return err
		}
	}
	wanted, err := strconv.Atoi(r.URL.Query().Get("line"))
	if err != nil {
		wanted = 0
	}
	return page.renderBlocks(r.Context(), read, wanted)
}

// openParts opens what somebody wants to see first: the step that failed or
// runs, else the build command.
func (p *buildPage) openParts() {
	last := -1
	for i, part := range p.Parts {
		if part.Step == nil {
			continue
		}
		if part.Step.Outcome == course.OutcomeFailed || part.Step.Running {
			last = i
		}
		if last < 0 && p.Build.Status == course.StatusSuccess && part.Step.Name == "build" && part.Lines > 0 {
			last = i
		}
	}
	if last >= 0 {
		p.Parts[last].Open = true
	}
}

// renderBlocks renders the blocks that the page brings: the one that is asked
// for, the ends of open parts, then as many as fit, in order.
func (p *buildPage) renderBlocks(ctx context.Context, read logview.Reader, wanted int) error {
	var order []*logview.Block
	for i := range p.Parts {
		part := &p.Parts[i]
		for _, b := range part.Blocks {
			if wanted >= b.First && wanted <= b.Last() {
				part.Open = true
				order = append([]*logview.Block{b}, order...)
			}
		}
		if n := len(part.Blocks); part.Open && n > 0 {
			order = append(order, part.Blocks[n-1])
		}
	}
	for _, part := range p.Parts {
		order = append(order, part.Blocks...)
	}
	left := eagerLines
	for _, b := range order {
		if b.HTML != "" {
			continue
		}
		if left < b.Lines && b.First != wanted {
			break
		}
		left -= b.Lines
		if err := logview.Render(ctx, read, b); err != nil {
			return err
		}
	}
	return nil
}

func (s *site) logReader(id int64) logview.Reader {
	return func(ctx context.Context, offset int64) ([]course.LogChunk, int64, error) {
		return s.Rows.ReadLog(ctx, id, offset)
	}
}

// logLines answers a script that wants a block of a log as HTML, or the numbers
// of the lines that contain a text as JSON.
func (s *site) logLines(w http.ResponseWriter, r *http.Request) error {
	_, b, err := s.findBuild(r, false)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if text := q.Get("q"); text != "" {
		const most = 5000
		lines, all, err := logview.Find(r.Context(), s.logReader(b.ID), text, most)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(struct {
			Lines []int `json:"lines"`
			All   int   `json:"all"`
		}{append([]int{}, lines...), all})
	}
	block := logview.Block{Style: q.Get("style")}
	var wrong error
	number := func(name string, least, most int64) int64 {
		n, err := strconv.ParseInt(q.Get(name), 10, 64)
		if err != nil || n < least || n > most {
			wrong = fmt.Errorf("%s is a number from %d to %d: %w", name, least, most, course.ErrInvalid)
		}
		return n
	}
	const anything, mostLines = 1 << 40, 1000
	block.Offset, block.First, block.Lines = number("offset", 0, anything), int(number("first", 1, anything)), int(number("lines", 1, mostLines))
	if wrong != nil {
		return wrong
	}
	if err := logview.Render(r.Context(), s.logReader(b.ID), &block); err != nil {
		return err
	}
	body := []byte(block.HTML)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if takesGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		body = zipped(body)
	}
	_, _ = w.Write(body) // a reader who is gone cannot be told
	return nil
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
		const visible = 8 // the shortest step is still a mark
		bar.X = min(place(step.StartedAt), timelineWidth-visible)
		bar.W = max(place(until)-bar.X, visible)
		out = append(out, bar)
	}
	return out
}
