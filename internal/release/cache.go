package release

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"sync"
	"time"
)

// The cache remembers the digests of the files of one working copy, by inode.
// It is a help only: a cache that is missing, torn or of another disk costs
// time and nothing else, therefore it is never flushed.
//
// The file is a header (magic, device, number of records), the records, and a
// checksum over both, all little endian.
const (
	cacheMagic  = "cwcache1"
	cacheHeader = len(cacheMagic) + 8 + 8
	cacheRecord = 4*8 + 4 + len(digest{})
)

// cache is safe for concurrent use.
type cache struct {
	disk  *disk
	path  string
	known map[uint64]remembered // of the last time, read only

	mu   sync.Mutex
	next []remembered // to be saved
}

type remembered struct {
	stamp  stamp
	digest digest
}

// lookup gives the digest of an unchanged file.
func (c *cache) lookup(s stamp) (digest, bool) {
	r, ok := c.known[s.ino]
	return r.digest, ok && s.ino != 0 && r.stamp == s
}

// remember keeps digests for the next time.
func (c *cache) remember(batch []remembered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = append(c.next, batch...)
}

// openCache reads the cache at path; an empty path is a cache that remembers
// nothing.
func (d *Depot) openCache(path string, dev uint64) *cache {
	c := &cache{disk: &d.disk, path: path}
	if path == "" {
		return c
	}
	data, err := c.disk.readFile(path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			d.log.Warn("digest cache is not readable, all files are read again", "error", err)
		}
		return c
	}
	c.known = decodeCache(data, dev)
	return c
}

func decodeCache(data []byte, dev uint64) map[uint64]remembered {
	if len(data) < cacheHeader+4 || string(data[:len(cacheMagic)]) != cacheMagic {
		return nil
	}
	body, sum := data[:len(data)-4], binary.LittleEndian.Uint32(data[len(data)-4:])
	if crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) != sum {
		return nil
	}
	at := len(cacheMagic)
	number := func() uint64 {
		v := binary.LittleEndian.Uint64(body[at:])
		at += 8
		return v
	}
	savedDev, count := number(), number()
	if savedDev != dev || count != uint64((len(body)-cacheHeader)/cacheRecord) || (len(body)-cacheHeader)%cacheRecord != 0 {
		return nil
	}
	out := make(map[uint64]remembered, count)
	for range count {
		var r remembered
		r.stamp.ino = number()
		// These were signed when they were written.
		r.stamp.size, r.stamp.mtime, r.stamp.ctime = int64(number()), int64(number()), int64(number()) //nolint:gosec // see above
		r.stamp.mode = binary.LittleEndian.Uint32(body[at:])
		at += 4
		at += copy(r.digest[:], body[at:])
		out[r.stamp.ino] = r
	}
	return out
}

func encodeCache(records []remembered, dev uint64) []byte {
	out := make([]byte, 0, cacheHeader+len(records)*cacheRecord+4)
	out = append(out, cacheMagic...)
	out = binary.LittleEndian.AppendUint64(out, dev)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(records)))
	for i := range records {
		r := &records[i]
		out = binary.LittleEndian.AppendUint64(out, r.stamp.ino)
		for _, v := range []int64{r.stamp.size, r.stamp.mtime, r.stamp.ctime} {
			out = binary.LittleEndian.AppendUint64(out, uint64(v)) //nolint:gosec // read back as signed
		}
		out = binary.LittleEndian.AppendUint32(out, r.stamp.mode)
		out = append(out, r.digest[:]...)
	}
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(out, crc32.MakeTable(crc32.Castagnoli)))
}

// begin makes the file that will become the cache and gives the file system's
// own time: its clock may differ from ours, and file times come from it.
func (c *cache) begin() (now int64, err error) {
	if c.path == "" {
		return 0, nil
	}
	if err := c.disk.remove(c.newPath()); err != nil {
		return 0, err
	}
	if err := c.write(nil); err != nil {
		return 0, err
	}
	st, err := c.disk.inode(c.newPath())
	if err != nil {
		return 0, err
	}
	return st.Mtim.Nano(), nil
}

// save replaces the cache with what was remembered. Files that changed just
// before began are left out: they could change once more within the same tick
// of the file system's clock, which no stamp would show.
func (c *cache) save(dev uint64, began int64) error {
	if c.path == "" {
		return nil
	}
	settled := c.next[:0]
	for _, r := range c.next {
		if r.stamp.ino != 0 && r.stamp.ctime+tick(r.stamp) < began {
			settled = append(settled, r)
		}
	}
	if err := c.write(encodeCache(settled, dev)); err != nil {
		return err
	}
	return c.disk.rename(c.newPath(), c.path)
}

func (c *cache) write(data []byte) error {
	if err := c.disk.step("write", c.newPath()); err != nil {
		return err
	}
	if err := os.WriteFile(c.newPath(), data, 0o600); err != nil {
		return err
	}
	return c.disk.step("filled", c.newPath())
}

func (c *cache) newPath() string { return c.path + ".new" }

// tick is how coarse a file's times may be: whole (or even) seconds on a file
// system without fractions, a timer interrupt of the kernel otherwise.
func tick(s stamp) int64 {
	if s.ctime%int64(time.Second) == 0 {
		return int64(2 * time.Second)
	}
	return int64(100 * time.Millisecond)
}
