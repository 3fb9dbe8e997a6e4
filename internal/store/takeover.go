package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"coursewright/internal/course"
)

// Takeovers takes courses over from another service, again and again while that
// service still runs.
type Takeovers interface {
	// TakeOver takes a course and its builds, in one transaction. What was taken
	// is remembered, so that a second call changes only what has changed in the
	// other service since; a field that has changed here stays, and when it has
	// changed in both it is among the conflicts. Builds are added in the order
	// given; one that had not ended when it was taken is taken anew once it has.
	// With dryRun the same is found out and nothing is kept.
	//
	// ErrConflict (*course.FieldErrors): another course here has the key or the
	// remote id. ErrNotFound: the course was taken before and is deleted here.
	// ErrInvalid: a build that is not final.
	TakeOver(ctx context.Context, t course.Takeover, dryRun bool) (course.TakeoverResult, error)
}

// TakeoverTx is what TakeOver needs of a transaction, so that both databases do
// the same.
type TakeoverTx interface {
	// Taken gives what is remembered of a course, ok false for nothing.
	Taken(source string, id int64) (m TakenCourse, ok bool, err error)
	SaveTaken(source string, id int64, m TakenCourse) error
	// CourseByID locks a course and gives it, ok false for none.
	CourseByID(id int64) (c course.Course, ok bool, err error)
	// InsertCourse and ReplaceCourse are those of CreateCourse and UpdateCourse.
	InsertCourse(c course.Course) (course.Course, error)
	ReplaceCourse(c course.Course) (course.Course, error)
	// TakenBuilds gives what is remembered of a course's builds, by their ids in
	// the other service.
	TakenBuilds(source string, courseID int64) (map[int64]TakenRow, error)
	// InsertBuild adds a build, or puts it in the place of the one with its ID if
	// that is not 0, and gives its id.
	InsertBuild(b course.TakenBuild) (int64, error)
	SaveTakenBuild(source string, courseID, buildID int64, r TakenRow) error
}

// TakenCourse is what is remembered of a course that was taken over.
type TakenCourse struct {
	CourseID int64  // it may be deleted since
	Fields   string // JSON: what the fields were in the other service; no secrets
}

// TakenRow is what is remembered of a build that was taken over.
type TakenRow struct {
	BuildID int64 // it may be deleted since
	Open    bool  // it had not ended in the other service
}

// TakeOver does within a transaction what Takeovers promises.
func TakeOver(tx TakeoverTx, t course.Takeover) (course.TakeoverResult, error) {
	var out course.TakeoverResult
	known, taken, err := tx.Taken(t.Source, t.ID)
	if err != nil {
		return out, err
	}
	fields := map[string]string{}
	if taken {
		if err := json.Unmarshal([]byte(known.Fields), &fields); err != nil {
			return out, fmt.Errorf("what is remembered of the course: %w", err)
		}
		err = followCourse(tx, t.Course, known.CourseID, fields, &out)
	} else {
		out.New = true
		out.Course, err = tx.InsertCourse(t.Course)
		for _, f := range takeoverFields() {
			fields[f.name] = f.get(t.Course)
		}
	}
	if err != nil {
		return out, err
	}
	text, err := json.Marshal(fields)
	if err != nil { // not reached: texts always encode
		return out, err
	}
	if now := (TakenCourse{out.Course.ID, string(text)}); now != known {
		if err := tx.SaveTaken(t.Source, t.ID, now); err != nil {
			return out, err
		}
	}
	return out, takeBuilds(tx, t, &out)
}

