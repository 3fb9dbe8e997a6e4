package release

// SetFault makes f decide, before every change on disk and every read, whether it
// fails.
func (d *Depot) SetFault(f func(op, path string) error) { d.disk.fault = f }

// OpenWithFault is Open on a disk that f decides about.
func OpenWithFault(cfg Config, f func(op, path string) error) (*Depot, error) {
	return open(cfg, disk{fault: f})
}

// ReadCache reads the file of a cache of a device, and writes what it has read.
func ReadCache(data []byte, device uint64) (records int, again []byte) {
	known := decodeCache(data, device)
	list := make([]remembered, 0, len(known))
	for _, r := range known {
		list = append(list, r)
	}
	return len(known), encodeCache(list, device)
}
