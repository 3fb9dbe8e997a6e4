package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"coursewright/internal/courseconfig"
)

// exportOptions are the flags of export.
type exportOptions struct {
	baseURL  string
	key      string
	defaults string
}

// newExportCommand makes the command that prints what A+ would be served.
func newExportCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export DIR --base-url URL",
		Short: "Print the aplus-json document of the course in a folder",
		Long: "Export prints what A+ would get for the course in DIR. The publish address has no\n" +
			"version, since nothing is stored. Errors go to the standard error output.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return export(cmd, args[0], o) },
	}
	cmd.Flags().StringVar(&o.baseURL, "base-url", "", "address of the service, such as https://gitmanager.example")
	cmd.Flags().StringVar(&o.key, "key", "", "key of the course (default: the folder's name)")
	cmd.Flags().StringVar(&o.defaults, "defaults", "", "JSON file with what graders answered, an object by exercise key")
	if err := cmd.MarkFlagRequired("base-url"); err != nil {
		panic(err) // only when the flag above is missing
	}
	return cmd
}

func export(cmd *cobra.Command, dir string, o exportOptions) error {
	base, err := url.Parse(o.baseURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return fmt.Errorf("--base-url is %q; give an http or https address such as https://gitmanager.example", o.baseURL)
	}
	defaults, err := readDefaults(o.defaults)
	if err != nil {
		return err
	}
	key, err := courseKey(dir, o.key)
	if err != nil {
		return err
	}
	s, err := courseSettings(key)
	if err != nil {
		return err
	}
	course, report, err := courseconfig.Load(cmd.Context(), dir, s)
	if err != nil {
		return err
	}
	if !report.Accepted() {
		fmt.Fprint(cmd.ErrOrStderr(), report.Text(dir))
		return errReported
	}
	text, err := course.Export(strings.TrimSuffix(o.baseURL, "/"), defaults)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
	return err
}

func readDefaults(file string) (map[string]json.RawMessage, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var defaults map[string]json.RawMessage
	if err := json.Unmarshal(data, &defaults); err != nil {
		return nil, fmt.Errorf("%s: want a JSON object from exercise key to object: %w", file, err)
	}
	return defaults, nil
}
