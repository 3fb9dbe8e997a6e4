package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"coursewright/internal/course"
)

// dangerousStatus is the exit status of a comparison that finds exercises in
// danger.
const dangerousStatus = 2

// releaseCommand asks the REST API about releases.
type releaseCommand struct{ cli }

func newReleaseCommand() *cobra.Command {
	r := &releaseCommand{}
	return r.group("release", "List, compare, approve and publish the releases of a running service",
		r.listReleases(), r.showRelease(), r.diffCommand(), r.approveCommand(), r.publishRelease(), r.rollbackRelease())
}

func (r *releaseCommand) diffCommand() *cobra.Command {
	var against string
	cmd := &cobra.Command{
		Use:   "diff COURSE [VERSION]",
		Short: "Show what a release changes compared with the published one",
		Long: "Show what a release changes compared with the published one, or with the one that\n" +
			"--against names. Without VERSION it is the stored release, which awaits publishing,\n" +
			"else the published one.\n\n" +
			"The exit status is 0 when no exercise is in danger, 2 when A+ would no longer know\n" +
			"an exercise by which students may have points, and 1 when the releases cannot be\n" +
			"compared.",
		Args: cobra.RangeArgs(1, 2), ValidArgsFunction: r.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.diff(cmd.Context(), args[0], args[1:], against, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&against, "against", "", "version to compare with (default the published one)")
	return cmd
}

func (r *releaseCommand) approveCommand() *cobra.Command {
	var against string
	cmd := &cobra.Command{
		Use:   "approve COURSE VERSION",
		Short: "Let a release be published although it takes exercises from A+",
		Args:  cobra.ExactArgs(2), ValidArgsFunction: r.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := json.Marshal(map[string]string{"against": against})
			if err != nil {
				return err
			}
			answer, err := r.rest.send(cmd.Context(), http.MethodPost, releasesPath(args[0])+"/"+url.PathEscape(args[1])+"/approve", body, nil)
			if err != nil {
				return err
			}
			text := fmt.Sprintf("Release %s of %s is approved.\n", args[1], args[0])
			if r.json {
				text = string(answer)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), text)
			return err
		},
	}
	cmd.Flags().StringVar(&against, "against", "", "refuse when another version than this one is published")
	return cmd
}

func releasesPath(key string) string {
	return "/api/v1/courses/" + url.PathEscape(key) + "/releases"
}

// shownDiff is what a release changes, as the REST API shows it.
type shownDiff struct {
	Course        string        `json:"course"`
	Release       shownRelease  `json:"release"`
	Against       *shownRelease `json:"against"`
	Dangerous     bool          `json:"dangerous"`
	NeedsApproval bool          `json:"needs_approval"`
	Incomparable  string        `json:"incomparable"`
	Items         []shownChange `json:"items"`
}

type shownRelease struct {
	Version   string `json:"version"`
	BuildID   int64  `json:"build_id"`
	Stored    bool   `json:"stored"`
	Published bool   `json:"published"`
}

type shownChange struct {
	Kind      course.DiffKind   `json:"kind"`
	Change    course.DiffChange `json:"change"`
	Name      string            `json:"name"`
	Dangerous bool              `json:"dangerous"`
	Old       *course.DiffPlace `json:"old"`
	New       *course.DiffPlace `json:"new"`
	Fields    []struct {
		Name string `json:"name"`
		Old  string `json:"old"`
		New  string `json:"new"`
	} `json:"fields"`
}

func (r *releaseCommand) diff(ctx context.Context, key string, named []string, against string, out io.Writer) error {
	version := ""
	if len(named) > 0 {
		version = named[0]
	} else {
		var err error
		if version, err = r.newest(ctx, key); err != nil {
			return err
		}
	}
	path := releasesPath(key) + "/" + url.PathEscape(version) + "/diff"
	if against != "" {
		path += "?against=" + url.QueryEscape(against)
	}
	var d shownDiff
	answer, err := r.rest.do(ctx, http.MethodGet, path, &d)
	if err != nil {
		return err
	}
	text := d.String()
	if r.json {
		text = string(answer)
	}
	if _, err := io.WriteString(out, text); err != nil {
		return err
	}
	switch {
	case d.Incomparable != "":
		return errReported
	case d.Dangerous:
		return exitStatus(dangerousStatus)
	}
	return nil
}

// newest is the stored release, else the published one.
func (r *releaseCommand) newest(ctx context.Context, key string) (string, error) {
	var list struct {
		Items []shownRelease `json:"items"`
	}
	if _, err := r.rest.do(ctx, http.MethodGet, releasesPath(key), &list); err != nil {
		return "", err
	}
	found := ""
	for _, i := range list.Items {
		if i.Stored {
			return i.Version, nil
		}
		if i.Published {
			found = i.Version
		}
	}
	if found == "" {
		return "", errors.New("course " + key + " has no release yet; build it")
	}
	return found, nil
}

// String tells the changes, a line each.
func (d shownDiff) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Release %s of build %d", d.Release.Version, d.Release.BuildID)
	if d.Against != nil {
		fmt.Fprintf(&b, " compared with %s of build %d", d.Against.Version, d.Against.BuildID)
	} else {
		b.WriteString("; nothing is published yet")
	}
	b.WriteString("\n")
	switch {
	case d.Incomparable != "":
		fmt.Fprintf(&b, "%s\n", d.Incomparable)
	case len(d.Items) == 0:
		b.WriteString("Nothing changes in what A+ imports.\n")
	}
	for _, i := range d.Items {
		mark := "  "
		if i.Dangerous {
			mark = "! "
		}
		fmt.Fprintf(&b, "%s%s %s %s%s\n", mark, i.Change, i.Kind, where(i.Old, i.New), named(i.Name))
		for _, f := range i.Fields {
			fmt.Fprintf(&b, "      %s: %s -> %s\n", f.Name, orNone(f.Old), orNone(f.New))
		}
	}
	if d.Dangerous {
		b.WriteString("! A+ would no longer know these exercises; students' points hang on them.\n")
	}
	if d.NeedsApproval {
		fmt.Fprintf(&b, "The release waits for an approval: coursewright release approve %s %s\n", d.Course, d.Release.Version)
	}
	return b.String()
}

func where(old, now *course.DiffPlace) string {
	path := func(p *course.DiffPlace) string {
		var parts []string
		for _, part := range []string{p.Module, p.Parent, p.Key} {
			if part != "" {
				parts = append(parts, part)
			}
		}
		return strings.Join(parts, "/")
	}
	switch {
	case old == nil && now == nil:
		return ""
	case old == nil:
		return path(now)
	case now == nil || *old == *now:
		return path(old)
	}
	return path(old) + " -> " + path(now)
}

func named(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" %q", name)
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return fmt.Sprintf("%q", s)
}
