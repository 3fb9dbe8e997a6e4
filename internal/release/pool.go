package release

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"coursewright/internal/course"
)

// digest is the SHA-256 of a file's content.
type digest [sha256.Size]byte

// object names one file of the pool: content and permissions.
type object struct {
	digest digest
	mode   uint32
}

// poolMode is what the pool keeps of a file's mode: who may read and execute.
// Nobody may write, since all releases share the file, and there is no set-uid
// or set-gid. The service itself can always read.
func poolMode(mode uint32) uint32 { return mode&0o555 | 0o400 }

// name is the object's path inside the pool.
func (o object) name() string {
	var buf [2*sha256.Size + 8]byte
	text := append(hex.AppendEncode(buf[:0], o.digest[:1]), '/')
	text = append(hex.AppendEncode(text, o.digest[1:]), '.')
	return string(strconv.AppendUint(text, uint64(o.mode), 8))
}

// readDigest hashes a file of the course. It must still be the file that was
// seen: a link or a pipe put in its place is not followed and not waited for.
func (k *disk) readDigest(root *os.Root, source string, seen stamp) (d digest, err error) {
	f, err := k.openSeen(root, source, seen)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	if err = k.readingIn(root.Name(), source); err == nil {
		_, err = io.Copy(h, f)
	}
	if err != nil {
		return d, fmt.Errorf("read %s: %w", shown(source), err)
	}
	h.Sum(d[:0])
	return d, stillSeen(f, source, seen)
}

func (k *disk) openSeen(root *os.Root, source string, seen stamp) (*os.File, error) {
	var f *os.File
	err := k.readingIn(root.Name(), source)
	if err == nil {
		f, err = root.OpenFile(source, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, course.Authorf("file %s cannot be read by the service; make it readable at the end of the build (chmod a+r)", shown(source))
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", shown(source), err)
	}
	if err := stillSeen(f, source, seen); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// stillSeen refuses a file that is not as it was when the folder was scanned.
func stillSeen(f *os.File, source string, seen stamp) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return fmt.Errorf("look at %s: %w", shown(source), err)
	}
	now := stampOf(&st, st.Dev)
	if seen.ino == 0 {
		now.ino = 0
	}
	if now != seen {
		return fmt.Errorf("file %s changed while the course was stored", shown(source))
	}
	return nil
}

// copyObject writes a file of the course to a new name in the store, with the
// mode of its object and its own mtime. io.Copy between files uses
// copy_file_range(2), which shares blocks where the file system can. What was
// written is hashed again, so that nothing gets into the pool under a wrong
// name.
func (k *disk) copyObject(root *os.Root, w *wanted, to string) (err error) {
	if err := k.step("copy", to); err != nil {
		return err
	}
	in, err := k.openSeen(root, w.source, w.seen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.close(out, to)) }()
	if err := k.step("fill", to); err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return fmt.Errorf("store %s: %w", shown(w.source), err)
	}
	if err := k.step("filled", to); err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(out, 0, w.seen.size+1)); err != nil {
		return fmt.Errorf("read back %s: %w", shown(w.source), err)
	}
	if digest(h.Sum(nil)) != w.object.digest {
		return fmt.Errorf("file %s changed while it was stored", shown(w.source))
	}
	if err := k.step("chmod", to); err != nil {
		return err
	}
	if err := out.Chmod(fs.FileMode(w.object.mode)); err != nil {
		return err
	}
	return k.date(to, time.Unix(0, w.seen.mtime))
}

// adopt gives a copied file its name in the pool, and says from which name releases
// link it. An object that came there meanwhile is as durable, since objects get their
// name after their data was flushed: it is that one, and the copy is not needed. One
// that has as many names as the file system allows gives way to the copy.
func (d *Depot) adopt(tmp string, o object, full bool) (from string, err error) {
	to := filepath.Join(d.store, objectsName, o.name())
	if _, err := d.disk.ensureDir(filepath.Dir(to)); err != nil {
		return "", err
	}
	if full {
		spare := tempBeside(to)
		if err := d.disk.link(tmp, spare); err != nil {
			return "", err
		}
		return tmp, d.disk.rename(spare, to)
	}
	if err := d.disk.link(tmp, to); !errors.Is(err, fs.ErrExist) {
		return tmp, err
	}
	return to, nil
}
