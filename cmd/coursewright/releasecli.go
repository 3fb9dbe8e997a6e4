package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"coursewright/client"
)

// releaseState words what a release is used for.
func releaseState(r client.ListedRelease) string {
	switch {
	case r.Published:
		return "published"
	case r.Stored:
		return "waits"
	}
	return "kept"
}

func (c *cli) printReleases(cmd *cobra.Command, value any, list []client.ListedRelease) error {
	return c.show(cmd.OutOrStdout(), value, []string{"VERSION", "STATE", "BUILD", "COMMIT", "STORED", "PUBLISHED"}, func(t *table) {
		for _, r := range list {
			t.add(r.Version, releaseState(r), r.BuildID, short(r.Commit), ago(r.StoredAt), ago(r.PublishedAt))
		}
	})
}

func (c *cli) listReleases() *cobra.Command {
	return c.command("list COURSE", "List the releases of a course", cobra.ExactArgs(1), func(cmd *cobra.Command, api *client.Client, args []string) error {
		list, err := collect(api.Releases(cmd.Context(), args[0]))
		if err != nil {
			return err
		}
		return c.printReleases(cmd, list, list)
	})
}

func (c *cli) showRelease() *cobra.Command {
	return c.command("show COURSE VERSION", "Show a release", cobra.ExactArgs(2), func(cmd *cobra.Command, api *client.Client, args []string) error {
		r, err := api.Release(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		return c.printReleases(cmd, r, []client.ListedRelease{r})
	})
}

var errNoRelease = errors.New("the course has no such release; see coursewright release list")

func (c *cli) publishRelease() *cobra.Command {
	return c.command("publish COURSE [VERSION]", "Make a release the one that students see: the one that waits, unless VERSION is given", cobra.RangeArgs(1, 2),
		func(cmd *cobra.Command, api *client.Client, args []string) error {
			return c.publish(cmd, api, args, false, func(list []client.ListedRelease) string {
				for _, r := range list {
					if r.Stored {
						return r.Version
					}
				}
				return ""
			})
		})
}

func (c *cli) rollbackRelease() *cobra.Command {
	return c.command("rollback COURSE [VERSION]", "Go back to an older release: the one before the published, unless VERSION is given", cobra.RangeArgs(1, 2),
		func(cmd *cobra.Command, api *client.Client, args []string) error {
			return c.publish(cmd, api, args, true, func(list []client.ListedRelease) string {
				var published client.ListedRelease
				for _, r := range list { // newest first
					if published.Version != "" && r.BuildID < published.BuildID {
						return r.Version
					}
					if r.Published {
						published = r
					}
				}
				return ""
			})
		})
}

// publish publishes the release that args names after the course, else the one
// that choose chooses.
func (c *cli) publish(cmd *cobra.Command, api *client.Client, args []string, rollback bool, choose func([]client.ListedRelease) string) error {
	version := ""
	if len(args) > 1 {
		version = args[1]
	} else {
		list, err := collect(api.Releases(cmd.Context(), args[0]))
		if err != nil {
			return err
		}
		if version = choose(list); version == "" {
			return errNoRelease
		}
	}
	done, err := api.Publish(cmd.Context(), args[0], version, rollback)
	if err != nil {
		return err
	}
	if c.json {
		return printJSON(cmd.OutOrStdout(), done)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "Release %s of build %d is published.\n", done.Version, done.BuildID)
	for _, e := range done.Errors {
		fmt.Fprintf(cmd.OutOrStdout(), "A grader: %s\n", printable(e))
	}
	return nil
}
