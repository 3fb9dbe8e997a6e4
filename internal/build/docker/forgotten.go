package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// discard removes a container that nobody follows, with all processes of it. An
// engine that was killed while it started one takes it for one that was never
// started, and removes it without ending its processes.
func (b *Builder) discard(ctx context.Context, id string) error {
	// The id is the only way to find them: they are ended as long as it is kept.
	b.endForgotten(ctx, id)
	return b.remove(ctx, id)
}

// endForgotten kills what runs in a container past the engine. Processes that this
// one cannot see, of another machine or from within a container, it cannot end
// either, and nobody hears of them.
func (b *Builder) endForgotten(ctx context.Context, id string) {
	ended, err := killContainer(ctx, id)
	if ended {
		b.options.Log.WarnContext(ctx, "ended processes of a container past its engine", "container", id)
	}
	if err != nil {
		b.options.Log.ErrorContext(ctx, "processes may run on of a container that is removed; end them on the engine's host, or restart it", "container", id, "error", err)
	}
}

// procDir has a folder for each process that can be seen.
const procDir = "/proc"

// idLength is the length of an engine's full id of a container.
const idLength = 64

// killContainer kills all processes of a container until none is left, and says
// whether there were any.
func killContainer(ctx context.Context, id string) (ended bool, err error) {
	if len(id) != idLength {
		return false, fmt.Errorf("%q is no id of a container", id)
	}
	ctx, cancel := context.WithTimeout(ctx, tidyTime)
	defer cancel()
	for {
		found, err := killAll(id)
		if !found || err != nil {
			return ended, err
		}
		ended = true
		select { // they end, and may have begun others
		case <-ctx.Done():
			return ended, fmt.Errorf("they do not end: %w", context.Cause(ctx))
		case <-time.After(removalPause):
		}
	}
}

// killAll kills the processes of a container that run now, and says whether there
// were any.
func killAll(id string) (found bool, err error) {
	all, err := os.ReadDir(procDir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // another system, whose engines run containers in a machine of its own
	}
	if err != nil {
		return false, err
	}
	for _, entry := range all {
		pid, other := strconv.Atoi(entry.Name())
		if other != nil {
			continue // what is told of the whole system
		}
		killed, failed := killIn(id, pid)
		found = found || killed
		err = errors.Join(err, failed)
	}
	return found, err
}

// killIn kills a process if it is of the container. A process that is gone, or that
// has taken the place of one, is none.
func killIn(id string, pid int) (bool, error) {
	if !runsIn(id, pid) {
		return false, nil
	}
	process, err := os.FindProcess(pid) // holds this one, whoever gets its number
	if err != nil {
		return false, err
	}
	defer process.Release() //nolint:errcheck // nothing was kept
	if !runsIn(id, pid) {
		return false, nil
	}
	err = process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("end process %d: %w", pid, err)
	}
	return true, nil
}

// runsIn says whether a process is of a container: whatever drives an engine's
// control groups, they have its id in their names.
func runsIn(id string, pid int) bool {
	groups, err := os.ReadFile(filepath.Join(procDir, strconv.Itoa(pid), "cgroup"))
	return err == nil && bytes.Contains(groups, []byte(id))
}
