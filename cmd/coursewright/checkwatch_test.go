package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCheckWatches edits a course as editors do: in place, by a new file in the
// place of the old one, and in a folder that is new.
func TestCheckWatches(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	index := func(module string) string {
		return "name: Course\nmodules:\n- key: \"" + module + " \"\n"
	}
	write("index.yaml", index("m1"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, []string{"check", "--watch", dir}, in, in)
		_ = in.Close() // a pipe's end never fails
	}()
	lines := bufio.NewScanner(out)
	round := func(want string) {
		t.Helper()
		text := ""
		for lines.Scan() {
			text += lines.Text() + "\n"
			if strings.HasPrefix(lines.Text(), "-- ") {
				if strings.Contains(text, want) {
					return
				}
				text = ""
			}
		}
		t.Fatalf("the watching ended before it said %q: %s", want, text)
	}
	round("")
	write("index.yaml", "modules: [")
	round("index.yaml:1")
	write("index.new", index("m2"))
	if err := os.Rename(filepath.Join(dir, "index.new"), filepath.Join(dir, "index.yaml")); err != nil {
		t.Fatal(err)
	}
	round("m2")
	if err := os.Mkdir(filepath.Join(dir, "round"), 0o700); err != nil {
		t.Fatal(err)
	}
	round("")
	write("round/part.yaml", "x: [")
	round("")
	cancel()
	go func() { _, _ = io.Copy(io.Discard, out) }() // until the command ends
	if status := <-ended; status != 0 {
		t.Errorf("Ctrl-C ends with status %d", status)
	}
}

func TestCheckWatchesFoldersOnly(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if status := execute(t.Context(), []string{"check", "--watch", filepath.Join(t.TempDir(), "none")}, &out, &out); status != statusFailed {
		t.Errorf("status %d: %s", status, out.String())
	}
}
