package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

// newBuildStartCommand asks for a build.
func newBuildStartCommand(rest *restClient) *cobra.Command {
	var options struct {
		RebuildAll    bool   `json:"rebuild_all,omitempty"`
		SkipNotify    bool   `json:"skip_notify,omitempty"`
		PreviewBranch string `json:"preview_branch,omitempty"`
	}
	cmd := &cobra.Command{
		Use:   "start COURSE",
		Short: "Build a course, or a branch of it as a preview",
		Long: "Build a course, or with --preview a branch of it. A preview is not published and\n" +
			"changes nothing that is; whoever may read the course can look at it.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return startBuild(cmd.Context(), rest, args[0], options, cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&options.RebuildAll, "rebuild-all", false, "let the course build everything anew")
	cmd.Flags().BoolVar(&options.SkipNotify, "skip-notify", false, "do not tell A+")
	cmd.Flags().StringVar(&options.PreviewBranch, "preview", "", "branch to build as a preview")
	return cmd
}

func startBuild(ctx context.Context, rest *restClient, key string, options any, out io.Writer) error {
	body, err := json.Marshal(options)
	if err != nil {
		return err
	}
	var b struct {
		ID int64 `json:"id"`
	}
	if _, err := rest.send(ctx, http.MethodPost, "/api/v1/courses/"+url.PathEscape(key)+"/builds", body, &b); err != nil {
		return err
	}
	fmt.Fprintf(out, "Build %d of %s is asked for.\n", b.ID, key)
	return nil
}
