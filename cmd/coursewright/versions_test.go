package main

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/temporaldev"
	"coursewright/internal/temporaldev/temporaltest"
)

// versions is a deployment whose workers say which version they are.
type versions struct {
	*deployment

	temporal *temporaldev.Server
	client   client.Client
}

func newVersions(t *testing.T) *versions {
	t.Helper()
	server := temporaltest.Start(t)
	c, err := client.NewLazyClient(client.Options{HostPort: server.Address(), Namespace: temporaldev.Namespace, Logger: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	d := newDeployment(t, deploymentOptions{apis: 1, settings: map[string]string{
		"TEMPORAL_ADDRESS": server.Address(), "WORKER_DEPLOYMENT": "coursewright",
	}})
	return &versions{d, server, c}
}

// start starts a worker of a version on a build disk of its own, and makes the
// version the current one as upgrade.md says.
func (v *versions) start(version string) *program {
	v.tb.Helper()
	v.settings.set("WORKER_BUILD_ID", version)
	w := v.addWorker()
	var out []byte
	for end := time.Now().Add(time.Minute); ; {
		cmd := exec.CommandContext(v.tb.Context(), temporaltest.CLI(v.tb), "worker", "deployment", "set-current-version", "--yes",
			"--address", v.temporal.Address(), "--deployment-name", "coursewright", "--build-id", version)
		var err error
		if out, err = cmd.CombinedOutput(); err == nil {
			return w
		}
		// Temporal hears of a version when its worker first asks for tasks.
		if time.Now().After(end) {
			v.tb.Fatalf("version %s does not become current: %v\n%s", version, err, out)
		}
		if err := pause(v.tb.Context(), 200*time.Millisecond); err != nil {
			v.tb.Fatal(err)
		}
	}
}

// ranOn waits for the end of a course's build workflow and gives the version
// that it was pinned to.
func (v *versions) ranOn(key string) string {
	v.tb.Helper()
	id := "build/" + key
	if err := v.client.GetWorkflow(v.tb.Context(), id, "").Get(v.tb.Context(), nil); err != nil {
		v.tb.Fatal(err)
	}
	d, err := v.client.DescribeWorkflowExecution(v.tb.Context(), id, "")
	if err != nil {
		v.tb.Fatal(err)
	}
	return d.GetWorkflowExecutionInfo().GetVersioningInfo().GetDeploymentVersion().GetBuildId()
}

// A build that one version has begun ends on it; what comes after the switch is
// the next version's, also on the first one's build disk.
func TestABuildEndsOnTheVersionThatBeganIt(t *testing.T) {
	t.Parallel()
	v := newVersions(t)
	first := v.start("v1.0.0")
	gate := v.path("gate")
	slow, quick := gitrepotest.New(t), gitrepotest.New(t)
	files := tiny("Slow")
	files["build.sh"] = fmt.Sprintf("echo started; until test -e %s; do sleep 0.1; done\n%s", gate, files["build.sh"])
	slow.Commit(files, "first")
	quick.Commit(tiny("Quick"), "first")
	api := v.apis[0]
	api.addCourse("slow", slow.URL(), nil)
	api.addCourse("quick", quick.URL(), nil)
	begun := api.push("slow")
	api.running("slow", begun)

	second := v.start("v1.1.0")
	api.finished("quick", api.push("quick"), course.StatusSuccess)
	if got := v.ranOn("quick"); got != "v1.1.0" {
		t.Errorf("a build that began after the switch ran on version %q", got)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	api.finished("slow", begun, course.StatusSuccess)
	if got := v.ranOn("slow"); got != "v1.0.0" {
		t.Errorf("a build that began before the switch ended on version %q", got)
	}
	api.finished("slow", api.push("slow"), course.StatusSuccess)
	if got := v.ranOn("slow"); got != "v1.1.0" {
		t.Errorf("the next build of the course ran on version %q", got)
	}
	for _, p := range []*program{first, second} {
		if err := p.stop(); err != nil {
			t.Errorf("a worker ended with %v", err)
		}
	}
}
