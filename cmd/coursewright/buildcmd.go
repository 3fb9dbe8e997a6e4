package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"coursewright/internal/course"
)

// newBuildCommand steers builds through the REST API.
func newBuildCommand() *cobra.Command {
	rest := &restClient{}
	cmd := &cobra.Command{Use: "build", Short: "Steer the builds of a running service"}
	rest.addFlags(cmd.PersistentFlags())
	cmd.AddCommand(newBuildStartCommand(rest), &cobra.Command{
		Use:   "cancel COURSE [BUILD]",
		Short: "Cancel a build, or all of a course that wait or run",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return cancelBuilds(cmd.Context(), rest, args[0], args[1:], cmd.OutOrStdout())
		},
	})
	return cmd
}

// cancelBuilds cancels the named builds of a course; without any, all that have
// not ended.
func cancelBuilds(ctx context.Context, rest *restClient, key string, named []string, out io.Writer) error {
	path := "/api/v1/courses/" + url.PathEscape(key) + "/builds"
	if len(named) == 0 {
		var err error
		if named, err = openBuilds(ctx, rest, path); err != nil {
			return err
		}
		if len(named) == 0 {
			fmt.Fprintf(out, "No build of %s waits or runs.\n", key)
			return nil
		}
	}
	for _, id := range named {
		if _, err := strconv.ParseUint(id, 10, 63); err != nil {
			return fmt.Errorf("%q is not the number of a build; the course's page lists them", id)
		}
		if _, err := rest.do(ctx, http.MethodPost, path+"/"+id+"/cancel", nil); err != nil {
			return fmt.Errorf("cancel build %s: %w", id, err)
		}
		fmt.Fprintf(out, "Build %s of %s is being cancelled.\n", id, key)
	}
	return nil
}

// openBuilds lists the builds that have not ended, those that wait first, so that
// none of them begins when the running one is cancelled.
func openBuilds(ctx context.Context, rest *restClient, path string) ([]string, error) {
	var list struct {
		Items []struct {
			ID     int64         `json:"id"`
			Status course.Status `json:"status"`
		} `json:"items"`
	}
	if _, err := rest.do(ctx, http.MethodGet, path, &list); err != nil {
		return nil, err
	}
	var open []string
	for _, b := range list.Items { // newest first
		if !b.Status.Final() {
			open = append(open, strconv.FormatInt(b.ID, 10))
		}
	}
	return open, nil
}
