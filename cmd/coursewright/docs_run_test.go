package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"coursewright/client"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/temporaldev"
	"coursewright/internal/temporaldev/temporaltest"
)

// documentedBlock says how a block of commands of the documentation is tried.
type documentedBlock struct {
	file, part string              // where it is, and a text that no other block there has
	elsewhere  string              // the test that runs it, or why none can; empty: it is run here
	before     func(d *documented) // what has happened before somebody gives the commands
	want       []string            // what they print
}

// documentedBlocks are all blocks; those that are run here are run in this order.
func documentedBlocks() []documentedBlock {
	return []documentedBlock{
		{file: "README.md", part: "curl -X POST", want: []string{`"key":"mycourse"`, "COMMIT", "hook", `"success":`}},
		{file: "README.md", part: "bin/coursewright check", want: []string{"Chapter"}},
		{file: "docs/authentication.md", part: "coursewright token report", want: []string{"ey"}},
		{file: "docs/security.md", part: "/api/v1/audit", want: []string{`"action":"NEW-COURSE"`}},
		{file: "docs/publishing.md", part: "release diff", before: (*documented).published, want: []string{"0"}},
		{file: "docs/upgrade.md", part: "set-current-version", want: []string{"coursewright"}},
		{file: "docs/upgrade.md", part: "describe-version", want: []string{"v1.0.0"}},
		{file: "docs/operations.md", part: "workflow show", before: (*documented).begin, want: []string{"build/KEY", "WorkflowExecutionStarted", "QueryResult", "Running"}},
		{file: "docs/upgrade.md", part: "update-options"},
		{file: "docs/operations.md", part: "workflow cancel", want: []string{"Canceled workflow"}},
		{file: "docs/operations.md", part: "workflow terminate", before: (*documented).cancelled, want: []string{"terminated"}},
		{file: "docs/operations.md", part: "host drain", before: (*documented).terminated, want: []string{"active", "draining"}},

		{file: "README.md", part: "make run", elsewhere: "what it starts is what all tests with a harness start"},
		{file: "docs/backup.md", elsewhere: "internal/store/postgres/backup_test.go"},
		{file: "docs/builders.md", part: "network.sh", elsewhere: "TestWhatBuildsReach in internal/build/docker, which has an engine of its own"},
		{file: "docs/builders.md", part: "jq -r .course_key", elsewhere: "an executable of the reader's; TestInput in internal/build/exec has one like it"},
		{file: "docs/builders.md", part: "BUILD_MODULE_SETTINGS", elsewhere: "settings, not commands"},
		{file: "docs/commit-status.md", elsewhere: "settings, not commands"},
		{file: "docs/deployment.md", part: "docker compose up", elsewhere: "no images without a registry; deploy/scripts_test.go runs make-secrets.sh"},
		{file: "docs/deployment.md", part: "--create-home coursewright", elsewhere: "they install on the machine; deploy/systemd_test.go tries units and secrets"},
		{file: "docs/deployment.md", part: "systemd-run", elsewhere: "there is no systemd in containers that tests run in"},
		{file: "docs/deployment.md", part: "temporal-sql-tool", elsewhere: "they install on the machine; TestADeploymentOnTemporalsServer runs both programs"},
		{file: "docs/deployment.md", part: "kubectl", elsewhere: "there is no cluster; deploy/helm_test.go renders the chart"},
		{file: "docs/migration.md", elsewhere: "TestMigrationGuide"},
		{file: "docs/scale.md", elsewhere: "TestLoad"},
	}
}

// documented is a service that commands of the documentation are given to.
type documented struct {
	*versions

	environ []string
	words   *strings.Replacer // what stands in the documentation, and what there is here
	begun   int64
}

// The commands of the documentation are given as they stand there, one after the
// other, and say what it says. A block that cannot be given here says why.
func TestDocumentedCommandsRun(t *testing.T) {
	t.Parallel()
	files := documentedFiles(t)
	tried := map[string]bool{}
	var d *documented
	for _, b := range documentedBlocks() {
		var found []string
		for _, block := range files[b.file] {
			if strings.Contains(block, b.part) {
				found = append(found, block)
				tried[b.file+block] = true
			}
		}
		if len(found) != 1 && b.part != "" || len(found) == 0 {
			t.Fatalf("%s has %d blocks with %q", b.file, len(found), b.part)
		}
		if b.elsewhere != "" {
			continue
		}
		if d == nil {
			d = newDocumented(t)
		}
		if b.before != nil {
			b.before(d)
		}
		out := d.give(t, b.file, found[0])
		for _, want := range b.want {
			if !strings.Contains(out, d.words.Replace(want)) {
				t.Errorf("%s: after\n%swas printed, without %q:\n%s", b.file, found[0], want, out)
			}
		}
	}
	for file, blocks := range files {
		for _, block := range blocks {
			if !tried[file+block] {
				t.Errorf("%s: nothing tries\n%s", file, block)
			}
		}
	}
}

