package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
	"coursewright/internal/settings"
)

// newCheckCommand makes the command that validates a course folder.
func newCheckCommand() *cobra.Command {
	var asJSON, watch bool
	var key string
	cmd := &cobra.Command{
		Use:   "check DIR",
		Short: "Check the configuration of the course in a folder",
		Long: "Check reads the course in DIR as a build does after the build command, and prints\n" +
			"everything that is wrong with it. It ends with status 1 when the course has errors.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if watch {
				return watchCourse(cmd.Context(), args[0], func() error {
					report, err := check(cmd.Context(), args[0], key)
					if err != nil {
						return err
					}
					return printReport(cmd, report, args[0], asJSON)
				}, cmd.ErrOrStderr())
			}
			report, err := check(cmd.Context(), args[0], key)
			if err != nil && asJSON {
				// A program that reads the output wants JSON in any case.
				report, err = &courseconfig.Report{Errors: []course.Diagnostic{{Message: err.Error()}}}, nil
			}
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
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "check again whenever a file changes, until Ctrl-C")
	cmd.Flags().StringVar(&key, "key", "", "key of the course (default: the folder's name)")
	return cmd
}

func check(ctx context.Context, dir, flag string) (*courseconfig.Report, error) {
	key, err := courseKey(dir, flag)
	if err != nil && flag == "" {
		key = "course" // stands in addresses, which a check does not show
	} else if err != nil {
		return nil, err
	}
	s, err := courseSettings(key)
	if err != nil {
		return nil, err
	}
	_, report, err := courseconfig.Load(ctx, dir, s)
	return report, err
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

// courseKey gives the key for a course folder: the one of the flag, or the
// folder's name.
func courseKey(dir, flag string) (string, error) {
	if flag != "" {
		if !course.ValidKey(flag) {
			return "", fmt.Errorf("--key is %q; give a course key: at most %d letters, digits, hyphens, underscores and dots, and no word with which other addresses begin", flag, course.MaxKeyLength)
		}
		return flag, nil
	}
	full, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the folder's name: %w", err)
	}
	key := filepath.Base(full)
	if !course.ValidKey(key) {
		return "", fmt.Errorf("the folder's name %q cannot be a course key; give the key with --key", key)
	}
	return key, nil
}

// courseSettings gives what the service's settings say about a course.
func courseSettings(key string) (courseconfig.Settings, error) {
	s, err := settings.Load(settings.Sources{Environ: os.Environ(), Others: notSettings()})
	if err != nil {
		return courseconfig.Settings{}, err
	}
	return courseconfig.Settings{
		Key:                    key,
		StaticURL:              s.StaticURL,
		StaticContentHost:      s.StaticContentHost,
		DefaultGraderURL:       s.DefaultGraderURL,
		PersonalizedContentDir: s.PersonalizedDir,
	}, nil
}
