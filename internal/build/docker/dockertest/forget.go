package dockertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Forget lets the engine, which is not running, take a container that runs for one
// that was never started: so it finds one that it was killed while it started.
func (d *Daemon) Forget(id string) {
	d.tb.Helper()
	if err := neverStarted(filepath.Join(d.dir, "data", "containers", id, "config.v2.json")); err != nil {
		d.tb.Fatal(err)
	}
}

// neverStarted changes what an engine has written down of a container.
func neverStarted(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var config map[string]json.RawMessage
	if err := json.Unmarshal(text, &config); err != nil {
		return err
	}
	state, err := json.Marshal(map[string]any{
		"Running": false, "Pid": 0, "ExitCode": 0, "StartedAt": time.Time{}, "FinishedAt": time.Time{},
	})
	if err != nil {
		return err
	}
	config["State"] = state
	if text, err = json.Marshal(config); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// endShims ends what runs in containers that the engine has forgotten, which nothing
// else would, with the parents that containerd gave it.
func (d *Daemon) endShims() error {
	var ids []int
	shims := map[string]bool{}
	found, err := filepath.Glob("/proc/[0-9]*")
	for _, dir := range found {
		args, gone := os.ReadFile(filepath.Join(dir, "cmdline"))
		if gone == nil && bytes.Contains(args, []byte("containerd-shim")) && bytes.Contains(args, []byte(d.dir+"/")) {
			shims[filepath.Base(dir)] = true
		}
	}
	for _, dir := range found {
		id, bad := strconv.Atoi(filepath.Base(dir))
		err = errors.Join(err, bad)
		if shims[filepath.Base(dir)] || shims[parent(dir)] {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		if failed := syscall.Kill(id, syscall.SIGKILL); !errors.Is(failed, syscall.ESRCH) {
			err = errors.Join(err, failed)
		}
	}
	return err
}

// parent is the number of a process's parent, empty when it is gone.
func parent(dir string) string {
	status, gone := os.ReadFile(filepath.Join(dir, "status"))
	_, after, found := bytes.Cut(status, []byte("\nPPid:"))
	if fields := bytes.Fields(after); gone == nil && found && len(fields) > 0 {
		return string(fields[0])
	}
	return ""
}
