package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"coursewright/client"
	"coursewright/internal/host"
)

// drainPause is the time between two looks at a host that is being drained.
const drainPause = time.Second

// newHostCommand lists and steers build hosts through the REST API.
func newHostCommand() *cobra.Command {
	c := &cli{}
	cmd := c.group("host", "List, drain and resume build hosts of a running service",
		c.listHosts(),
		c.aboutHost("show HOST", "Show one host", func(ctx context.Context, api *client.Client, id string) (client.Host, error) {
			return api.Host(ctx, id)
		}),
		c.drainHost(),
		c.aboutHost("resume HOST", "Let a host take builds again, drained or failing", func(ctx context.Context, api *client.Client, id string) (client.Host, error) {
			return api.ResumeHost(ctx, id)
		}),
		c.forgetHost(),
	)
	cmd.Long = "List, drain and resume the build hosts of a running service. A host is named by its\n" +
		"id, the beginning of that, or the name of its machine."
	return cmd
}

func (c *cli) listHosts() *cobra.Command {
	return c.command("list", "List the build hosts", cobra.NoArgs, func(cmd *cobra.Command, api *client.Client, _ []string) error {
		list, err := collect(api.Hosts(cmd.Context()))
		if err != nil {
			return err
		}
		return c.printHosts(cmd, list, list)
	})
}

// printHosts prints hosts as a table, or value as JSON.
func (c *cli) printHosts(cmd *cobra.Command, value any, list []client.Host) error {
	head := []string{"ID", "NAME", "STATE", "HEARD OF", "BUILDS", "SLOTS", "WAITING", "LOAD", "FREE DISK", "VERSION", "REASON"}
	return c.show(cmd.OutOrStdout(), value, head, func(t *table) {
		for _, x := range list {
			t.add(x.ID, x.Name, hostState(x), ago(&x.SeenAt), x.Builds, fmt.Sprintf("%d/%d", x.Running, x.Slots), x.Waiting,
				fmt.Sprintf("%.2f", x.Load), units.BytesSize(float64(x.DiskFree)), x.Version, x.Reason)
		}
	})
}

func hostState(x client.Host) string {
	if x.Gone {
		return "gone"
	}
	return x.State
}

// aboutHost makes a command about one host; do gives the host as it is then.
func (c *cli) aboutHost(use, short string, do func(ctx context.Context, api *client.Client, id string) (client.Host, error)) *cobra.Command {
	return c.command(use, short, cobra.ExactArgs(1), func(cmd *cobra.Command, api *client.Client, args []string) error {
		id, err := findHost(cmd.Context(), api, args[0])
		if err != nil {
			return err
		}
		x, err := do(cmd.Context(), api, id)
		if err != nil {
			return err
		}
		return c.printHosts(cmd, x, []client.Host{x})
	})
}

func (c *cli) forgetHost() *cobra.Command {
	return c.command("forget HOST", "Forget a host that will not come back", cobra.ExactArgs(1), func(cmd *cobra.Command, api *client.Client, args []string) error {
		id, err := findHost(cmd.Context(), api, args[0])
		if err != nil {
			return err
		}
		return api.ForgetHost(cmd.Context(), id)
	})
}

func (c *cli) drainHost() *cobra.Command {
	var wait bool
	cmd := c.aboutHost("drain HOST", "Let a host finish its builds and take no new ones", func(ctx context.Context, api *client.Client, id string) (client.Host, error) {
		x, err := api.DrainHost(ctx, id)
		if err == nil && wait {
			return awaitDrained(ctx, api, id)
		}
		return x, err
	})
	cmd.Flags().BoolVar(&wait, "wait", false, "return when the host's builds have ended")
	return cmd
}

// awaitDrained waits until a host that takes no new builds has none any more.
func awaitDrained(ctx context.Context, api *client.Client, id string) (client.Host, error) {
	for begun := time.Now(); ; {
		if err := pause(ctx, drainPause); err != nil {
			return client.Host{}, err
		}
		x, err := api.Host(ctx, id)
		switch {
		case err != nil:
			return x, err
		case x.SeenAt.After(begun.Add(host.Interval)) && x.Builds == 0:
			return x, nil // a host that has not heard of it yet may still take one
		case x.Gone:
			return x, fmt.Errorf("the build host %s is gone: it was last heard of at %s", id, x.SeenAt.Format(time.RFC3339))
		}
	}
}

// findHost gives the id of the host that name stands for.
func findHost(ctx context.Context, api *client.Client, name string) (string, error) {
	hosts, err := collect(api.Hosts(ctx))
	if err != nil {
		return "", err
	}
	var found []string
	for _, x := range hosts {
		if x.ID == name {
			return x.ID, nil
		}
		if name != "" && (x.Name == name || strings.HasPrefix(x.ID, name)) {
			found = append(found, x.ID)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("there is no build host %q; see coursewright host list", name)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%q stands for %d build hosts (%s); give the id", name, len(found), strings.Join(found, ", "))
}
