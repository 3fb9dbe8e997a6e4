package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"coursewright/internal/course"
)

// Origins asks git hosts, of few callers at a time.
type Origins interface {
	// Branches gives the branches of a repository with their commits. What the
	// course's authors have to mend is a *course.AuthorError.
	Branches(ctx context.Context, origin string) (map[string]string, error)
}

const originTimeout = 20 * time.Second

// originBody tells whether the service can read a repository.
type originBody struct {
	Readable bool         `json:"readable"`
	Problem  string       `json:"problem"` // why not; empty when it can
	Branches []branchBody `json:"branches"`
	// BranchExists says whether the branch that was asked for is among them;
	// null when none was.
	BranchExists *bool `json:"branch_exists"`
	// DeployKey must be let in by the git host; null where it is of no use.
	DeployKey *deployKeyBody `json:"deploy_key"`
}

type branchBody struct {
	Name   string `json:"name"`
	Commit string `json:"commit"`
}

// originQuestion is the body of a request to check an origin.
type originQuestion struct {
	origin, branch, key string
	remoteID            *int64
}

// checkOrigin answers POST /api/v1/origins/check, which looks into a repository
// before a course is saved. It is for those who may create such a course, or
// edit the one that they name.
func checkOrigin(g *gate, origins Origins, deployKey string) handler {
	return func(c *gin.Context) error {
		caller, err := g.caller(c)
		if err != nil {
			return err
		}
		asked, err := readOriginQuestion(c)
		if err != nil {
			return err
		}
		wanted := course.Course{RemoteID: asked.remoteID}
		if asked.key != "" {
			if wanted, err = g.find(c, asked.key); err != nil {
				return err
			}
		}
		if !caller.may(Write, wanted, false) {
			return &wordedError{text: "You may check origins of courses that you may edit: give the course, or the remote_id of a new one.", kind: course.ErrDenied}
		}
		ctx, cancel := context.WithTimeout(c.Request.Context(), originTimeout)
		defer cancel()
		g.audit(c, actionCheckOrigin, wanted.Key, "origin", course.Course{GitOrigin: asked.origin}.ShownOrigin())
		found, err := origins.Branches(ctx, asked.origin)
		body, err := newOriginBody(asked, found, err)
		if err != nil {
			return err
		}
		if key, err := newDeployKeyBody(deployKey); err == nil && (course.Course{GitOrigin: asked.origin}).OverSSH() {
			body.DeployKey = &key
		}
		answer(c, http.StatusOK, body)
		return nil
	}
}

func readOriginQuestion(c *gin.Context) (originQuestion, error) {
	const wantText = "Give a text."
	var asked originQuestion
	body, err := readObject(c, false)
	if err != nil {
		return asked, err
	}
	take(body, "git_origin", wantText, &asked.origin)
	take(body, "git_branch", wantText, &asked.branch)
	take(body, "course", wantText, &asked.key)
	take(body, "remote_id", "Give a whole number, or null.", &asked.remoteID)
	// A course with such an origin must be valid.
	check := course.New("any")
	check.GitOrigin, check.GitBranch = asked.origin, cmp.Or(asked.branch, "any")
	invalid := check.Validate()
	if asked.origin == "" {
		invalid = &course.FieldErrors{Fields: []course.FieldError{{Field: "git_origin", Message: "This field is required."}}}
	}
	return asked, body.finish(invalid)
}

// newOriginBody tells what was found, or what the authors have to mend.
func newOriginBody(asked originQuestion, found map[string]string, err error) (originBody, error) {
	out := originBody{Readable: err == nil, Branches: make([]branchBody, 0, len(found))}
	var author *course.AuthorError
	switch {
	case errors.As(err, &author):
		out.Problem = author.Message
		return out, nil
	case errors.Is(err, context.DeadlineExceeded):
		out.Problem = "The git host did not answer in " + originTimeout.String() + "."
		return out, nil
	case err != nil:
		return out, err
	}
	for name, commit := range found {
		out.Branches = append(out.Branches, branchBody{Name: name, Commit: commit})
	}
	// The usual names of main branches come first.
	usual := func(b branchBody) int {
		if at := slices.Index([]string{"main", "master"}, b.Name); at >= 0 {
			return at
		}
		return 2
	}
	slices.SortFunc(out.Branches, func(a, b branchBody) int {
		return cmp.Or(cmp.Compare(usual(a), usual(b)), cmp.Compare(a.Name, b.Name))
	})
	if asked.branch != "" {
		_, exists := found[asked.branch]
		out.BranchExists = &exists
	}
	return out, nil
}
