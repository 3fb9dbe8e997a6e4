package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"coursewright/internal/courseconfig"
	"coursewright/internal/settings"
)

// newCheckCommand makes the command that validates a course folder.
func newCheckCommand() *cobra.Command {
	var asJSON bool
	var key string
	cmd := &cobra.Command{
		Use:   "check DIR",
		Short: "Check the configuration of the course in a folder",
		Long: "Check reads the course in DIR as a build does after the build command, and prints\n" +
			"everything that is wrong with it. It ends with status 1 when the course has errors.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := courseSettings(args[0], key)
			if err != nil {
				return err
			}
			_, report, err := courseconfig.Load(cmd.Context(), args[0], s)
			if err != nil {
				return err
			}
			if err := printReport(cmd, report, args[0], asJSON); err != nil {
				return err
			}
			if !report.Accepted() {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	cmd.Flags().StringVar(&key, "key", "", "key of the course (default: the folder's name)")
	return cmd
}

func printReport(cmd *cobra.Command, report *courseconfig.Report, dir string, asJSON bool) error {
	if !asJSON {
		_, err := fmt.Fprint(cmd.OutOrStdout(), report.Text(dir))
		return err
	}
	text, err := report.JSON()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
	return err
}

// courseSettings gives what the service's settings say about courses. An empty
// key is the folder's name.
func courseSettings(dir, key string) (courseconfig.Settings, error) {
	s, err := settings.Load(settings.Sources{Environ: os.Environ(), Others: notSettings()})
	if err != nil {
		return courseconfig.Settings{}, err
	}
	if key == "" {
		full, err := filepath.Abs(dir)
		if err != nil {
			return courseconfig.Settings{}, fmt.Errorf("find the folder's name: %w", err)
		}
		key = filepath.Base(full)
	}
	return courseconfig.Settings{
		Key:                    key,
		StaticURL:              s.StaticURL,
		StaticContentHost:      s.StaticContentHost,
		DefaultGraderURL:       s.DefaultGraderURL,
		PersonalizedContentDir: s.PersonalizedDir,
	}, nil
}
