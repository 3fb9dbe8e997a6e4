package release

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// leadName is the lock file of the process that leads; no course key has a dot.
const leadName = ".lead"

// Lead makes this process the one that does what one process for these folders
// is enough for, until stop is called or the process ends. ok is false while
// another one leads. Nothing may depend on there being one only: an
// administrator can remove the file.
func (d *Depot) Lead() (stop func(), ok bool, err error) {
	if err := d.needPublish(); err != nil {
		return nil, false, err
	}
	f, err := os.OpenFile(filepath.Join(d.publish, locksName, leadName), os.O_RDWR|os.O_CREATE, 0o664)
	if err != nil {
		return nil, false, fmt.Errorf("lead: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return func() { _ = f.Close() }, true, nil // closing releases the lock; nothing was written
	}
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return nil, false, f.Close()
	}
	return nil, false, errors.Join(fmt.Errorf("lead: %w", err), f.Close())
}
