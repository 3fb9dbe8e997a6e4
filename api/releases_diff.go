package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// diffBody is what a release changes, as the REST API shows it.
type diffBody struct {
	Course        string        `json:"course"`
	Release       releaseBody   `json:"release"`
	Against       *releaseBody  `json:"against"` // null: nothing is published
	Dangerous     bool          `json:"dangerous"`
	NeedsApproval bool          `json:"needs_approval"` // publishing it is refused until somebody approves it
	Approval      *approvalBody `json:"approval"`       // null: nobody has approved it
	Incomparable  string        `json:"incomparable"`   // why there are no items although there may be differences
	Counts        countsBody    `json:"counts"`
	Items         []diffItem    `json:"items"`
}

// countsBody counts the items by their change.
type countsBody struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
	Renamed int `json:"renamed"`
	Moved   int `json:"moved"`
	Changed int `json:"changed"`
}

type diffItem struct {
	Kind      course.DiffKind   `json:"kind"`
	Change    course.DiffChange `json:"change"`
	Name      string            `json:"name"`
	Dangerous bool              `json:"dangerous"`
	Old       *diffPlace        `json:"old"` // null for what is added
	New       *diffPlace        `json:"new"` // null for what is removed
	Fields    []diffField       `json:"fields"`
}

type diffPlace struct {
	Module string `json:"module"`
	Parent string `json:"parent"`
	Key    string `json:"key"`
}

type diffField struct {
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// approvalBody tells who approved a release, and in the place of which.
type approvalBody struct {
	By      string `json:"by"`
	At      string `json:"at"`
	Against string `json:"against"`
}

func newApprovalBody(a course.Approval) *approvalBody {
	return &approvalBody{By: a.By, At: a.At.UTC().Format("2006-01-02T15:04:05.999999Z07:00"), Against: a.Against}
}

// newDiffBody leaves the approval out.
func newDiffBody(d course.Diff) diffBody {
	out := diffBody{
		Course: d.New.Key, Release: newReleaseBody(d.New), Dangerous: len(d.Dangerous()) > 0, Incomparable: d.Incomparable,
		Counts: countsBody{
			Added: d.Count(course.DiffAdded), Removed: d.Count(course.DiffRemoved), Renamed: d.Count(course.DiffRenamed),
			Moved: d.Count(course.DiffMoved), Changed: d.Count(course.DiffChanged),
		},
		Items: make([]diffItem, 0, len(d.Items)),
	}
	if d.Old.Version != "" {
		out.Against = new(newReleaseBody(d.Old))
	}
	for _, i := range d.Items {
		item := diffItem{Kind: i.Kind, Change: i.Change, Name: i.Name, Dangerous: i.Dangerous, Fields: make([]diffField, 0, len(i.Fields))}
		if i.Change != course.DiffAdded {
			item.Old = new(diffPlace(i.Old))
		}
		if i.Change != course.DiffRemoved {
			item.New = new(diffPlace(i.New))
		}
		for _, f := range i.Fields {
			item.Fields = append(item.Fields, diffField(f))
		}
		out.Items = append(out.Items, item)
	}
	return out
}

// diffReleases answers GET /api/v1/courses/KEY/releases/VERSION/diff: what the
// release changes compared with the one that the parameter against names, else
// with the published one.
func diffReleases(g *gate, diffs Diffs) handler {
	return func(c *gin.Context) error {
		found, err := g.course(c, Read, false)
		if err != nil {
			return err
		}
		version, against := c.Param("version"), c.Query("against")
		for _, v := range []string{version, against} {
			if v != "" && !course.ValidVersion(v) {
				return noRelease(found.Key, v)
			}
		}
		d, err := diffs.Diff(found.Key, version, against)
		if isNotFound(err) {
			return &wordedError{text: "Course " + found.Key + " has not got both releases; they may have been removed.", kind: course.ErrNotFound}
		}
		if err != nil {
			return err
		}
		body := newDiffBody(d)
		if d.Incomparable != "" {
			g.log.ErrorContext(c.Request.Context(), "releases cannot be compared", "course", found.Key, "version", version, "error", d.Incomparable)
			body.Incomparable = incomparable
		}
		if _, body.NeedsApproval, err = diffs.Waiting(found, version); err != nil {
			return err
		}
		approval, err := diffs.Approval(d.New)
		if err == nil {
			body.Approval = newApprovalBody(approval)
		} else if !isNotFound(err) {
			return err
		}
		answer(c, http.StatusOK, body)
		return nil
	}
}

// incomparable is told in the place of causes, which may name the disk.
const incomparable = "One of the two releases is damaged, so they cannot be compared. Build the course again."
