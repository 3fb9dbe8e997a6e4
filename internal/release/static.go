package release

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"coursewright/internal/course"
)

// linkMissing makes those links of a release under the static root where nothing
// is, before the release is live: with its first release, or another remote id, a
// course has its files at once. What stands there may be in use until then and is
// left to linkStatic. A call that died here is not told from one that had nothing
// to do, hence it is flushed either way.
func (d *Depot) linkMissing(rel course.Release) error {
	if d.static == "" || rel.StaticDir == "" {
		return nil
	}
	links := [][2]string{{d.keyLink(rel.Key), d.keyTarget(rel.Key)}}
	if rel.RemoteID != nil {
		links = append(links, [2]string{d.remoteLink(*rel.RemoteID), d.keyLink(rel.Key)})
	}
	for _, link := range links {
		path, target := link[0], link[1]
		if err := d.disk.symlink(target, path); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return d.disk.sync(d.static)
}

// linkStatic sees to the links under the static root. They lead through
// PUBLISH/KEY, hence they change only when a course gets its first release,
// another remote id, or loses its static folder. What changed is flushed, and
// what an earlier call may have changed before it died.
func (d *Depot) linkStatic(rel course.Release, again bool) error {
	if d.static == "" {
		return nil
	}
	if rel.StaticDir == "" {
		changed, err := d.unlinkStatic(rel.Key)
		return d.flushStatic(changed || again, err)
	}
	changed := false
	switch holder, err := d.numberHolder(rel.Key); {
	case err != nil:
		return err
	case holder == "":
		if changed, err = d.staticLink(d.keyLink(rel.Key), d.keyTarget(rel.Key)); err != nil {
			return err
		}
	}
	remote, err := d.linkRemote(rel)
	return d.flushStatic(changed || remote || again, err)
}

// flushStatic makes changed links durable.
func (d *Depot) flushStatic(changed bool, err error) error {
	if err != nil || !changed {
		return err
	}
	return d.disk.sync(d.static)
}

// numberHolder is the live course whose link by remote id stands where the one
// by this key belongs, "" for none. Pages of exercises look for their files by
// that number, so the link stays.
func (d *Depot) numberHolder(key string) (string, error) {
	target, err := d.disk.readLink(d.keyLink(key))
	holder, found := strings.CutPrefix(target, d.static+"/")
	if err != nil || !found || holder == key || !course.ValidKey(holder) {
		return "", err
	}
	if live, err := d.liveVersion(holder); err != nil || live == "" {
		return "", err
	}
	return holder, nil
}

// LinkProblems tells which addresses below /static/ a published release should
// have and another course has.
func (d *Depot) LinkProblems(rel course.Release) ([]string, error) {
	if d.static == "" || rel.StaticDir == "" {
		return nil, nil
	}
	var out []string
	holder, err := d.numberHolder(rel.Key)
	if err != nil {
		return nil, err
	}
	if holder != "" {
		out = append(out, fmt.Sprintf("The files of this course are not at /static/%[1]s/: the course %[2]s has the number %[1]s in A+, so that address is its own. Give this course a key that is no number.", rel.Key, holder))
	}
	if rel.RemoteID == nil {
		return out, nil
	}
	path := d.remoteLink(*rel.RemoteID)
	number := filepath.Base(path)
	target, err := d.disk.readLink(path)
	if err == nil && number != rel.Key && target == d.keyTarget(number) {
		out = append(out, fmt.Sprintf("Pages of exercises may miss files of this course: /static/%[1]s/ belongs to the course with the key %[1]s. Give that course a key that is no number, or remove it, and publish this one again.", number))
	}
	return out, err
}

// keyLink is STATIC/KEY.
func (d *Depot) keyLink(key string) string { return filepath.Join(d.static, key) }

// remoteLink is STATIC/REMOTE_ID.
func (d *Depot) remoteLink(id int64) string {
	return filepath.Join(d.static, strconv.FormatInt(id, 10))
}

// keyTarget is what STATIC/KEY says. The ".." is taken from the release that
// PUBLISH/KEY leads to, so the path must stay as it is written.
func (d *Depot) keyTarget(key string) string {
	return filepath.Join(d.publish, key) + "/../" + publicName
}

func (d *Depot) staticLink(path, target string) (changed bool, err error) {
	if now, err := d.disk.readLink(path); err != nil || now == target {
		return false, err
	}
	return true, d.disk.switchLink(path, target, filepath.Join(d.publish, trashName))
}

// linkRemote makes STATIC/REMOTE_ID, then removes such links of former remote
// ids: the course can be found all the time.
func (d *Depot) linkRemote(rel course.Release) (changed bool, err error) {
	keep, err := d.remoteName(rel)
	if err != nil {
		return false, err
	}
	if keep != "" {
		if changed, err = d.staticLink(filepath.Join(d.static, keep), d.keyLink(rel.Key)); err != nil {
			return changed, err
		}
	}
	removed, err := d.unlinkRemotes(rel.Key, keep)
	return changed || removed, err
}

// remoteName is the remote id by which a release can be found below the static
// root, "" for none. A live course whose key is that number keeps its link, and the
// link by key does for a course that has its own number as its key.
func (d *Depot) remoteName(rel course.Release) (string, error) {
	if rel.RemoteID == nil {
		return "", nil
	}
	path := d.remoteLink(*rel.RemoteID)
	name := filepath.Base(path)
	if name == rel.Key {
		return "", nil
	}
	target, err := d.disk.readLink(path)
	if err != nil || target != d.keyTarget(name) {
		return name, err
	}
	live, err := d.liveVersion(name)
	if err != nil || live == "" {
		return name, err
	}
	d.log.Warn("no static link for the remote id: a course has that number as its key", "course", rel.Key, "remote_id", name)
	return "", nil
}

// unlinkRemotes removes all links by remote id that lead to a course, except
// one.
func (d *Depot) unlinkRemotes(key, except string) (changed bool, err error) {
	names, err := d.disk.readNames(d.static)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if name == except || name == "" || name[0] < '0' || name[0] > '9' {
			continue
		}
		path := filepath.Join(d.static, name)
		target, err := d.disk.readLink(path)
		if err != nil {
			return changed, err
		}
		if target != d.keyLink(key) {
			continue
		}
		if err := d.disk.remove(path); err != nil {
			return changed, err
		}
		changed = true
	}
	return changed, nil
}

// unlinkStatic removes a course's links, gitmanager's included. Something else in their place, such
// as a folder that an administrator made, stays.
func (d *Depot) unlinkStatic(key string) (changed bool, err error) {
	if d.static == "" {
		return false, nil
	}
	if target, err := d.disk.readLink(d.keyLink(key)); err != nil {
		return false, err
	} else if strings.HasPrefix(target, filepath.Join(d.publish, key)+"/") {
		if err := d.disk.remove(d.keyLink(key)); err != nil {
			return false, err
		}
		changed = true
	}
	remotes, err := d.unlinkRemotes(key, "")
	return changed || remotes, err
}
