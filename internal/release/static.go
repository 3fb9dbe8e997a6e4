package release

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"coursewright/internal/course"
)

// linkStatic sees to the links under the static root. They lead through
// PUBLISH/KEY, hence they change only when a course gets its first release,
// another remote id, or loses its static folder.
func (d *Depot) linkStatic(rel course.Release) error {
	if d.static == "" {
		return nil
	}
	if rel.StaticDir == "" {
		return d.unlinkStatic(rel.Key)
	}
	changed, err := d.staticLink(d.keyLink(rel.Key), d.keyTarget(rel.Key))
	if err != nil {
		return err
	}
	remote, err := d.linkRemote(rel)
	if err != nil || (!changed && !remote) {
		return err
	}
	return d.disk.sync(d.static)
}

// keyLink is STATIC/KEY.
func (d *Depot) keyLink(key string) string { return filepath.Join(d.static, key) }

// keyTarget is what STATIC/KEY says. The ".." is taken from the release that
// PUBLISH/KEY leads to, so the path must stay as it is written.
func (d *Depot) keyTarget(key string) string {
	return filepath.Join(d.publish, key) + "/../" + publicName
}

func (d *Depot) staticLink(path, target string) (changed bool, err error) {
	if now, err := readLink(path); err != nil || now == target {
		return false, err
	}
	return true, d.disk.switchLink(path, target, filepath.Join(d.publish, trashName))
}

// linkRemote makes STATIC/REMOTE_ID and removes such links of former remote
// ids. A course whose key looks like the remote id keeps its name.
func (d *Depot) linkRemote(rel course.Release) (changed bool, err error) {
	keep := ""
	if rel.RemoteID != nil {
		keep = strconv.FormatInt(*rel.RemoteID, 10)
		live, err := d.liveVersion(keep)
		if err != nil {
			return false, err
		}
		if live != "" {
			d.log.Warn("no static link for the remote id: a course has that number as its key", "course", rel.Key, "remote_id", keep)
			keep = ""
		}
	}
	path := filepath.Join(d.static, keep)
	if keep != "" {
		if target, err := readLink(path); err != nil || target == d.keyLink(rel.Key) {
			return false, err
		}
	}
	// The old ones go first: as long as the new one is missing, a call that
	// died here is mended by the next.
	if err := d.unlinkRemotes(rel.Key, keep); err != nil || keep == "" {
		return false, err
	}
	return d.staticLink(path, d.keyLink(rel.Key))
}

// unlinkRemotes removes all links by remote id that lead to a course, except
// one.
func (d *Depot) unlinkRemotes(key, except string) error {
	names, err := readNames(d.static)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == except || name == "" || name[0] < '0' || name[0] > '9' {
			continue
		}
		path := filepath.Join(d.static, name)
		target, err := readLink(path)
		if err != nil {
			return err
		}
		if target != d.keyLink(key) {
			continue
		}
		if err := d.disk.remove(path); err != nil {
			return err
		}
	}
	return nil
}

// unlinkStatic removes a course's links, gitmanager's included. Something else in their place, such
// as a folder that an administrator made, stays.
func (d *Depot) unlinkStatic(key string) error {
	if d.static == "" {
		return nil
	}
	if target, err := readLink(d.keyLink(key)); err != nil {
		return err
	} else if strings.HasPrefix(target, filepath.Join(d.publish, key)+"/") {
		if err := d.disk.remove(d.keyLink(key)); err != nil {
			return err
		}
	}
	return d.unlinkRemotes(key, "")
}

// readNames lists a folder; one that does not exist, or is removed meanwhile,
// is empty.
func readNames(dir string) (names []string, err error) {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	names, err = f.Readdirnames(-1)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return names, err
}
