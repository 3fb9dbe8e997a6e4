package release

// SetFault makes f decide, before every change on disk, whether the process
// dies there.
func (d *Depot) SetFault(f func(op, path string) error) { d.disk.fault = f }
