package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"coursewright/client"
)

// newCourseCommand lists and changes courses.
func newCourseCommand() *cobra.Command {
	c := &cli{}
	return c.group("course", "List, add and change the courses of a running service",
		c.listCourses(), c.showCourse(), c.addCourse(), c.editCourse(), c.removeCourse(), c.renewSecret())
}

func (c *cli) listCourses() *cobra.Command {
	var status string
	cmd := c.command("list [TEXT]", "List courses, those with TEXT in their key, branch or origin", cobra.MaximumNArgs(1),
		func(cmd *cobra.Command, api *client.Client, args []string) error {
			text := ""
			if len(args) > 0 {
				text = args[0]
			}
			courses, err := collect(api.Courses(cmd.Context(), text, client.Status(status)))
			if err != nil {
				return err
			}
			return c.printCourses(cmd, courses, courses)
		})
	cmd.Flags().StringVar(&status, "status", "", "only courses whose newest build has this status, such as FAILED")
	return cmd
}

// printCourses prints courses as a table, or value as JSON.
func (c *cli) printCourses(cmd *cobra.Command, value any, courses []client.Course) error {
	return c.show(cmd.OutOrStdout(), value, []string{"KEY", "STATUS", "BUILD", "BUILT", "PUBLISHED", "BRANCH", "ORIGIN"}, func(t *table) {
		for _, x := range courses {
			status, build, when, published := "-", "-", "-", "-"
			if b := x.LatestBuild; b != nil {
				status, build, when = string(b.Status), fmt.Sprint(b.ID), ago(&b.RequestedAt)
			}
			if x.Published != nil {
				// Where nobody knows of which commit a release is, as of those of
				// gitmanager, its version says which it is.
				published = short(cmp.Or(x.Published.Commit, x.Published.Version))
			}
			t.add(x.Key, status, build, when, published, x.GitBranch, x.GitOrigin)
		}
	})
}

