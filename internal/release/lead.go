package release

import (
	"errors"
	"fmt"
	"path/filepath"
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
	path := filepath.Join(d.publish, locksName, leadName)
	f, err := d.disk.openLock(path)
	if err != nil {
		return nil, false, fmt.Errorf("lead: %w", err)
	}
	took, err := d.disk.tryLock(f, path)
	if took {
		return func() { _ = f.Close() }, true, nil // closing releases the lock; nothing was written
	}
	if err != nil {
		err = fmt.Errorf("lead: %w", err)
	}
	return nil, false, errors.Join(err, f.Close())
}
