package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"coursewright/client"
)

// newBuildCommand lists and steers builds through the REST API.
func newBuildCommand() *cobra.Command {
	c := &cli{}
	return c.group("build", "List, start and follow the builds of a running service",
		c.listBuilds(), c.showBuild(), c.startBuild(), c.cancelBuild(), c.retryBuild(), c.buildLog())
}

func (c *cli) printBuilds(cmd *cobra.Command, value any, list []client.Build) error {
	return c.show(cmd.OutOrStdout(), value, []string{"BUILD", "STATUS", "REQUESTED", "TOOK", "COMMIT", "TRIGGER", "HOST", "REASON"}, func(t *table) {
		for _, b := range list {
			took := "-"
			if b.StartedAt != nil && b.FinishedAt != nil {
				took = fmt.Sprintf("%.1f s", b.FinishedAt.Sub(*b.StartedAt).Seconds())
			}
			t.add(b.ID, b.Status, ago(&b.RequestedAt), took, short(b.Commit), b.Trigger, short(b.Host), b.Reason)
		}
	})
}

func (c *cli) listBuilds() *cobra.Command {
	var limit int
	var status string
	cmd := c.command("list COURSE", "List the newest builds of a course", cobra.ExactArgs(1), func(cmd *cobra.Command, api *client.Client, args []string) error {
		filter := client.BuildFilter{PageSize: limit}
		if status != "" {
			filter.Status = []client.Status{client.Status(status)}
		}
		list, err := collect(first(api.Builds(cmd.Context(), args[0], filter), limit))
		if err != nil {
			return err
		}
		return c.printBuilds(cmd, list, list)
	})
	cmd.Flags().IntVar(&limit, "limit", 20, "builds to list at most")
	cmd.Flags().StringVar(&status, "status", "", "only builds with this status, such as FAILED")
	return cmd
}

func (c *cli) showBuild() *cobra.Command {
	return c.command("show COURSE BUILD", "Show a build with its steps and what is wrong with the course", cobra.ExactArgs(2), func(cmd *cobra.Command, api *client.Client, args []string) error {
		id, err := readNumber("build", args[1])
		if err != nil {
			return err
		}
		b, err := api.Build(cmd.Context(), args[0], id)
		if err != nil {
			return err
		}
		if err := c.printBuilds(cmd, b, []client.Build{b}); err != nil || c.json {
			return err
		}
		return printDetails(cmd.OutOrStdout(), b)
	})
}

// printDetails prints the steps of a build and what is wrong with its course.
func printDetails(out io.Writer, b client.Build) error {
	fmt.Fprintln(out)
	steps := &table{head: []string{"STEP", "OUTCOME", "TOOK", "MESSAGE"}}
	for _, s := range b.Steps {
		took, outcome := "-", s.Outcome
		if s.Seconds != nil {
			took = fmt.Sprintf("%.1f s", *s.Seconds)
		}
		if outcome == "" {
			outcome = "runs"
		}
		steps.add(s.Name, outcome, took, s.Message)
	}
	if err := steps.print(out); err != nil {
		return err
	}
	for _, list := range []struct {
		name string
		of   []client.Diagnostic
	}{{"error", b.Errors}, {"warning", b.Warnings}} {
		for _, d := range list.of {
			place := printable(d.File)
			if d.Line > 0 {
				place += fmt.Sprintf(":%d:%d", d.Line, d.Column)
			}
			fmt.Fprintf(out, "\n%s: %s: %s\n", place, list.name, printable(d.Message))
			if d.Hint != "" {
				fmt.Fprintf(out, "  %s\n", printable(d.Hint))
			}
		}
	}
	return nil
}

// buildFlags are the flags of what may be asked of a build.
func buildFlags(f *pflag.FlagSet) *client.BuildOptions {
	o := &client.BuildOptions{}
	f.BoolVar(&o.SkipGit, "skip-git", false, "build what is there without fetching")
	f.BoolVar(&o.SkipBuild, "skip-build", false, "run no build command")
	f.BoolVar(&o.SkipNotify, "skip-notify", false, "do not tell A+")
	f.BoolVar(&o.RebuildAll, "rebuild-all", false, "every file counts as changed")
	f.StringVar(&o.BuildImage, "image", "", "container image in place of the course's")
	f.StringVar(&o.BuildCommand, "command", "", "command in place of the usual one")
	f.StringVar(&o.PreviewBranch, "preview", "", "build this branch as a preview, which changes nothing that is published")
	return o
}