func (c *cli) showCourse() *cobra.Command {
	return c.command("show COURSE", "Show a course", cobra.ExactArgs(1), func(cmd *cobra.Command, api *client.Client, args []string) error {
		x, _, err := api.Course(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return c.printCourse(cmd, x)
	})
}

// printCourse prints all of a course, with its secret for those who have it.
func (c *cli) printCourse(cmd *cobra.Command, x client.Course) error {
	return c.show(cmd.OutOrStdout(), x, []string{"FIELD", "VALUE"}, func(t *table) {
		remote := "-"
		if x.RemoteID != nil {
			remote = fmt.Sprint(*x.RemoteID)
		}
		for _, f := range [][2]any{
			{"key", x.Key},
			{"remote_id", remote},
			{"git_origin", x.GitOrigin},
			{"git_branch", x.GitBranch},
			{"update_hook", x.UpdateHook},
			{"email_on_error", x.EmailOnError},
			{"update_automatically", x.UpdateAutomatically},
			{"skip_build_failsafes", x.SkipBuildFailsafes},
			{"approve_removals", x.ApproveRemovals},
			{"preview_branches", x.PreviewBranches},
			{"hook_url", x.HookURL},
			{"webhook_secret", x.WebhookSecret},
		} {
			t.add(f[0], f[1])
		}
		if b := x.LatestBuild; b != nil {
			t.add("latest_build", fmt.Sprintf("%d %s %s %s", b.ID, b.Status, ago(&b.RequestedAt), b.Reason))
		}
		for _, r := range []struct {
			name string
			of   *client.Release
		}{{"stored", x.Stored}, {"published", x.Published}} {
			if r.of != nil {
				t.add(r.name, fmt.Sprintf("%s build %d %s", r.of.Version, r.of.BuildID, short(r.of.Commit)))
			}
		}
	})
}

// courseFields are the flags by which a course is described.
func courseFields(f *pflag.FlagSet) func() map[string]any {
	texts := map[string]string{
		"origin": "git_origin", "branch": "git_branch", "update-hook": "update_hook", "key": "key",
	}
	f.String("origin", "", "address of the git repository")
	f.String("branch", "", "branch that is built")
	f.String("update-hook", "", "address that is kept for scripts")
	f.String("key", "", "key of the course")
	f.Int64("remote-id", 0, "id of the course instance in A+; 0: none")
	bools := map[string]string{
		"email-on-error": "email_on_error", "update-automatically": "update_automatically",
		"skip-build-failsafes": "skip_build_failsafes", "approve-removals": "approve_removals", "preview-branches": "preview_branches",
	}
	f.Bool("email-on-error", true, "mail teachers about failed builds")
	f.Bool("update-automatically", true, "tell A+ of new releases")
	f.Bool("skip-build-failsafes", false, "publish although checks say no")
	f.Bool("approve-removals", false, "releases that remove exercises wait for an approval")
	f.Bool("preview-branches", false, "build pushes to other branches as previews")
	return func() map[string]any {
		out := map[string]any{}
		f.Visit(func(flag *pflag.Flag) {
			if name, ok := texts[flag.Name]; ok {
				out[name] = flag.Value.String()
			}
			if name, ok := bools[flag.Name]; ok {
				out[name] = flag.Value.String() == "true"
			}
			if flag.Name == "remote-id" {
				out["remote_id"] = nil
				if id, err := f.GetInt64("remote-id"); err == nil && id != 0 {
					out["remote_id"] = id
				}
			}
		})
		return out
	}
}

func (c *cli) addCourse() *cobra.Command {
	var fields func() map[string]any
	cmd := c.command("add COURSE", "Add a course", cobra.ExactArgs(1), func(cmd *cobra.Command, api *client.Client, args []string) error {
		given := fields()
		given["key"] = args[0]
		if given["git_branch"] == nil {
			given["git_branch"] = "main"
		}
		x, err := api.CreateCourse(cmd.Context(), given)
		if err != nil {
			return err
		}
		return c.printCourse(cmd, x)
	})
	cmd.ValidArgsFunction = cobra.NoFileCompletions // the keys that there are would not do
	fields = courseFields(cmd.Flags())
	return cmd
}

func (c *cli) editCourse() *cobra.Command {
	var fields func() map[string]any
	cmd := c.command("edit COURSE", "Change the given settings of a course", cobra.ExactArgs(1), func(cmd *cobra.Command, api *client.Client, args []string) error {
		given := fields()
		if len(given) == 0 {
			return fmt.Errorf("say what to change, such as --branch main: %w", errUsage)
		}
		_, tag, err := api.Course(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		x, err := api.ChangeCourse(cmd.Context(), args[0], tag, given)
		if err != nil {
			return err
		}
		return c.printCourse(cmd, x)
	})
	fields = courseFields(cmd.Flags())
	return cmd
}

func (c *cli) removeCourse() *cobra.Command {
	var confirm string
	cmd := c.command("remove COURSE", "Remove a course with its builds, releases and files", cobra.ExactArgs(1), func(cmd *cobra.Command, api *client.Client, args []string) error {
		if confirm != args[0] {
			return fmt.Errorf("this removes the course with its builds and releases; repeat its key: --confirm %s: %w", args[0], errUsage)
		}
		if err := api.RemoveCourse(cmd.Context(), args[0], ""); err != nil {
			return err
		}
		if !c.json {
			fmt.Fprintf(cmd.OutOrStdout(), "Course %s is removed.\n", args[0])
		}
		return nil
	})
	cmd.Flags().StringVar(&confirm, "confirm", "", "the key once more")
	return cmd
}

func (c *cli) renewSecret() *cobra.Command {
	var keep int
	cmd := c.command("secret COURSE", "Give a course a new webhook secret and print it", cobra.ExactArgs(1), func(cmd *cobra.Command, api *client.Client, args []string) error {
		x, err := api.RenewSecret(cmd.Context(), args[0], "", keep)
		if err != nil {
			return err
		}
		if c.json {
			return printJSON(cmd.OutOrStdout(), x)
		}
		fmt.Fprintln(cmd.OutOrStdout(), x.WebhookSecret)
		return nil
	})
	cmd.Flags().IntVar(&keep, "keep-old-hours", 0, "hours for which the old secret is accepted too")
	return cmd
}
