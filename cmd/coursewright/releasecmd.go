package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"coursewright/client"
)

// newReleaseCommand lists, compares and publishes releases through the REST API.
func newReleaseCommand() *cobra.Command {
	c := &cli{}
	return c.group("release", "List, compare, approve and publish the releases of a running service",
		c.listReleases(), c.showRelease(), c.diffReleases(), c.approveRelease(), c.publishRelease(), c.rollbackRelease())
}

func (c *cli) diffReleases() *cobra.Command {
	var against string
	cmd := c.command("diff COURSE [VERSION]", "Show what a release changes compared with the published one", cobra.RangeArgs(1, 2),
		func(cmd *cobra.Command, api *client.Client, args []string) error {
			return c.diff(cmd, api, args, against)
		})
	cmd.Long = "Show what a release changes compared with the published one, or with the one that\n" +
		"--against names. Without VERSION it is the stored release, which awaits publishing,\n" +
		"else the published one.\n\n" +
		"The exit status is 0 when no exercise is in danger, 5 when A+ would no longer know\n" +
		"an exercise by which students may have points, and 1 when the releases cannot be\n" +
		"compared."
	cmd.Flags().StringVar(&against, "against", "", "version to compare with (default the published one)")
	return cmd
}

func (c *cli) diff(cmd *cobra.Command, api *client.Client, args []string, against string) error {
	version := ""
	if len(args) > 1 {
		version = args[1]
	} else {
		var err error
		if version, err = newestRelease(cmd.Context(), api, args[0]); err != nil {
			return err
		}
	}
	d, err := api.Diff(cmd.Context(), args[0], version, against)
	if err != nil {
		return err
	}
	if c.json {
		err = printJSON(cmd.OutOrStdout(), d)
	} else {
		_, err = io.WriteString(cmd.OutOrStdout(), diffText(d))
	}
	switch {
	case err != nil:
		return err
	case d.Incomparable != "":
		return errReported
	case d.Dangerous:
		return exitStatus(statusDangerous)
	}
	return nil
}

// newestRelease is the stored release, else the published one.
func newestRelease(ctx context.Context, api *client.Client, key string) (string, error) {
	list, err := collect(api.Releases(ctx, key))
	if err != nil {
		return "", err
	}
	found := ""
	for _, r := range list {
		if r.Stored {
			return r.Version, nil
		}
		if r.Published {
			found = r.Version
		}
	}
	if found == "" {
		return "", errors.New("course " + key + " has no release yet; build it")
	}
	return found, nil
}

func (c *cli) approveRelease() *cobra.Command {
	var against string
	cmd := c.command("approve COURSE VERSION", "Let a release be published although it takes exercises from A+", cobra.ExactArgs(2),
		func(cmd *cobra.Command, api *client.Client, args []string) error {
			approval, err := api.Approve(cmd.Context(), args[0], args[1], against)
			if err != nil {
				return err
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), approval)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Release %s of %s is approved.\n", args[1], args[0])
			return err
		})
	cmd.Flags().StringVar(&against, "against", "", "refuse when another version than this one is published")
	return cmd
}

// diffText tells the changes, a line each. Courses choose keys and names.
func diffText(d client.Diff) string {
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
		fmt.Fprintf(&b, "%s%s %s %s%s\n", mark, i.Change, i.Kind, printable(where(i.Old, i.New)), named(i.Name))
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

func where(old, now *client.DiffPlace) string {
	path := func(p *client.DiffPlace) string {
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
