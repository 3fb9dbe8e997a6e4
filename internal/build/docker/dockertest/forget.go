package dockertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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

// endShims ends the parents of containers that the engine has forgotten, with their
// processes, which nothing else would.
func (d *Daemon) endShims() error {
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range found {
		args, gone := os.ReadFile(file)
		if gone != nil || !bytes.Contains(args, []byte("containerd-shim")) || !bytes.Contains(args, []byte(d.dir+"/")) {
			continue
		}
		pid, bad := strconv.Atoi(strings.Split(file, "/")[2])
		if bad == nil {
			bad = syscall.Kill(pid, syscall.SIGKILL)
		}
		if !errors.Is(bad, syscall.ESRCH) {
			err = errors.Join(err, bad)
		}
	}
	return err
}
