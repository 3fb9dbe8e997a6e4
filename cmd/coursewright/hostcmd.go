package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"coursewright/internal/host"
)

// drainPause is the time between two looks at a host that is being drained.
const drainPause = time.Second

// shownHost is a build host as the REST API shows it.
type shownHost struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Version   string    `json:"version"`
	State     string    `json:"state"`
	Reason    string    `json:"reason"`
	Gone      bool      `json:"gone"`
	SeenAt    time.Time `json:"seen_at"`
	Builds    int       `json:"builds"`
	Slots     int       `json:"slots"`
	Running   int       `json:"running"`
	Waiting   int       `json:"waiting"`
	Load      float64   `json:"load"`
	DiskFree  int64     `json:"disk_free"`
	DiskTotal int64     `json:"disk_total"`
}

// hostCommand asks the REST API about build hosts.
type hostCommand struct {
	rest restClient
	json bool
}

func newHostCommand() *cobra.Command {
	h := &hostCommand{}
	cmd := &cobra.Command{
		Use:   "host",
		Short: "List, drain and resume build hosts of a running service",
		Long: "List, drain and resume the build hosts of a running service. A host is named by its\n" +
			"id, the beginning of that, or the name of its machine.",
	}
	h.rest.addFlags(cmd.PersistentFlags())
	cmd.PersistentFlags().BoolVar(&h.json, "json", false, "print the answer of the service as JSON")
	var wait bool
	drain := h.change("drain HOST", "Let a host finish its builds and take no new ones", func(ctx context.Context, id string) ([]byte, error) {
		return h.drain(ctx, id, wait)
	})
	drain.Flags().BoolVar(&wait, "wait", false, "return when the host's builds have ended")
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the build hosts", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return h.list(cmd.Context(), cmd.OutOrStdout()) },
		},
		h.change("show HOST", "Show one host", func(ctx context.Context, id string) ([]byte, error) {
			return h.rest.do(ctx, http.MethodGet, hostPath(id), nil)
		}),
		drain,
		h.change("resume HOST", "Let a host take builds again, drained or failing", func(ctx context.Context, id string) ([]byte, error) {
			return h.rest.do(ctx, http.MethodPost, hostPath(id)+"/resume", nil)
		}),
		h.change("forget HOST", "Forget a host that will not come back", func(ctx context.Context, id string) ([]byte, error) {
			return h.rest.do(ctx, http.MethodDelete, hostPath(id), nil)
		}),
	)
	return cmd
}

// change is a command about one host; do returns the host as it is then, or
// nothing.
func (h *hostCommand) change(use, short string, do func(ctx context.Context, id string) ([]byte, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := h.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			body, err := do(cmd.Context(), id)
			if err != nil || len(body) == 0 {
				return err
			}
			var one shownHost
			if err := json.Unmarshal(body, &one); err != nil {
				return fmt.Errorf("the answer of the service: %w", err)
			}
			return h.print(cmd.OutOrStdout(), body, []shownHost{one})
		},
	}
}

func hostPath(id string) string { return "/api/v1/hosts/" + url.PathEscape(id) }

func (h *hostCommand) all(ctx context.Context) (body []byte, hosts []shownHost, err error) {
	var list struct {
		Items []shownHost `json:"items"`
	}
	body, err = h.rest.do(ctx, http.MethodGet, "/api/v1/hosts", &list)
	return body, list.Items, err
}

func (h *hostCommand) list(ctx context.Context, out io.Writer) error {
	body, hosts, err := h.all(ctx)
	if err != nil {
		return err
	}
	return h.print(out, body, hosts)
}

// find gives the id of the host that name stands for.
func (h *hostCommand) find(ctx context.Context, name string) (string, error) {
	_, hosts, err := h.all(ctx)
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

// drain begins to drain a host and waits, if that is wanted, until it has no
// builds any more.
func (h *hostCommand) drain(ctx context.Context, id string, wait bool) ([]byte, error) {
	body, err := h.rest.do(ctx, http.MethodPost, hostPath(id)+"/drain", nil)
	begun := time.Now()
	for wait && err == nil {
		if err := pause(ctx, drainPause); err != nil {
			return nil, err
		}
		var one shownHost
		body, err = h.rest.do(ctx, http.MethodGet, hostPath(id), &one)
		// A host that has not heard of it yet may still take one.
		if err == nil && one.SeenAt.After(begun.Add(host.Interval)) && one.Builds == 0 {
			break
		}
		if one.Gone {
			return nil, fmt.Errorf("the build host %s is gone: it was last heard of at %s", id, one.SeenAt.Format(time.RFC3339))
		}
	}
	return body, err
}

// print writes hosts as a table, or the answer as it came.
func (h *hostCommand) print(out io.Writer, body []byte, hosts []shownHost) error {
	if h.json {
		_, err := fmt.Fprintln(out, strings.TrimSpace(string(body)))
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tSTATE\tHEARD OF\tBUILDS\tSLOTS\tWAITING\tLOAD\tFREE DISK\tVERSION\tREASON")
	for _, x := range hosts {
		state := x.State
		if x.Gone {
			state = "gone"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s ago\t%d\t%d/%d\t%d\t%.2f\t%s\t%s\t%s\n", x.ID, x.Name, state,
			time.Since(x.SeenAt).Round(time.Second), x.Builds, x.Running, x.Slots, x.Waiting, x.Load, units.BytesSize(float64(x.DiskFree)), x.Version, x.Reason)
	}
	return w.Flush()
}
