package api

import (
	"context"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// reportFinder finds what a build found in the files of its course.
type reportFinder interface {
	Report(ctx context.Context, buildID int64) (course.Report, error)
}

// detailedBody is one build with what it found, as coursewright check --json
// tells it.
type detailedBody struct {
	buildBody
	Errors   []diagnosticBody `json:"errors"`
	Warnings []diagnosticBody `json:"warnings"`
}

type diagnosticBody struct {
	File    string `json:"file"`
	Line    int    `json:"line"`   // from 1; 0 when the whole file is meant
	Column  int    `json:"column"` // from 1, in characters; 0 when unknown
	Path    string `json:"path"`
	Message string `json:"message"`
	Hint    string `json:"hint"`

	Excerpt     string `json:"excerpt"`      // lines of the file around the place; empty when unknown
	ExcerptFrom int    `json:"excerpt_from"` // number of the first of them
}

// getBuild answers GET /api/v1/courses/KEY/builds/ID.
func getBuild(g *gate, rows buildFinder, reports reportFinder) handler {
	return func(c *gin.Context) error {
		_, b, err := g.build(c, Read, rows)
		if err != nil {
			return err
		}
		report, err := reports.Report(c.Request.Context(), b.ID)
		if err != nil {
			return err
		}
		show(c, detailedBody{newBuildBody(b), newDiagnosticBodies(report.Errors), newDiagnosticBodies(report.Warnings)})
		return nil
	}
}

func newDiagnosticBodies(list []course.Diagnostic) []diagnosticBody {
	out := make([]diagnosticBody, 0, len(list))
	for _, d := range list {
		out = append(out, diagnosticBody(d))
	}
	return out
}
