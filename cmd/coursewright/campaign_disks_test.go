package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/gitrepo/gitrepotest"
)

// Requests of ioctl(2) that stop and continue all writing to a file system.
const (
	fiFreeze = 0xc0045877
	fiThaw   = 0xc0045878
)

// smallDisk is a file system of its own, in a file, that can be filled and slowed
// without harm to the machine's.
type smallDisk struct {
	tb  testing.TB
	dir string
}

// mountsHere says why file systems cannot be mounted here, empty when they can. It
// fails the test when COURSEWRIGHT_REQUIRE names mounts.
func mountsHere(tb testing.TB) (missing string) {
	tb.Helper()
	missing = mountsMissing(tb)
	if missing != "" && gitrepotest.Required("mounts") {
		tb.Fatalf("no file system can be mounted, and %s has the word mounts: %s", gitrepotest.RequireVariable, missing)
	}
	return missing
}

func mountsMissing(tb testing.TB) string {
	tb.Helper()
	if os.Getuid() != 0 {
		return "mounting needs root"
	}
	for _, program := range []string{"mkfs.ext4", "mount", "umount"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is missing"
		}
	}
	sweepDisks(tb)
	d, err := mountDisk(tb, filepath.Join(tb.TempDir(), "probe"), 16)
	if err != nil {
		return err.Error()
	}
	if err := d.ioctl(fiFreeze); err != nil {
		return "the file system cannot be frozen: " + err.Error()
	}
	if err := d.ioctl(fiThaw); err != nil {
		tb.Fatal(err)
	}
	return ""
}

// imageMark comes between the folder of a small disk and the number of the process
// that has mounted it, in the name of its image.
const imageMark = ".campaign-image-"

// sweepDisks unmounts what processes have left that were killed in a campaign.
func sweepDisks(tb testing.TB) {
	tb.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		before, after, _ := strings.Cut(line, " - ")
		where, what := strings.Fields(before), strings.Fields(after)
		if len(where) < 5 || len(what) < 2 || !strings.HasPrefix(what[1], "/dev/loop") {
			continue
		}
		image, err := os.ReadFile("/sys/block/" + filepath.Base(what[1]) + "/loop/backing_file")
		if err != nil {
			continue // gone meanwhile
		}
		owner, ours := imageOwner(string(image), where[4])
		if !ours || unix.Kill(owner, 0) == nil {
			continue
		}
		tb.Logf("unmounting %s, which process %d has left", where[4], owner)
		_ = (&smallDisk{tb: tb, dir: where[4]}).ioctl(fiThaw) // it is rarely frozen
		out, err := exec.CommandContext(tb.Context(), "umount", "--lazy", where[4]).CombinedOutput()
		if err != nil {
			tb.Logf("umount %s: %v: %s", where[4], err, out) // another test may have been faster
		}
	}
}

// imageOwner gives the process that has mounted an image at a folder; no when it
// is not one of a campaign.
func imageOwner(image, dir string) (pid int, ours bool) {
	// The kernel adds a word to the name of a file that was deleted.
	name, _, _ := strings.Cut(strings.TrimSpace(image), " ")
	number, ours := strings.CutPrefix(name, dir+imageMark)
	if !ours {
		return 0, false
	}
	pid, err := strconv.Atoi(number)
	return pid, err == nil
}

// mountDisk makes a file system of so many megabytes at a new folder, until the
// test ends.
func mountDisk(tb testing.TB, dir string, megabytes int64) (*smallDisk, error) {
	tb.Helper()
	image := dir + imageMark + strconv.Itoa(os.Getpid())
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(image, nil, 0o600), os.Truncate(image, megabytes<<20)); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		// No space is kept for root, as whom the tests may run.
		{"mkfs.ext4", "-q", "-F", "-m", "0", "-N", "40000", image},
		{"mount", "-o", "loop,noatime", image, dir},
	} {
		if out, err := exec.CommandContext(tb.Context(), args[0], args[1:]...).CombinedOutput(); err != nil { //nolint:gosec // programs of the test
			return nil, errors.New(args[0] + ": " + err.Error() + ": " + string(out))
		}
	}
	d := &smallDisk{tb: tb, dir: dir}
	tb.Cleanup(func() {
		_ = d.ioctl(fiThaw) // it is rarely frozen
		// Whoever still has a file there is about to end.
		out, err := exec.CommandContext(context.WithoutCancel(tb.Context()), "umount", "--lazy", dir).CombinedOutput()
		if err != nil {
			tb.Errorf("umount %s: %v: %s", dir, err, out)
		}
	})
	return d, nil
}

func (d *smallDisk) ioctl(request int) (err error) {
	f, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return unix.IoctlSetInt(int(f.Fd()), uint(request), 0)
}

