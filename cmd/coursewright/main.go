// Command coursewright builds university courses from git and publishes them
// to the learning management system A+. This package wires the parts together
// and holds no knowledge of its own. Start at newRootCommand.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // TIME_ZONE works where the machine has no time zones installed

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(run())
}

// run is main with an exit status, so that deferred calls happen.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// errReported ends a command with status 1 after it has told everything itself.
var errReported = errors.New("reported")

// exitStatus ends a command with that status; the command has told why.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// execute runs one command line and gives the exit status.
func execute(ctx context.Context, args []string, out, errOut io.Writer) int {
	root := newRootCommand() //nolint:contextcheck // cobra hands ctx to the commands
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, errReported):
		return statusFailed
	}
	fmt.Fprintf(errOut, "coursewright: %v\n", err)
	if errors.Is(err, errUsage) {
		return statusUsage
	}
	return statusFailed
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "coursewright",
		Short:         "Build courses from git and publish them to A+",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", err, errUsage) })
	root.AddCommand(
		newAPICommand(),
		newBuildCommand(),
		newCheckCommand(),
		newCourseCommand(),
		newDevCommand(),
		newExportCommand(),
		newHookCommand(),
		newHostCommand(),
		newImportCommand(),
		newLoadCommand(),
		newMigrateCommand(),
		newProbeCommand(),
		newReleaseCommand(),
		newSchemaCommand(),
		newTokenCommand(),
		newWatchmanCommand(),
		newWorkerCommand(),
	)
	root.InitDefaultCompletionCmd() // otherwise there only while it runs
	return root
}

// notSettings are variables with the settings' prefix that mean something else:
// what the tests use.
func notSettings() []string {
	return []string{"COURSEWRIGHT_REQUIRE", "COURSEWRIGHT_SCREENSHOTS", "COURSEWRIGHT_TEST_TEMPORAL_CLI", urlVariable, tokenVariable}
}
