package web

import (
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"coursewright/internal/course"
	"coursewright/internal/web/message"
)

// functions are what the templates of one language can call.
func (s *site) functions(p message.Printer) template.FuncMap {
	return template.FuncMap{
		"t":         p.T,
		"n":         p.N,
		"said":      func(text string) template.HTML { return inParts(p.Say(text)) },
		"parts":     inParts,
		"age":       func(t time.Time) string { return age(p, s.Now().Sub(t)) },
		"iso":       func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"stamp":     func(t time.Time) string { return stamp(p, t.In(s.Location)) },
		"took":      func(d time.Duration) string { return took(p, d) },
		"duration":  func(b course.Build) string { return took(p, s.elapsed(b)) },
		"waited":    func(b course.Build) string { return took(p, s.waited(b)) },
		"short":     short,
		"change":    func(c course.DiffChange) string { return p.T(changeNames[c]) },
		"kind":      func(k course.DiffKind) string { return p.T(kindNames[k]) },
		"word":      word,
		"status":    func(st course.Status) string { return p.T(statusNames[st]) },
		"step":      func(name string) string { return stepName(p, name) },
		"trigger":   func(t course.Trigger) string { return p.T(triggerNames[t]) },
		"hostState": func(st course.HostState) string { return hostState(p, st) },
		"bytes":     func(n int64) string { return units.BytesSize(float64(n)) },
		"asset":     s.assetURL,
		"dict":      dict,
	}
}

// key marks a text that is said later, by a Printer.
func key(text string) string { return text }

// dict makes a map of pairs of a name and a value, for parts that need several.
func dict(pairs ...any) map[string]any {
	out := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if name, ok := pairs[i].(string); ok {
			out[name] = pairs[i+1]
		}
	}
	return out
}

// inParts writes a text of another part of the service: what stays English says so.
func inParts(parts []message.Part) template.HTML {
	var out strings.Builder
	for _, part := range parts {
		words := template.HTMLEscapeString(part.Text)
		if part.Foreign {
			words = `<span lang="en">` + words + `</span>`
		}
		out.WriteString(words)
	}
	return template.HTML(out.String()) //nolint:gosec // escaped above
}

// statusNames are the states of builds as people read them.
var statusNames = map[course.Status]string{
	course.StatusPending:   key("pending"),
	course.StatusRunning:   key("running"),
	course.StatusSuccess:   key("success"),
	course.StatusFailed:    key("failed"),
	course.StatusSkipped:   key("skipped"),
	course.StatusCancelled: key("cancelled"),
}

// triggerNames tell what asked for a build.
var triggerNames = map[course.Trigger]string{
	course.TriggerHook: key("push"),
	course.TriggerAPI:  key("API"),
	course.TriggerPage: key("this site"),
	course.TriggerPoll: key("found by the service"),
}

// stepNames are the steps of builds as people read them.
var stepNames = map[string]string{
	"checkout": key("Fetch the source"),
	"build":    key("Run the build command"),
	"validate": key("Check the configuration"),
	"store":    key("Store the files"),
	"commit":   key("Put the release in place"),

	strings.TrimSpace(graderStep): key("Configure a grader"),
}

// graderStep begins the name of a step that configures a grader.
const graderStep = "configure grader "

func stepName(p message.Printer, name string) string {
	if n, ok := strings.CutPrefix(name, graderStep); ok {
		return p.T("Configure grader %s", n)
	}
	if known, ok := stepNames[name]; ok {
		return p.T(known)
	}
	return name
}

// stamp writes a time in full.
func stamp(p message.Printer, t time.Time) string {
	if p.Language == message.Finnish {
		return t.Format("2.1.2006 klo 15.04.05 MST")
	}
	return t.Format("2 Jan 2006 15:04:05 MST")
}

// age tells roughly how long ago something was.
func age(p message.Printer, d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return p.T("just now")
	case d < time.Hour:
		return p.N(int(d/time.Minute), "%d minute ago", "%d minutes ago")
	case d < day:
		return p.N(int(d/time.Hour), "%d hour ago", "%d hours ago")
	case d < 60*day:
		return p.N(int(d/day), "%d day ago", "%d days ago")
	}
	return p.N(int(d/(30*day)), "%d month ago", "%d months ago")
}

// took writes a duration as people read it.
func took(p message.Printer, d time.Duration) string {
	switch {
	case d < 0:
		return ""
	case d < 10*time.Second:
		text := strconv.FormatFloat(d.Seconds(), 'f', 1, 64)
		if p.Language == message.Finnish {
			text = strings.Replace(text, ".", ",", 1)
		}
		return p.T("%s s", text)
	case d < time.Minute:
		return p.T("%s s", strconv.Itoa(int(d.Seconds())))
	case d < time.Hour:
		return p.T("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return p.T("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// elapsed is how long a build took or has taken by now; negative before it
// starts.
func (s *site) elapsed(b course.Build) time.Duration {
	switch {
	case b.StartedAt.IsZero():
		return -1
	case b.FinishedAt.IsZero():
		return max(s.Now().Sub(b.StartedAt), 0)
	}
	return b.FinishedAt.Sub(b.StartedAt)
}

// waited is how long a build waited, or has waited by now, before it started.
func (s *site) waited(b course.Build) time.Duration {
	until := b.StartedAt
	if until.IsZero() {
		until = s.Now()
	}
	return max(until.Sub(b.RequestedAt), 0)
}

func short(commit string) string {
	const digits = 8
	return commit[:min(digits, len(commit))]
}

// word is a status in lower case, for the stylesheet.
func word(s course.Status) string { return strings.ToLower(string(s)) }