const followHelp = `With --follow the log is shown while the build runs, and the exit status is that
of the build: 0 success, 1 failed, 3 cancelled, 4 skipped since a newer build took
its place. Ctrl-C ends the following with status 130; the build goes on.`

func (c *cli) startBuild() *cobra.Command {
	var follow bool
	var options *client.BuildOptions
	cmd := c.command("start COURSE", "Ask for a build", cobra.ExactArgs(1), func(cmd *cobra.Command, api *client.Client, args []string) error {
		b, err := api.StartBuild(cmd.Context(), args[0], *options)
		if err != nil {
			return err
		}
		return c.begun(cmd, api, b, follow)
	})
	cmd.Long = "Ask for a build.\n\n" + followHelp
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "show the log until the build has ended")
	options = buildFlags(cmd.Flags())
	return cmd
}

// begun follows a build that was asked for, or tells of it.
func (c *cli) begun(cmd *cobra.Command, api *client.Client, b client.Build, follow bool) error {
	if follow {
		return c.follow(cmd, api, b)
	}
	return c.printBuilds(cmd, b, []client.Build{b})
}

func (c *cli) retryBuild() *cobra.Command {
	var follow, all bool
	cmd := c.command("retry COURSE BUILD", "Build again with the options of a build that has ended", cobra.ExactArgs(2), func(cmd *cobra.Command, api *client.Client, args []string) error {
		id, err := readNumber("build", args[1])
		if err != nil {
			return err
		}
		b, err := api.RetryBuild(cmd.Context(), args[0], id, all)
		if err != nil {
			return err
		}
		return c.begun(cmd, api, b, follow)
	})
	cmd.Long = "Build again with the options of a build that has ended.\n\n" + followHelp
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "show the log until the build has ended")
	cmd.Flags().BoolVar(&all, "rebuild-all", false, "every file counts as changed")
	return cmd
}

func (c *cli) buildLog() *cobra.Command {
	var follow bool
	cmd := c.command("log COURSE BUILD", "Print the log of a build", cobra.ExactArgs(2), func(cmd *cobra.Command, api *client.Client, args []string) error {
		id, err := readNumber("build", args[1])
		if err != nil {
			return err
		}
		if follow {
			return c.follow(cmd, api, client.Build{ID: id, Course: args[0]})
		}
		text, _, err := api.Log(cmd.Context(), args[0], id, 0)
		if err != nil {
			return err
		}
		clean := newCleaner(cmd.OutOrStdout())
		_, err = io.WriteString(cmd.OutOrStdout(), clean.text(text))
		return err
	})
	cmd.Long = "Print the log of a build.\n\n" + followHelp
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the build has ended")
	return cmd
}

func (c *cli) cancelBuild() *cobra.Command {
	return c.command("cancel COURSE [BUILD]", "Cancel a build, or all of a course that wait or run", cobra.RangeArgs(1, 2),
		func(cmd *cobra.Command, api *client.Client, args []string) error {
			return c.cancelBuilds(cmd, api, args[0], args[1:])
		})
}

// cancelBuilds cancels the named builds of a course; without any, all that have
// not ended: those that wait first, so that none of them begins when the running
// one is cancelled.
func (c *cli) cancelBuilds(cmd *cobra.Command, api *client.Client, key string, named []string) error {
	var ids []int64
	var err error
	if len(named) > 0 {
		var id int64
		id, err = readNumber("build", named[0])
		ids = append(ids, id)
	} else {
		ids, err = openBuilds(cmd.Context(), api, key)
	}
	if err != nil {
		return err
	}
	cancelled := []client.Build{}
	for _, id := range ids {
		b, err := api.CancelBuild(cmd.Context(), key, id)
		if err != nil {
			return fmt.Errorf("cancel build %d: %w", id, err)
		}
		cancelled = append(cancelled, b)
		if !c.json {
			fmt.Fprintf(cmd.OutOrStdout(), "Build %d of %s is being cancelled.\n", id, key)
		}
	}
	switch {
	case c.json:
		return printJSON(cmd.OutOrStdout(), cancelled)
	case len(cancelled) == 0:
		fmt.Fprintf(cmd.OutOrStdout(), "No build of %s waits or runs.\n", key)
	}
	return nil
}

// openBuilds lists the builds that have not ended, newest first.
func openBuilds(ctx context.Context, api *client.Client, key string) ([]int64, error) {
	var open []int64
	for b, err := range api.Builds(ctx, key, client.BuildFilter{Status: []client.Status{client.Pending, client.Running}}) {
		if err != nil {
			return nil, err
		}
		open = append(open, b.ID)
	}
	return open, nil
}
