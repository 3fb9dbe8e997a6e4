package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"coursewright/client"
)

// Exit statuses of commands.
const (
	statusFailed      = 1 // also of commands that could not do what they were asked for
	statusUsage       = 2
	statusCancelled   = 3
	statusSkipped     = 4
	statusDangerous   = 5 // of a comparison that finds exercises in danger
	statusInterrupted = 130
)

// follow shows the log of a build until it has ended; the exit status is that of
// the build. Ctrl-C leaves the build running.
func (c *cli) follow(cmd *cobra.Command, api *client.Client, b client.Build) error {
	show := newProgress(cmd.OutOrStdout(), cmd.ErrOrStderr())
	defer show.tick(usualTime(cmd.Context(), api, b.Course))()
	if !c.json {
		show.line(fmt.Sprintf("Build %d of %s", b.ID, b.Course))
	}
	for e, err := range api.Follow(cmd.Context(), b.Course, b.ID, 0) {
		if err != nil {
			show.erase()
			if cmd.Context().Err() != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "\nThe build goes on. To cancel it: coursewright build cancel %s %d\n", b.Course, b.ID)
				return exitStatus(statusInterrupted)
			}
			return err
		}
		if e.Build != nil {
			b = *e.Build
			show.now(b)
		} else if !c.json {
			show.log(e.Text)
		}
	}
	show.erase()
	if c.json {
		if err := printJSON(cmd.OutOrStdout(), b); err != nil {
			return err
		}
	} else {
		show.line(fmt.Sprintf("Build %d: %s %s", b.ID, b.Status, b.Reason))
	}
	return buildStatus(b.Status)
}

// buildStatus is the exit status that tells how a build ended.
func buildStatus(s client.Status) error {
	switch s {
	case client.Success:
		return nil
	case client.Cancelled:
		return exitStatus(statusCancelled)
	case client.Skipped:
		return exitStatus(statusSkipped)
	case client.Failed, client.Pending, client.Running:
	}
	return exitStatus(statusFailed)
}

// cleaner takes from a log what steers terminals, but for colours, which stay
// where they are shown.
type cleaner struct {
	colours bool
	held    string // the beginning of a sequence that is not complete
}

func newCleaner(out io.Writer) *cleaner {
	return &cleaner{colours: terminalWidth(out) > 0 && os.Getenv("NO_COLOR") == ""}
}

func (c *cleaner) text(text string) string {
	const longest = 64 // bytes of a sequence that is waited for
	text = c.held + text
	c.held = ""
	var out strings.Builder
	for i := 0; i < len(text); {
		if text[i] == '\x1b' {
			n, colour, whole := sequence(text[i:])
			if !whole && len(text)-i < longest {
				c.held = text[i:]
				break
			}
			if colour && c.colours {
				out.WriteString(text[i : i+n])
			}
			i += n
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\n' || r == '\t' || !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r):
			out.WriteString(text[i : i+size])
		case r == '\r' && (i+1 >= len(text) || text[i+1] != '\n'):
			out.WriteByte('\n') // programs overwrite their line, which a log cannot
		}
		i += size
	}
	return out.String()
}

// sequence measures an escape sequence and says whether it sets colours.
func sequence(text string) (n int, colour, whole bool) {
	if len(text) < 2 {
		return 1, false, false
	}
	if text[1] != '[' {
		return 1, false, true // the escape goes, what follows is text
	}
	for i := 2; i < len(text); i++ {
		switch b := text[i]; {
		case b >= 0x40 && b <= 0x7e:
			return i + 1, b == 'm', true
		case b < 0x20 || b > 0x3f:
			return i, false, true
		}
	}
	return len(text), false, false
}
