package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"coursewright/client"
)

// cli is what the commands that ask the REST API share.
type cli struct {
	rest restClient
	json bool
}

// group makes the command that has the others below it.
func (c *cli) group(use, short string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	c.rest.addFlags(cmd.PersistentFlags())
	cmd.PersistentFlags().BoolVar(&c.json, "json", false, "print JSON for programs: fields are those of the REST API and stay")
	cmd.AddCommand(below...)
	return cmd
}

// command makes a command that asks the service. Its first argument, if it has
// any, is the key of a course; in the group host it is a host.
func (c *cli) command(use, short string, args cobra.PositionalArgs, do func(cmd *cobra.Command, api *client.Client, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, ValidArgsFunction: c.complete,
		Args: func(cmd *cobra.Command, given []string) error {
			if err := args(cmd, given); err != nil {
				return fmt.Errorf("%w; see %s --help: %w", err, cmd.CommandPath(), errUsage)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			api, err := c.rest.open()
			if err != nil {
				return err
			}
			err = do(cmd, api, args)
			var status exitStatus
			if errors.Is(err, errReported) || errors.As(err, &status) || errors.Is(err, errUsage) {
				return err
			}
			return explainRest(err)
		},
	}
}

// errUsage is wrong with the words of a command line.
var errUsage = errors.New("wrong usage")

// show prints a value as JSON, or as the table that fill makes of it.
func (c *cli) show(out io.Writer, value any, head []string, fill func(t *table)) error {
	if c.json {
		return printJSON(out, value)
	}
	t := &table{head: head}
	fill(t)
	return t.print(out)
}

// completeWithin bounds how long a shell waits for words.
const completeWithin = 3 * time.Second

// complete offers the keys of courses for the first argument, and then what the
// course has: numbers of builds and deliveries, versions of releases. Hosts are
// offered by their ids, with the names of their machines.
func (c *cli) complete(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	api, err := c.rest.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
	defer cancel()
	var words []cobra.Completion
	add := func(word, about string) { words = append(words, cobra.CompletionWithDesc(word, printable(about))) }
	switch group := cmd.Parent().Name(); {
	case group == "host" && len(args) == 0:
		for x, err := range api.Hosts(ctx) {
			if err == nil {
				add(x.ID, x.Name+" "+hostState(x))
			}
		}
	case group == "host":
	case len(args) == 0:
		for x, err := range api.Courses(ctx, begun, "") {
			if err != nil || len(words) == 200 {
				break
			}
			add(x.Key, x.GitBranch)
		}
	case group == "build" && len(args) == 1:
		for b, err := range first(api.Builds(ctx, args[0], client.BuildFilter{PageSize: 20}), 20) {
			if err == nil {
				add(strconv.FormatInt(b.ID, 10), string(b.Status)+" "+b.Subject)
			}
		}
	case group == "release" && len(args) == 1:
		for r, err := range api.Releases(ctx, args[0]) {
			if err == nil {
				add(r.Version, fmt.Sprintf("build %d %s", r.BuildID, releaseState(r)))
			}
		}
	case group == "hook" && len(args) == 1:
		for d, err := range first(api.Deliveries(ctx, args[0], ""), 20) {
			if err == nil {
				add(strconv.FormatInt(d.ID, 10), d.Service+" "+d.Verdict)
			}
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// first ends a sequence after some items.
func first[T any](of iter.Seq2[T, error], most int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		n := 0
		for x, err := range of {
			if n == most || !yield(x, err) {
				return
			}
			n++
		}
	}
}

// collect gives the items of a sequence.
func collect[T any](of iter.Seq2[T, error]) ([]T, error) {
	out := []T{}
	for x, err := range of {
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// readNumber reads the number of a build or delivery.
func readNumber(what, text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not the number of a %s: %w", text, what, errUsage)
	}
	return n, nil
}

// ago words how long ago something was.
func ago(at *time.Time) string {
	if at == nil {
		return "-"
	}
	switch d := time.Since(*at); {
	case d < time.Minute:
		return strconv.Itoa(max(0, int(d.Seconds()))) + " s ago"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min ago"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " h ago"
	}
	return at.Local().Format(time.DateOnly)
}

// short is the usual beginning of a commit's hash.
func short(commit string) string { return commit[:min(10, len(commit))] }
