package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"coursewright/client"
)

// newHookCommand tells what git hosts sent.
func newHookCommand() *cobra.Command {
	c := &cli{}
	print := func(cmd *cobra.Command, value any, list []client.Delivery) error {
		return c.show(cmd.OutOrStdout(), value, []string{"DELIVERY", "RECEIVED", "SERVICE", "EVENT", "VERDICT", "BUILD", "REASON"}, func(t *table) {
			for _, d := range list {
				build := "-"
				if d.Build != nil {
					build = fmt.Sprint(*d.Build)
				}
				t.add(d.ID, ago(&d.ReceivedAt), d.Service, d.Event, d.Verdict, build, d.Reason)
			}
		})
	}
	return c.group("hook", "Show what git hosts sent to the hooks of courses, and do it again",
		c.command("list COURSE", "List the deliveries of a course", cobra.ExactArgs(1), func(cmd *cobra.Command, api *client.Client, args []string) error {
			list, err := collect(api.Deliveries(cmd.Context(), args[0], ""))
			if err != nil {
				return err
			}
			return print(cmd, list, list)
		}),
		c.command("show COURSE DELIVERY", "Show a delivery with its headers", cobra.ExactArgs(2), func(cmd *cobra.Command, api *client.Client, args []string) error {
			id, err := readNumber("delivery", args[1])
			if err != nil {
				return err
			}
			d, err := api.Delivery(cmd.Context(), args[0], id)
			if err != nil {
				return err
			}
			if err := print(cmd, d, []client.Delivery{d}); err != nil || c.json {
				return err
			}
			for _, h := range d.Headers {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", printable(h.Name), printable(h.Value))
			}
			return nil
		}),
		c.command("redeliver COURSE DELIVERY", "Do again what a delivery asked for", cobra.ExactArgs(2), func(cmd *cobra.Command, api *client.Client, args []string) error {
			id, err := readNumber("delivery", args[1])
			if err != nil {
				return err
			}
			b, err := api.Redeliver(cmd.Context(), args[0], id)
			if err != nil {
				return err
			}
			return c.printBuilds(cmd, b, []client.Build{b})
		}),
	)
}