// documentedFiles are the blocks of commands of each file that has some.
func documentedFiles(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		files, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```").FindAllStringSubmatch(string(text), -1) {
				name := strings.TrimPrefix(file, "../../")
				all[name] = append(all[name], m[1])
			}
		}
	}
	return all
}

// newDocumented starts a service with two courses, of which one builds for minutes.
func newDocumented(t *testing.T) *documented {
	t.Helper()
	gitrepotest.Need(t, "curl")
	gitrepotest.Need(t, "openssl")
	d := &documented{versions: newVersions(t)}
	d.start("v1.0.0")
	api := d.apis[0]
	repo := gitrepotest.New(t)
	repo.Commit(tiny("Chapter"), "first")
	slow := gitrepotest.New(t)
	files := tiny("Slow")
	files["build.sh"] = "echo started; sleep 300\n"
	slow.Commit(files, "slow")
	api.addCourse("quick", repo.URL(), nil)
	api.addCourse("slow", slow.URL(), nil)

	bin := t.TempDir()
	for name, script := range map[string]string{
		"coursewright": fmt.Sprintf("exec '%s' \"$@\"\n", os.Args[0]),
		"temporal":     fmt.Sprintf("exec '%s' \"$@\" --address %s --namespace %s\n", temporaltest.CLI(t), d.temporal.Address(), temporaldev.Namespace),
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	keys := t.TempDir()
	private, public := filepath.Join(keys, "private.pem"), filepath.Join(keys, "public.pem")
	if out, err := exec.CommandContext(t.Context(), "sh", "-euc", `openssl genrsa -out "$0" 2048; openssl rsa -in "$0" -pubout -out "$1"`,
		private, public).CombinedOutput(); err != nil {
		t.Fatalf("keys: %v: %s", err, out)
	}
	d.environ = append(os.Environ(), asProgram+"=1", "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"COURSEWRIGHT_PRIVATE_KEY_FILE="+private, "COURSEWRIGHT_PUBLIC_KEY_FILE="+public, urlVariable+"="+api.base, "HOME="+t.TempDir(), "TOKEN=none")
	gone, stays := d.hosts()
	d.words = strings.NewReplacer(
		"bin/coursewright", "coursewright", "path/to/course", repo.Tree(),
		"http://127.0.0.1:8070", api.base, "https://gitmanager.example.org", api.base, "?course=cs1", "?course=mycourse",
		"https://git.example.org/mycourse.git", repo.URL(),
		"KEY [VERSION] [--against VERSION] [--json]", "quick --json", "build/KEY", "build/slow", `"KEY"`, `"slow"`,
		"--build-id NEW", "--build-id v1.0.0", "--build-id OLD", "--build-id v1.0.0",
		"COURSEWRIGHT_TOKEN=...", "", "forget HOST", "forget "+gone, " HOST", " "+stays,
	)
	return d
}

// hosts gives a host that is gone and the one that is there.
func (d *documented) hosts() (gone, stays string) {
	d.tb.Helper()
	second := d.start("v1.0.0")
	if err := second.stop(); err != nil {
		d.tb.Fatal(err)
	}
	var all []client.Host
	if err := json.Unmarshal([]byte(d.apis[0].mustHost("list", "--json")), &all); err != nil {
		d.tb.Fatal(err)
	}
	for _, h := range all {
		if h.State == "stopped" {
			gone = h.ID
		} else {
			stays = h.ID
		}
	}
	if gone == "" || stays == "" || len(all) != 2 {
		d.tb.Fatalf("the hosts are %+v; want one that is gone and one that is there", all)
	}
	return gone, stays
}

// published waits until the quick course has a published release.
func (d *documented) published() {
	d.tb.Helper()
	api := d.apis[0]
	b := api.finished("quick", api.push("quick"), course.StatusSuccess)
	api.publish("quick", b.Version)
}

// begin lets the slow course be built.
func (d *documented) begin() {
	d.tb.Helper()
	d.begun = d.apis[0].push("slow")
	d.apis[0].running("slow", d.begun)
}

// cancelled waits for the end of a build that was cancelled, and begins another.
func (d *documented) cancelled() {
	d.tb.Helper()
	d.apis[0].finished("slow", d.begun, course.StatusCancelled)
	d.begin()
}

// terminated waits for the end of a build whose workflow was terminated.
func (d *documented) terminated() {
	d.tb.Helper()
	d.apis[0].finished("slow", d.begun, course.StatusFailed)
}

// give gives commands to a shell, with what there is here in place of what stands
// in the documentation for the reader's own, and gives what they print.
func (d *documented) give(t *testing.T, file, block string) string {
	t.Helper()
	script := d.words.Replace(block)
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
	cmd.Dir, cmd.Env = t.TempDir(), d.environ
	cmd.Stdin = strings.NewReader("y\n") // whoever is asked whether it is meant
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v of\n%s%s", file, err, script, out)
	}
	return string(out)
}
