package api

import (
	"math"
	"time"

	"coursewright/internal/course"
)

// buildBody is a build as the REST API shows it. Times are null while absent.
type buildBody struct {
	ID          int64          `json:"id"`
	Course      string         `json:"course"`
	Status      course.Status  `json:"status"`
	Commit      string         `json:"commit"`
	Author      string         `json:"author"`
	Subject     string         `json:"subject"`
	Changes     *changesBody   `json:"changes"` // since the last success; null while unknown
	Version     string         `json:"version"`
	Reason      string         `json:"reason"`
	Trigger     course.Trigger `json:"trigger"`
	Host        string         `json:"host"`
	RequestIP   string         `json:"request_ip"`
	RequestedAt time.Time      `json:"requested_at"`
	StartedAt   *time.Time     `json:"started_at"`
	FinishedAt  *time.Time     `json:"finished_at"`
	Options     optionsBody    `json:"options"`
	Steps       []stepBody     `json:"steps,omitzero"` // nil where builds are shown without them
}

// changesBody tells which files changed; of very many the first are named.
type changesBody struct {
	All   bool     `json:"all"`
	Count int      `json:"count"`
	Files []string `json:"files"`
}

type optionsBody struct {
	SkipGit      bool   `json:"skip_git"`
	SkipBuild    bool   `json:"skip_build"`
	SkipNotify   bool   `json:"skip_notify"`
	RebuildAll   bool   `json:"rebuild_all"`
	BuildImage   string `json:"build_image"`
	BuildCommand string `json:"build_command"`

	PreviewBranch string `json:"preview_branch"` // empty: the course itself is built
}

type stepBody struct {
	Name       string         `json:"name"`
	StartedAt  time.Time      `json:"started_at"`
	FinishedAt *time.Time     `json:"finished_at"`
	Seconds    *float64       `json:"seconds"` // null while it runs
	Outcome    course.Outcome `json:"outcome"`
	Message    string         `json:"message"`
	LogStart   int64          `json:"log_start"` // bytes of the log before the step; -1 when unknown
}

func newBuildBody(b course.Build) buildBody {
	out := buildBody{
		ID: b.ID, Course: b.CourseKey, Status: b.Status, Commit: b.Commit, Version: b.Version, Reason: b.Reason,
		Trigger: b.Trigger, Host: b.Host, RequestIP: b.RequestIP, RequestedAt: b.RequestedAt.UTC(),
		StartedAt: optionalTime(b.StartedAt), FinishedAt: optionalTime(b.FinishedAt),
		Options: optionsBody(b.Options), Steps: make([]stepBody, 0, len(b.Steps)), Author: b.Author, Subject: b.Subject,
	}
	if b.Changes != nil {
		out.Changes = &changesBody{All: b.Changes.All, Count: b.Changes.Count, Files: append([]string{}, b.Changes.Files...)}
	}
	for _, s := range b.Steps {
		step := stepBody{Name: s.Name, StartedAt: s.StartedAt.UTC(), FinishedAt: optionalTime(s.FinishedAt), Outcome: s.Outcome, Message: s.Message, LogStart: s.LogStart}
		if step.FinishedAt != nil {
			step.Seconds = new(math.Round(s.FinishedAt.Sub(s.StartedAt).Seconds()*1000) / 1000)
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}
