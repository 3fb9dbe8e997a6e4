package exec_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coursewright/internal/build"
	builder "coursewright/internal/build/exec"
)

// kubectl stands in for a cluster: it notes its calls, keeps the Job that it is
// given, prints what the test wants as the pod's log, and tells its status.
const kubectl = `#!/bin/sh
here=$(dirname "$0")
echo "$*" >>"$here/calls"
case "$3" in
create) cat >"$here/job.json" ;;
logs) cat "$here/log"; [ ! -e "$here/hangs" ] || exec sleep 600 ;;
get) cat "$here/pods.json" ;;
esac
`

// cluster is a folder with the stand-in.
type cluster struct{ dir string }

func newCluster(t *testing.T, pods string) cluster {
	t.Helper()
	if _, err := exec.LookPath("jq"); err != nil {
		if slices.Contains(strings.Fields(os.Getenv("COURSEWRIGHT_REQUIRE")), "jq") {
			t.Fatal("install jq: the example for Kubernetes needs it")
		}
		t.Skip("install jq: the example for Kubernetes needs it")
	}
	c := cluster{dir: t.TempDir()}
	c.write(t, "kubectl", kubectl)
	c.write(t, "pods.json", pods)
	c.write(t, "log", "made html\n")
	return c
}

func (c cluster) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o700); err != nil { //nolint:gosec // one of them is a program
		t.Fatal(err)
	}
}

func (c cluster) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// run builds a course by the example.
func (c cluster) run(t *testing.T, limit time.Duration) (string, error) {
	t.Helper()
	program, err := filepath.Abs(filepath.Join("..", "..", "..", "deploy", "builders", "kubernetes-job"))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	dir := filepath.Join(root, "course")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	b, err := builder.New(builder.Options{Program: program, Settings: map[string]any{
		"namespace": "builds", "claim": "courses", "build_path": root,
		"pod": map[string]any{"nodeSelector": map[string]any{"disk": "courses"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	_, err = b.Run(t.Context(), build.Request{
		CourseKey: "course", BuildID: 7, RunID: "run", Dir: dir, Image: "image:1", Command: []string{"make", "$(HOME) 'x"},
		Env:    map[string]string{"COURSE_KEY": "course", "CHANGED_FILES": "a\nb $c", "PATH": c.dir + ":" + os.Getenv("PATH")},
		Output: &output, Timeout: limit,
	})
	return output.String(), err
}

func TestKubernetesJob(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ pods, log, says string }{
		"success": {`{"items":[{"status":{"containerStatuses":[{"state":{"terminated":{"exitCode":0}}}]}}]}`, "made html\n", ""},
		"failure": {`{"items":[{"status":{"containerStatuses":[{"state":{"terminated":{"exitCode":2}}}]}}]}`, "made html\n", "ended with status 2"},
		"memory":  {`{"items":[{"status":{"containerStatuses":[{"state":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}]}}]}`, "used up its memory", "ended with status 137"},
		"image":   {`{"items":[{"status":{"containerStatuses":[{"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}]}`, "image:1 cannot be fetched", "ended with status 1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			output, err := newCluster(t, tt.pods).run(t, 0)
			if (err != nil) != (tt.says != "") || (err != nil && !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("error %v, want %q", err, tt.says)
			}
			if !strings.Contains(output, tt.log) {
				t.Errorf("output %q, want %q in it", output, tt.log)
			}
		})
	}
}

func TestKubernetesManifest(t *testing.T) {
	t.Parallel()
	c := newCluster(t, `{"items":[{"status":{"containerStatuses":[{"state":{"terminated":{"exitCode":0}}}]}}]}`)
	if output, err := c.run(t, 0); err != nil {
		t.Fatalf("%v; output:\n%s", err, output)
	}
	var job struct {
		Metadata struct{ Name string }
		Spec     struct {
			Template struct {
				Spec struct {
					NodeSelector map[string]string
					Containers   []struct {
						Image        string
						Args         []string
						WorkingDir   string
						Env          []struct{ Name, Value string }
						VolumeMounts []struct{ MountPath, SubPath string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(c.read(t, "job.json")), &job); err != nil {
		t.Fatal(err)
	}
	pod := job.Spec.Template.Spec
	main := pod.Containers[0]
	variables := map[string]string{}
	for _, v := range main.Env {
		variables[v.Name] = v.Value
	}
	delete(variables, "PATH")
	got := []any{job.Metadata.Name, main.Image, main.Args, main.WorkingDir, variables, main.VolumeMounts[0].MountPath, main.VolumeMounts[0].SubPath, pod.NodeSelector}
	want := []any{
		"coursewright-build-7", "image:1",
		[]string{"make", "$$(HOME) 'x"},
		"/content",
		map[string]string{"COURSE_KEY": "course", "CHANGED_FILES": "a\nb $$c"},
		"/content", "course",
		map[string]string{"disk": "courses"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestKubernetesStop stops a build: its Job must go.
func TestKubernetesStop(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "{}")
	c.write(t, "hangs", "")
	if _, err := c.run(t, 2*time.Second); err == nil || !strings.Contains(err.Error(), "longer than 2s") {
		t.Errorf("error %v, want that the time was up", err)
	}
	calls := strings.Split(strings.TrimSpace(c.read(t, "calls")), "\n")
	if last := calls[len(calls)-1]; !strings.HasPrefix(last, "--namespace builds delete job coursewright-build-7 ") {
		t.Errorf("the last call is %q, want the removal of the Job; all:\n%s", last, strings.Join(calls, "\n"))
	}
}
