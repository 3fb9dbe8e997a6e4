package main

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
	"coursewright/internal/temporaldev/temporaltest"
)

// asProgram makes the test binary behave as the program itself.
const asProgram = "RUN_AS_COURSEWRIGHT"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run())
	}
	waitTogether()
	os.Exit(m.Run())
}

// waitTogether lets one test more run at once than there are processors, unless
// -parallel says otherwise: much of their time they wait.
func waitTogether() {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return
	}
	if err := flag.Set("test.parallel", strconv.Itoa(runtime.NumCPU()+1)); err != nil {
		panic(err)
	}
}

// dev is the program running as `coursewright dev`.
type dev struct{ *program }

// startDev starts the program on a data folder and waits until it is ready.
func startDev(tb testing.TB, data string, args ...string) *dev {
	tb.Helper()
	return startDevWith(tb, nil, data, args...)
}

// startDevWith is startDev with more environment.
func startDevWith(tb testing.TB, environ []string, data string, args ...string) *dev {
	tb.Helper()
	return &dev{startProgram(tb, environ, append([]string{
		"dev", "--data", data, "--listen", "127.0.0.1:0", "--temporal-cli", temporaltest.CLI(tb),
	}, args...)...)}
}

// kill -9 at any moment of a build: after the next start the build ends by
// itself and the course can be built again. The delays, in milliseconds, fall
// into every step of a trivial build; the last case is killed while its command
// runs.
func TestKillNineLosesNothing(t *testing.T) {
	t.Parallel()
	for _, delay := range []int{0, 15, 30, 45, 60, 80, 100, 150} {
		t.Run(strconv.Itoa(delay), func(t *testing.T) {
			t.Parallel()
			killedAt(t, tiny("One"), func(*dev, int64) { <-time.After(time.Duration(delay) * time.Millisecond) })
		})
	}
	t.Run("command", func(t *testing.T) {
		t.Parallel()
		files := tiny("One")
		files["build.sh"] = "if mkdir ../first-try; then echo started; sleep 600; fi\n" + files["build.sh"]
		killedAt(t, files, func(d *dev, id int64) { d.running("course", id) })
	})
}

// killedAt pushes a course, kills everything when moment returns, and starts
// again.
func killedAt(t *testing.T, files map[string]string, moment func(d *dev, id int64)) {
	t.Helper()
	data := t.TempDir()
	repo := gitrepotest.New(t)
	repo.Commit(files, "first")
	d := startDev(t, data)
	d.addCourse("course", repo.URL(), nil)
	id := d.push("course")
	moment(d, id)
	d.kill()

	d = startDev(t, data)
	d.succeeded(id)
	repo.Commit(tiny("Two"), "second")
	d.succeeded(d.push("course"))
}

// succeeded waits until every build of the course is final, and checks one.
func (d *dev) succeeded(id int64) {
	d.tb.Helper()
	for _, b := range d.final("course") {
		if b.ID == id && b.Status != string(course.StatusSuccess) {
			d.tb.Errorf("build %d ended %s: %s\n%s", b.ID, b.Status, b.Reason, d.log("course", id))
		}
	}
}

// Ctrl-C ends the program and its child in order.
func TestCtrlCStopsEverything(t *testing.T) {
	t.Parallel()
	d := startDev(t, t.TempDir())
	if err := syscall.Kill(d.cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := d.wait(); err != nil {
		t.Errorf("the program ended with %v", err)
	}
	if err := syscall.Kill(-d.cmd.Process.Pid, 0); err == nil {
		t.Error("a process of the group is left")
	}
}
