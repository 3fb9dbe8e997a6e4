package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"coursewright/internal/gitrepo/gitrepotest"
)

var updateDocs = flag.Bool("update", false, "write the reference of commands anew")

// TestCommandLine runs the scripts of testdata/cli with the program itself
// against a whole system that builds real courses.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	h := newHarness(t, harnessOptions{})
	repo := gitrepotest.New(t)
	repo.Commit(tiny("One"), "first")
	broken := gitrepotest.New(t)
	files := tiny("Two")
	files["build.sh"] = "printf '\\033[31mred\\033[0m \\033]0;title\\007text\\n'; exit 7\n"
	broken.Commit(files, "broken")
	slow := gitrepotest.New(t)
	files = tiny("Three")
	files["build.sh"] = "echo started; sleep 300\n"
	slow.Commit(files, "slow")
	bin := t.TempDir()
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "coursewright")); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/cli",
		Setup: func(e *testscript.Env) error {
			for name, value := range map[string]string{
				asProgram: "1", urlVariable: h.base, "ORIGIN": repo.URL(), "BROKEN": broken.URL(), "SLOW": slow.URL(),
				"HOME": e.WorkDir, "XDG_CONFIG_HOME": filepath.Join(e.WorkDir, "config"),
				"PATH": bin + string(os.PathListSeparator) + e.Getenv("PATH"),
			} {
				e.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			// waitlog COURSE TEXT waits until the log of the newest build has a text.
			"waitlog": func(ts *testscript.TestScript, _ bool, args []string) {
				h.waitFor("the log of "+args[0], func() bool {
					list := h.builds(args[0])
					return len(list) > 0 && strings.Contains(h.log(args[0], list[0].ID), args[1])
				})
			},
			// deliver COURSE calls the hook as a git host with a wrong secret.
			"deliver": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(refusedDelivery(t, h.base, args[0]))
			},
			// status N CMD... runs a command that ends with status N.
			"status": func(ts *testscript.TestScript, _ bool, args []string) {
				err := ts.Exec(args[1], args[2:]...)
				got := "0"
				if err != nil {
					got = strings.TrimPrefix(err.Error(), "exit status ")
				}
				if got != args[0] {
					ts.Fatalf("%v ended with %s, want %s", args[1:], got, args[0])
				}
			},
		},
	})
}

// TestCommandReference compares docs/cli.md with the commands.
func TestCommandReference(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	out.WriteString("# Commands\n\nThis page is generated from the program; `go test ./cmd/coursewright -run TestCommandReference -update`\n" +
		"writes it anew.\n\nCommands about courses, builds, releases, hooks and hosts ask a running service. They find\n" +
		"it by `--server`, the variable `COURSEWRIGHT_URL`, or the file `coursewright/cli.yaml` in the\n" +
		"user's configuration folder with `url:` and `token:`. The token is that of `--token`, of\n" +
		"`COURSEWRIGHT_TOKEN`, or of the file, which nobody else may be able to read. Where neither a\n" +
		"service nor a token is named they ask `http://127.0.0.1:8070`, where `dev` listens.\n\n" +
		"Exit statuses: 0 done, 1 failed, 2 wrong usage, and of followed builds 3 cancelled, 4 skipped,\n" +
		"130 interrupted; `release diff` ends with 5 when exercises are in danger. `coursewright completion`\n" +
		"tells how shells complete commands, keys of courses, numbers of builds and hosts. With `--json` the fields are those of the REST API\n" +
		"(docs/api.md); new ones may come, and none goes or changes its meaning.\n")
	writeCommands(&out, newRootCommand())
	const file = "../../docs/cli.md"
	if *updateDocs {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(want, out.Bytes()) {
		t.Errorf("%s is not what the commands are; write it anew: %v", file, err)
	}
}

func writeCommands(out *bytes.Buffer, of *cobra.Command) {
	for _, cmd := range of.Commands() {
		if cmd.Hidden || cmd.Name() == "help" || cmd.Name() == "completion" {
			continue
		}
		about := cmd.Short + "."
		if cmd.Long != "" {
			about = cmd.Long
		}
		fmt.Fprintf(out, "\n## %s\n\n%s\n\n```\n%s\n```\n", cmd.CommandPath(), about, cmd.UseLine())
		rows, settings := "", false
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Name == "help" {
				return
			}
			if strings.HasPrefix(f.Usage, "setting ") {
				settings = true
				return
			}
			rows += fmt.Sprintf("| `--%s` | %s | %s |\n", f.Name, strings.ReplaceAll(f.Usage, "|", "\\|"), f.DefValue)
		})
		if rows != "" {
			out.WriteString("\n| flag | meaning | default |\n|---|---|---|\n" + rows)
		}
		if settings {
			out.WriteString("\nEvery other setting of [config.md](config.md) has a flag here, too.\n")
		}
		writeCommands(out, cmd)
	}
}

func TestCleanLogs(t *testing.T) {
	t.Parallel()
	const log = "a\x1b[31mred\x1b[0m \x1b]0;title\x07b\x1b[2Jc\rd\r\ne\x00\u202ef\tä\u009bg\n"
	for _, test := range []struct {
		colours bool
		want    string
	}{
		{true, "a\x1b[31mred\x1b[0m ]0;titlebc\nd\nef\täg\n"},
		{false, "ared ]0;titlebc\nd\nef\täg\n"},
	} {
		c, got := &cleaner{colours: test.colours}, ""
		for _, r := range strings.ReplaceAll(log, "\r\n", "\n") { // pieces end with whole characters
			got += c.text(string(r))
		}
		if got != test.want {
			t.Errorf("colours %v, by characters: %q; want %q", test.colours, got, test.want)
		}
		c = &cleaner{colours: test.colours}
		if got := c.text(log); got != test.want {
			t.Errorf("colours %v, in one: %q; want %q", test.colours, got, test.want)
		}
	}
}
