package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"coursewright/internal/temporaldev/temporaltest"
)

// documentedCommand is a command line that the documentation shows.
type documentedCommand struct {
	file  string
	words []string
}

// Every command that the documentation shows can be given as it stands there: the
// shell reads the blocks, our own commands, Temporal's and make's targets exist with
// all their flags, and so do the files that they name. Blocks of backup.md, of
// migration.md and of Compose are run by tests of their own.
func TestDocumentedCommandsExist(t *testing.T) {
	t.Parallel()
	commands := documentedCommands(t)
	if len(commands) < 60 {
		t.Fatalf("%d commands found: the documentation has more", len(commands))
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	help := map[string]string{}
	for _, c := range commands {
		var problem string
		switch program := filepath.Base(c.words[0]); program {
		case "coursewright":
			problem = ownCommand(c.words[1:])
		case "temporal":
			problem = temporalCommand(t, help, c.words[1:])
		case "make":
			for _, target := range c.words[1:] {
				if !strings.Contains(target, "=") && !strings.Contains("\n"+string(makefile), "\n"+target+":") {
					problem = "there is no target " + target
				}
			}
		default:
			if !slices.Contains(otherPrograms(), program) && !strings.HasPrefix(c.words[0], "deploy/") {
				problem = "the program is not known to this test"
			}
		}
		for _, word := range c.words {
			if strings.HasPrefix(word, "deploy/compose/secrets/") {
				continue // made by a command before
			}
			if strings.HasPrefix(word, "deploy/") || strings.HasPrefix(word, "./internal/") {
				if found, err := filepath.Glob(filepath.Join("../..", word)); err != nil || len(found) == 0 {
					problem = "there is no " + word
				}
			}
		}
		if problem != "" {
			t.Errorf("%s: %s: %s", c.file, strings.Join(c.words, " "), problem)
		}
	}
}

// otherPrograms are those of the system that the documentation uses.
func otherPrograms() []string {
	return []string{
		"cp", "curl", "docker", "echo", "export", "go", "helm", "install", "iptables", "kubectl", "openssl", "pg_dump", "pg_restore",
		"psql", "rsync", "sh", "sqlite3", "ssh-keygen", "systemctl", "systemd-run", "useradd",
	}
}

// ownCommand says what is wrong with a command line of this program.
func ownCommand(words []string) string {
	cmd, rest := newRootCommand(), words
	for len(rest) > 0 {
		i := slices.IndexFunc(cmd.Commands(), func(c *cobra.Command) bool { return c.Name() == rest[0] })
		if i < 0 {
			break
		}
		cmd, rest = cmd.Commands()[i], rest[1:]
	}
	if !cmd.Runnable() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		return "there is no command " + rest[0]
	}
	for _, word := range rest {
		name, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
		if strings.HasPrefix(word, "--") && cmd.Flags().Lookup(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
			return "there is no flag --" + name
		}
	}
	return ""
}

// temporalCommand says what is wrong with a command line of Temporal's program, by
// its own help.
func temporalCommand(t *testing.T, known map[string]string, words []string) string {
	t.Helper()
	n := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "-") })
	if n < 0 {
		n = len(words)
	}
	name := strings.Join(words[:n], " ")
	if known[name] == "" {
		out, err := exec.CommandContext(t.Context(), temporaltest.CLI(t), append(slices.Clone(words[:n]), "--help")...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "temporal "+name) {
			return "there is no such command"
		}
		known[name] = string(out)
	}
	for _, word := range words[n:] {
		flag, _, _ := strings.Cut(word, "=")
		if strings.HasPrefix(flag, "--") && !strings.Contains(known[name], flag) {
			return "there is no flag " + flag
		}
	}
	return ""
}

// documentedCommands are those of the blocks, which are looked at by the shell as
// well, and those of ours and Temporal's in running text.
func documentedCommands(t *testing.T) (out []documentedCommand) {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	block := regexp.MustCompile("(?ms)^( *)```sh\n(.*?)^ *```")
	inline := regexp.MustCompile("`((?:bin/)?(?:coursewright|temporal) [^`]+)`")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		for _, m := range block.FindAllStringSubmatch(text, -1) {
			syntax := exec.CommandContext(t.Context(), "sh", "-n")
			syntax.Stdin = strings.NewReader(m[2])
			if said, err := syntax.CombinedOutput(); err != nil {
				t.Errorf("%s: the shell does not read\n%s%s", file, m[2], said)
			}
			if !strings.HasPrefix(strings.TrimSpace(m[2]), "#!") { // a script of the reader's own
				out = append(out, commandsOf(file, m[2])...)
			}
		}
		for _, m := range inline.FindAllStringSubmatch(block.ReplaceAllString(text, ""), -1) {
			if !strings.Contains(m[1], "…") && !strings.Contains(m[1], "*") {
				out = append(out, commandsOf(file, strings.Join(strings.Fields(m[1]), " "))...)
			}
		}
	}
	return out
}

// commandsOf takes a block apart.
func commandsOf(file, block string) (out []documentedCommand) {
	block = strings.ReplaceAll(block, "\\\n", " ")
	block = regexp.MustCompile(`'[^']*'|"[^"]*"`).ReplaceAllString(block, "QUOTED")
	block = regexp.MustCompile(`(?m)(^|\s)#.*$`).ReplaceAllString(block, "")
	for _, line := range regexp.MustCompile(`\n|&&|\|\|?|;`).Split(block, -1) {
		words := strings.Fields(line)
		for len(words) > 0 && (words[0] == "sudo" || regexp.MustCompile(`^[A-Z_]+=`).MatchString(words[0])) {
			words = words[1:]
		}
		if len(words) > 0 {
			out = append(out, documentedCommand{strings.TrimPrefix(file, "../../"), words})
		}
	}
	return out
}