// fill takes all space until the returned function is called.
func (d *smallDisk) fill() (free func()) {
	d.tb.Helper()
	name := filepath.Join(d.dir, ".filler")
	f, err := os.Create(name)
	if err != nil {
		d.tb.Error(err)
		return func() {}
	}
	for chunk := 1 << 20; chunk > 0; {
		if _, err := f.Write(make([]byte, chunk)); err != nil {
			chunk /= 4
		}
	}
	if err := f.Close(); err != nil && !errors.Is(err, unix.ENOSPC) {
		d.tb.Error(err)
	}
	return func() {
		d.tb.Helper()
		if err := os.Remove(name); err != nil {
			d.tb.Error(err)
		}
	}
}

// slow lets the disk stand still most of the time, for so long.
func (d *smallDisk) slow(length time.Duration) {
	d.tb.Helper()
	const still, moving = 400 * time.Millisecond, 100 * time.Millisecond
	for end := time.Now().Add(length); time.Now().Before(end) && d.tb.Context().Err() == nil; {
		if err := d.ioctl(fiFreeze); err != nil {
			d.tb.Errorf("freeze %s: %v", d.dir, err)
			return
		}
		paused := pause(d.tb.Context(), still)
		if err := d.ioctl(fiThaw); err != nil {
			d.tb.Errorf("thaw %s: %v", d.dir, err)
			return
		}
		if errors.Join(paused, pause(d.tb.Context(), moving)) != nil {
			return
		}
	}
}

// What a killed campaign has left is unmounted by the next one, which leaves the disks
// of those alone that run.
func TestLeftDisksAreUnmounted(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("LEAVE_A_DISK"); dir != "" {
		_, err := mountDisk(t, dir, 16)
		must(t, err)
		must(t, unix.Kill(os.Getpid(), unix.SIGKILL))
	}
	if missing := mountsHere(t); missing != "" {
		t.Skip(missing)
	}
	dir := filepath.Join(t.TempDir(), "left")
	p := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLeftDisksAreUnmounted$")
	p.Env = append(os.Environ(), "LEAVE_A_DISK="+dir)
	if out, err := p.CombinedOutput(); err == nil {
		t.Fatalf("the process was not killed: %s", out)
	}
	mine, err := mountDisk(t, filepath.Join(t.TempDir(), "mine"), 16)
	must(t, err)
	sweepDisks(t)
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	must(t, err)
	if strings.Contains(string(mounts), " "+dir+" ") {
		t.Errorf("%s is mounted still", dir)
	}
	if !strings.Contains(string(mounts), " "+mine.dir+" ") {
		t.Errorf("%s, which is in use, was unmounted", mine.dir)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
}

// The file systems of campaigns do what they are there for.
func TestSmallDisk(t *testing.T) {
	t.Parallel()
	if missing := mountsHere(t); missing != "" {
		t.Skip(missing)
	}
	d, err := mountDisk(t, filepath.Join(t.TempDir(), "disk"), 16)
	must(t, err)
	write := func() error { return os.WriteFile(filepath.Join(d.dir, "file"), make([]byte, 64<<10), 0o600) }
	must(t, write())
	must(t, os.Remove(filepath.Join(d.dir, "file")))
	free := d.fill()
	if err := write(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
	free()
	must(t, write())
}

// The clock of a process can be set again and again, and its timers go on.
func TestClockJump(t *testing.T) {
	t.Parallel()
	if os.Getenv("TELL_THE_TIME") != "" {
		for range 100 {
			os.Stdout.WriteString(strconv.FormatInt(time.Now().Unix(), 10) + "\n") //nolint:errcheck // the parent is gone then
			if pause(t.Context(), 50*time.Millisecond) != nil {
				return
			}
		}
		return
	}
	p := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestClockJump$")
	p.Env = append(os.Environ(), "TELL_THE_TIME=1")
	out, err := p.StdoutPipe()
	must(t, err)
	must(t, p.Start())
	lines := bufio.NewScanner(out)
	told := func() time.Time {
		if !lines.Scan() {
			t.Fatal("the process says nothing more")
		}
		seconds, err := strconv.ParseInt(lines.Text(), 10, 64)
		must(t, err)
		return time.Unix(seconds, 0)
	}
	told()
	near := func(by time.Duration) bool {
		for range 10 { // what it has said before comes first
			if d := time.Until(told()) - by; d.Abs() < 10*time.Second {
				return true
			}
		}
		return false
	}
	for i, by := range []time.Duration{72 * time.Hour, -time.Hour, 0, 72 * time.Hour, 0} {
		jump, err := newClockJump(p.Process.Pid) // anew, as each fault of a campaign does
		if i == 0 && errors.Is(err, errNoClockJump) {
			gitrepotest.Missing(t, "clocks", err.Error())
		}
		must(t, err)
		must(t, jump.set(by))
		if !near(by) {
			t.Errorf("the clock is not wrong by %s", by)
		}
	}
	must(t, p.Process.Kill())
	_ = p.Wait() // killed is what it should be
}