// followCourse brings a course that was taken before up to date. base is what
// its fields were in the other service; it is brought up to date too.
func followCourse(tx TakeoverTx, theirs course.Course, id int64, base map[string]string, out *course.TakeoverResult) error {
	ours, ok, err := tx.CourseByID(id)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("it was taken over before and is deleted here: %w", course.ErrNotFound)
	}
	merged := ours
	for _, f := range takeoverFields() {
		was, now := base[f.name], f.get(theirs)
		switch here := f.get(ours); {
		case now == was || now == here:
		case here == was && f.set != nil:
			f.set(&merged, theirs)
			out.Changed = append(out.Changed, f.name)
		default:
			out.Conflicts = append(out.Conflicts, f.name)
			continue // told again until somebody has settled it
		}
		base[f.name] = now
	}
	out.Course = ours
	if len(out.Changed) > 0 {
		out.Course, err = tx.ReplaceCourse(merged)
	}
	return err
}

func takeBuilds(tx TakeoverTx, t course.Takeover, out *course.TakeoverResult) error {
	known, err := tx.TakenBuilds(t.Source, t.ID)
	if err != nil {
		return err
	}
	out.BuildIDs = make(map[int64]int64, len(known)+len(t.Builds))
	for id, row := range known {
		out.BuildIDs[id] = row.BuildID
	}
	for _, b := range t.Builds {
		if !Ends(b.Status) {
			return fmt.Errorf("build %d of the other service has the status %q, which is not final: %w", b.SourceID, b.Status, course.ErrInvalid)
		}
		row, taken := known[b.SourceID]
		if taken && (!row.Open || b.Open) {
			continue
		}
		b.ID, b.CourseID = row.BuildID, out.Course.ID
		b.RequestIP, b.Reason, b.Commit, b.Log = CutRequestIP(b.RequestIP), CleanText(b.Reason), CleanText(b.Commit), CleanText(b.Log)
		id, err := tx.InsertBuild(b)
		if err != nil {
			return fmt.Errorf("build %d of the other service: %w", b.SourceID, err)
		}
		if err := tx.SaveTakenBuild(t.Source, t.ID, b.SourceID, TakenRow{BuildID: id, Open: b.Open}); err != nil {
			return err
		}
		out.BuildIDs[b.SourceID] = id
		out.Builds++
	}
	return nil
}

// takeoverField is a field of a course that follows the other service.
type takeoverField struct {
	name string
	get  func(c course.Course) string // tells equal values by equal texts
	set  func(c *course.Course, theirs course.Course)
}

// takeoverFields lists them. A key is never changed: folders and addresses have
// it in their names, and builds may be under way.
func takeoverFields() []takeoverField {
	return []takeoverField{
		{"key", func(c course.Course) string { return c.Key }, nil},
		{"remote_id", func(c course.Course) string {
			if c.RemoteID == nil {
				return ""
			}
			return strconv.FormatInt(*c.RemoteID, 10)
		}, func(c *course.Course, o course.Course) { c.RemoteID = o.RemoteID }},
		{"git_origin", func(c course.Course) string { return digestOf(c.GitOrigin) }, func(c *course.Course, o course.Course) { c.GitOrigin = o.GitOrigin }},
		{"git_branch", func(c course.Course) string { return c.GitBranch }, func(c *course.Course, o course.Course) { c.GitBranch = o.GitBranch }},
		{"update_hook", func(c course.Course) string { return digestOf(c.UpdateHook) }, func(c *course.Course, o course.Course) { c.UpdateHook = o.UpdateHook }},
		{"email_on_error", func(c course.Course) string { return strconv.FormatBool(c.EmailOnError) }, func(c *course.Course, o course.Course) { c.EmailOnError = o.EmailOnError }},
		{"update_automatically", func(c course.Course) string { return strconv.FormatBool(c.UpdateAutomatically) }, func(c *course.Course, o course.Course) { c.UpdateAutomatically = o.UpdateAutomatically }},
		{"skip_build_failsafes", func(c course.Course) string { return strconv.FormatBool(c.SkipBuildFailsafes) }, func(c *course.Course, o course.Course) { c.SkipBuildFailsafes = o.SkipBuildFailsafes }},
		{"webhook_secret", func(c course.Course) string { return digestOf(c.WebhookSecret) }, func(c *course.Course, o course.Course) { c.WebhookSecret = o.WebhookSecret }},
	}
}

// digestOf stands for a text that may hold a secret.
func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
