package host

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// diskSpace gives the bytes that programs without privileges can still use on
// the file system of a folder, and its size.
func diskSpace(path string) (free, total int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, 0, fmt.Errorf("free space of the build folder %s: %w", path, err)
	}
	return int64(s.Bavail) * s.Bsize, int64(s.Blocks) * s.Bsize, nil
}

// loadAverage is the machine's, of the last minute.
func loadAverage() (float64, error) {
	var i unix.Sysinfo_t
	if err := unix.Sysinfo(&i); err != nil {
		return 0, fmt.Errorf("load average: %w", err)
	}
	return float64(i.Loads[0]) / (1 << 16), nil
}
