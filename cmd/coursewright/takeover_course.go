package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"coursewright/internal/course"
	"coursewright/internal/gmimport"
)

// course takes one course over. The error is the service's own trouble and ends
// the run; what is wrong with the course is told in the report.
func (i *importer) course(ctx context.Context, theirs gmimport.Course, remotes map[int64]string) error {
	item := &courseReport{Key: theirs.Key, SourceID: theirs.ID}
	i.report.Courses = append(i.report.Courses, item)
	c := i.convert(theirs, item)
	if err := c.ValidateChange(c.Key); err != nil {
		item.problem("%v", err)
		return nil
	}
	if why := course.NewKeyProblem(c.Key); why != "" {
		item.note("its key goes on working here, but no other course gets such a one: %s", why)
	}
	if id := c.RemoteID; id != nil {
		if other, taken := remotes[*id]; taken {
			item.problem("remote_id %d belongs to course %s too; correct one of them in gitmanager", *id, other)
			return nil
		}
		remotes[*id] = c.Key
	}
	updates, err := i.from.Updates(ctx, theirs.ID)
	if err != nil {
		item.problem("%v", err)
		return nil
	}
	found, err := i.findReleases(c)
	if err != nil {
		item.problem("%v", err)
	}
	t := course.Takeover{Source: i.source, ID: theirs.ID, Course: c}
	for _, u := range updates {
		b, err := i.convertUpdate(u)
		if err != nil {
			item.problem("%v", err)
			continue
		}
		for _, f := range found {
			if f.update == 0 && f.madeBy(u) {
				f.update, b.Version = u.ID, f.Version
			}
		}
		t.Builds = append(t.Builds, b)
	}
	done, err := i.store.TakeOver(ctx, t, i.dryRun)
	if err != nil {
		return refused(item, err)
	}
	item.tell(done, t)
	if err := i.audit(ctx, item); err != nil {
		return err
	}
	for _, f := range found {
		if err := i.adopt(ctx, done, f, item); err != nil {
			return err
		}
	}
	return nil
}

// refused tells why the database did not take a course; other errors are
// trouble.
func refused(item *courseReport, err error) error {
	var fields *course.FieldErrors
	switch {
	case errors.As(err, &fields) && errors.Is(err, course.ErrConflict):
		item.problem("%v It was not taken over from here, so it is left as it is.", fields)
	case errors.Is(err, course.ErrNotFound):
		item.State = stateDeleted
		item.problem("it was taken over before and is deleted here; it is not taken again")
	case errors.Is(err, course.ErrInvalid):
		item.problem("%v", err)
	default:
		return err
	}
	return nil
}

// convert makes a course of ours. An update hook is never called, so a bad one
// is no reason to leave the course behind.
func (i *importer) convert(g gmimport.Course, item *courseReport) course.Course {
	c := course.Course{
		Key: g.Key, RemoteID: g.RemoteID, GitOrigin: g.GitOrigin, GitBranch: g.GitBranch, UpdateHook: g.UpdateHook,
		EmailOnError: g.EmailOnError, UpdateAutomatically: g.UpdateAutomatically,
		SkipBuildFailsafes: g.SkipBuildFailsafes, WebhookSecret: g.WebhookSecret,
	}
	var wrong *course.FieldErrors
	if err := c.ValidateChange(c.Key); errors.As(err, &wrong) && slices.ContainsFunc(wrong.Fields, func(f course.FieldError) bool { return f.Field == "update_hook" }) {
		item.note("its update_hook is no http address and is left out")
		c.UpdateHook = ""
	}
	return c
}

var commitPattern = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)

// convertUpdate makes a build of ours. What had not ended there never will here.
func (i *importer) convertUpdate(u gmimport.Update) (course.TakenBuild, error) {
	b := course.TakenBuild{SourceID: u.ID, Log: u.Log, Build: course.Build{
		Trigger: course.TriggerHook, RequestIP: u.RequestIP, RequestedAt: u.RequestTime, FinishedAt: u.UpdatedTime,
	}}
	if b.RequestedAt.IsZero() {
		b.RequestedAt = i.now
	}
	if commitPattern.MatchString(u.CommitHash) {
		b.Commit = strings.ToLower(u.CommitHash)
	}
	switch strings.ToUpper(strings.TrimSpace(u.Status)) {
	case "SUCCESS":
		b.Status = course.StatusSuccess
	case "FAILED":
		b.Status, b.Reason = course.StatusFailed, "It failed in gitmanager; see its log."
	case "SKIPPED":
		b.Status, b.Reason = course.StatusSkipped, "gitmanager skipped it, since a newer push had arrived."
	case "RUNNING":
		b.Status, b.Open, b.FinishedAt = course.StatusFailed, true, i.now
		b.Reason = "It had not ended in gitmanager when the course was taken over."
	case "PENDING":
		b.Status, b.Open, b.FinishedAt = course.StatusSkipped, true, i.now
		b.Reason = "It had not begun in gitmanager when the course was taken over; build the course again."
	default:
		return b, fmt.Errorf("update %d has the status %q, which gitmanager does not have; it is left out", u.ID, u.Status)
	}
	if b.FinishedAt.IsZero() {
		b.FinishedAt = b.RequestedAt // gitmanager notes no time for skipped ones
	}
	return b, nil
}

func (i *importer) audit(ctx context.Context, item *courseReport) error {
	if i.dryRun || item.State == stateSame {
		return nil
	}
	return i.store.RecordAudit(ctx, course.AuditEntry{
		Action: "IMPORT-COURSE", Course: item.Key, Outcome: course.AuditDone,
		Details: map[string]string{"source": i.source, "state": item.State, "fields": strings.Join(item.Changed, " "), "builds": fmt.Sprint(item.Builds)},
	})
}
