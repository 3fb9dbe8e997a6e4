package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"coursewright/internal/gitrepo/gitrepotest"
)

// clockJump sets the clock of one running process wrong. Go reads the time from
// a page of code that the kernel maps into every process; the process gets a copy
// of that page which adds an offset to the wall clock. The monotonic clock, by
// which timers run, is left alone, as when a machine's clock is set.
type clockJump struct {
	pid    int
	offset uint64 // where the offset lies, in the process's memory
}

// wrongTime is the copy's clock_gettime: it asks the kernel, and adds to the
// seconds if it was asked for the wall clock. The last eight bytes are the offset.
func wrongTime() []byte {
	return []byte{
		0xb8, 228, 0, 0, 0, // mov eax, SYS_clock_gettime
		0x0f, 0x05, // syscall
		0x85, 0xff, // test edi, edi
		0x75, 0x0a, // jnz over the addition
		0x48, 0x8b, 0x0d, 0x04, 0, 0, 0, // mov rcx, [rip+4]
		0x48, 0x01, 0x0e, // add [rsi], rcx
		0xc3,                   // ret
		0, 0, 0, 0, 0, 0, 0, 0, // the offset, in seconds
	}
}

var errNoClockJump = errors.New("clocks of processes cannot be set here: that needs linux/amd64 and the right to write their memory")

// clocksHere says why clocks of processes cannot be set here, empty when they can. It
// fails the test when COURSEWRIGHT_REQUIRE names clocks.
func clocksHere(tb testing.TB) (missing string) {
	tb.Helper()
	err := tryClock(tb)
	if err == nil {
		return ""
	}
	if gitrepotest.Required("clocks") {
		tb.Fatalf("no clock can be set, and %s has the word clocks: %v", gitrepotest.RequireVariable, err)
	}
	return err.Error()
}

// tryClock sets the clock of a process that has no need of it.
func tryClock(tb testing.TB) (err error) {
	tb.Helper()
	p := exec.CommandContext(tb.Context(), "yes")
	out, err := p.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.Start(); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, p.Process.Kill())
		_ = p.Wait() // killed is what it should be
	}()
	// Before it says something it may not have its memory yet.
	if _, err := out.Read(make([]byte, 1)); err != nil {
		return err
	}
	j, err := newClockJump(p.Process.Pid)
	if err != nil {
		return err
	}
	return j.set(time.Hour)
}

// newClockJump prepares a process, which may have been prepared before. It stands
// still meanwhile.
func newClockJump(pid int) (*clockJump, error) {
	if runtime.GOARCH != "amd64" {
		return nil, errNoClockJump
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return nil, err
	}
	j, err := patchClock(pid)
	return j, errors.Join(err, syscall.Kill(pid, syscall.SIGCONT))
}

func patchClock(pid int) (j *clockJump, err error) {
	from, to, err := vdsoOf(pid)
	if err != nil {
		return nil, err
	}
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return nil, errors.Join(errNoClockJump, err)
	}
	defer func() { err = errors.Join(err, mem.Close()) }()
	image := make([]byte, to-from)
	if _, err := mem.ReadAt(image, int64(from)); err != nil { //nolint:gosec // an address of user space
		return nil, err
	}
	entry, err := symbolIn(image, "__vdso_clock_gettime")
	if err != nil {
		return nil, err
	}
	code := wrongTime()
	// The end of the last page is free; the offset is aligned, so that it is
	// written at once.
	place := uint64(len(image)-len(code)) &^ 7
	place -= (place + uint64(len(code)) - 8) % 8
	j = &clockJump{pid: pid, offset: from + place + uint64(len(code)) - 8}
	there := image[place : place+uint64(len(code))]
	switch {
	case bytes.Equal(there[:len(code)-8], code[:len(code)-8]):
		return j, nil // the process was prepared before
	case !bytes.Equal(there, make([]byte, len(code))):
		return nil, errors.Join(errNoClockJump, errors.New("the page has no room"))
	}
	// A jump to it takes the place of the function's first five bytes.
	jump := binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(place-entry-5)) //nolint:gosec // within two pages
	if _, err := mem.WriteAt(code, int64(from+place)); err != nil {               //nolint:gosec // as above
		return nil, errors.Join(errNoClockJump, err)
	}
	if _, err := mem.WriteAt(jump, int64(from+entry)); err != nil { //nolint:gosec // as above
		return nil, errors.Join(errNoClockJump, err)
	}
	return j, nil
}

// set makes the clock wrong by so much; 0 makes it right.
func (j *clockJump) set(by time.Duration) (err error) {
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", j.pid), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mem.Close()) }()
	text := binary.LittleEndian.AppendUint64(nil, uint64(by/time.Second)) //nolint:gosec // negative ones wrap around as they should
	_, err = mem.WriteAt(text, int64(j.offset))                           //nolint:gosec // an address of user space
	return err
}

// vdsoOf finds the page in a process.
func vdsoOf(pid int) (from, to uint64, err error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, "[vdso]") {
			_, err := fmt.Sscanf(line, "%x-%x", &from, &to)
			return from, to, err
		}
	}
	return 0, 0, errNoClockJump
}

func symbolIn(image []byte, name string) (uint64, error) {
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return 0, errors.Join(errNoClockJump, err)
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return 0, errors.Join(errNoClockJump, err)
	}
	for _, s := range symbols {
		if s.Name == name {
			return s.Value, nil
		}
	}
	return 0, errNoClockJump
}
