package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"coursewright/internal/build/docker"
	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/gitrepo/gitrepotest"
)

// inContainers are the settings of a deployment that builds in containers.
func inContainers(tb testing.TB) []string {
	tb.Helper()
	dockertest.Engine(tb)
	return containerSettings()
}

// containerSettings are those of builds in containers of the tests' image.
func containerSettings() []string {
	return []string{
		"COURSEWRIGHT_BUILDER=docker", "COURSEWRIGHT_BUILD_PULL=never", "COURSEWRIGHT_BUILD_NETWORK=none",
		"COURSEWRIGHT_DEFAULT_IMAGE=" + dockertest.Image,
	}
}

// containerCourse is a course whose script runs in a container.
func containerCourse(title, script string) map[string]string {
	files := tiny(title)
	files["apps.meta"] = "build_command = sh build.sh\n"
	files["build.sh"] = script + files["build.sh"]
	return files
}

// counting prints so many numbered lines in a second or a few, and notes each
// container that runs it.
func counting(lines int) string {
	return fmt.Sprintf(`hostname >>../content/ran
echo started
i=0
while [ $i -lt %d ]; do
	echo "line $i"
	i=$((i + 1))
	[ $((i %% 100)) = 0 ] && sleep 0.1
done
`, lines)
}

// wantCounted fails unless a log has each of the numbered lines once, in order.
func wantCounted(tb testing.TB, log string, lines int) {
	tb.Helper()
	next := 0
	for line := range strings.Lines(log) {
		number, ok := strings.CutPrefix(strings.TrimSpace(line), "line ")
		if !ok {
			continue
		}
		if number != strconv.Itoa(next) {
			tb.Fatalf("line %s comes where line %d was expected", number, next)
		}
		next++
	}
	if next != lines {
		tb.Errorf("the log has %d of %d lines", next, lines)
	}
}

// kill -9 of the worker, and of all around it, during a container build: the
// restarted worker goes on with the same container, and the log has no gap and
// nothing twice. The container's output is more than a log batch at a time, so
// that the kill falls between output, log and heartbeat.
func TestKillNineLeavesTheContainerToTheNextWorker(t *testing.T) {
	t.Parallel()
	const lines = 6000
	environ := inContainers(t)
	for _, seen := range []string{"line 40\n", "line 1700\n", "line 3333\n"} {
		t.Run(strings.TrimSpace(seen), func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			repo := gitrepotest.New(t)
			repo.Commit(containerCourse("One", counting(lines)), "first")
			d := startDevWith(t, environ, data)
			d.addCourse("course", repo.URL(), nil)
			id := d.push("course")
			d.shows("course", id, seen)
			d.kill()

			d = startDevWith(t, environ, data)
			d.succeeded(id)
			log := d.log("course", id)
			wantCounted(t, log, lines)
			if n := strings.Count(log, "the build has gone on"); n != 1 {
				t.Errorf("the log tells %d times that the build was taken over:\n%.2000s", n, log)
			}
			if left := dockertest.Containers(t, docker.LabelDisk+"="+hostOf(t, data)); len(left) != 0 {
				t.Errorf("containers are left: %v", left)
			}
		})
	}
}

// hostOf reads the id of the build disk below a data folder.
func hostOf(tb testing.TB, data string) string {
	tb.Helper()
	id, err := os.ReadFile(filepath.Join(data, "build", ".host"))
	if err != nil {
		tb.Fatal(err)
	}
	return string(id)
}

// shows waits until a build's log contains words.
func (h *harness) shows(key string, id int64, words string) {
	h.tb.Helper()
	ctx, cancel := context.WithTimeout(h.tb.Context(), 2*time.Minute)
	defer cancel()
	for !strings.Contains(h.log(key, id), words) {
		if err := waitShortly(ctx); err != nil {
			h.tb.Fatalf("the log does not show %q: %v\n%s", words, err, h.log(key, id))
		}
	}
}
