package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"coursewright/internal/settings"
	"coursewright/workflows"
)

func newMigrateCommand() *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Prepare the database and Temporal for this version",
		Long: "Bring the database's schema up to date, make Temporal's namespace when it is missing and\n" +
			"add the search attributes that it lacks. Run it before the first start and before a new\n" +
			"version starts. It may be run at any time, also twice at once.",
	}
	cmd = withSettings(cmd, func(ctx context.Context, s settings.Settings, log *slog.Logger) error {
		// The one does not need the other: what can be done is done.
		return errors.Join(
			migrateDatabase(ctx, s, dryRun, cmd.OutOrStdout()),
			migrateTemporal(ctx, temporalOf(s), dryRun, migrateOutput{log: log, out: cmd.OutOrStdout()}),
		)
	})
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only tell what would be done")
	return cmd
}

// migrateOutput is where migrate tells what it does.
type migrateOutput struct {
	log *slog.Logger
	out io.Writer
}

// migrateTemporal sets Temporal up and tells what it did.
func migrateTemporal(ctx context.Context, t temporalOptions, dryRun bool, o migrateOutput) error {
	if t.address == "" {
		return errors.New("setting TEMPORAL_ADDRESS is missing: give host:port of Temporal's frontend service")
	}
	c, err := t.client(o.log)
	if err != nil {
		return err
	}
	defer c.Close()
	try, cancel := context.WithTimeout(ctx, temporalTry)
	defer cancel()
	l, err := workflows.Inspect(try, c, t.namespace)
	if err != nil {
		return t.explain(err)
	}
	if !dryRun {
		if err := setUpTemporal(ctx, c, t); err != nil {
			return err
		}
	}
	made, added := "made", "added"
	if dryRun {
		made, added = "would be made", "would be added"
	}
	if l.Namespace {
		fmt.Fprintf(o.out, "Temporal: namespace %s %s\n", t.namespace, made)
	}
	if len(l.Attributes) > 0 {
		fmt.Fprintf(o.out, "Temporal: search attributes %s %s\n", strings.Join(l.Attributes, ", "), added)
	}
	if !l.Any() {
		fmt.Fprintln(o.out, "Temporal: nothing to do")
	}
	return nil
}
