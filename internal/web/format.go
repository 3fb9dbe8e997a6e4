package web

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/docker/go-units"

	"coursewright/internal/course"
)

// functions are what the templates can call.
func (s *site) functions() template.FuncMap {
	return template.FuncMap{
		"age":      func(t time.Time) string { return age(s.Now().Sub(t)) },
		"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"stamp":    func(t time.Time) string { return t.In(s.Location).Format("2 Jan 2006 15:04:05 MST") },
		"took":     took,
		"short":    short,
		"word":     word,
		"duration": s.duration,
		"bytes":    func(n int64) string { return units.BytesSize(float64(n)) },
	}
}

// age tells roughly how long ago something was.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return count(int(d/time.Minute), "minute")
	case d < day:
		return count(int(d/time.Hour), "hour")
	case d < 60*day:
		return count(int(d/day), "day")
	}
	return count(int(d/(30*day)), "month")
}

func count(n int, unit string) string {
	if n == 1 {
		return "1 " + unit + " ago"
	}
	return fmt.Sprintf("%d %ss ago", n, unit)
}

// took writes a duration as people read it.
func took(d time.Duration) string {
	switch {
	case d < 0:
		return ""
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// duration is how long a build took or has taken by now.
func (s *site) duration(b course.Build) string {
	if b.StartedAt.IsZero() {
		return ""
	}
	if b.FinishedAt.IsZero() {
		return took(s.Now().Sub(b.StartedAt))
	}
	return took(b.FinishedAt.Sub(b.StartedAt))
}

func short(commit string) string {
	const digits = 8
	return commit[:min(digits, len(commit))]
}

// word is a status in lower case, for reading and for the stylesheet.
func word(s course.Status) string { return strings.ToLower(string(s)) }
