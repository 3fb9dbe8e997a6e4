package release

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"coursewright/internal/course"
)

// maxDescriptions bounds the descriptions that are kept in memory: two for each
// course of a large service.
const maxDescriptions = 20_000

// descriptions are the release.json files read before. A release never changes,
// so a file that is still the same is not read again: that there is a release
// is always asked of the file system.
type descriptions struct {
	disk  *disk
	known *lru.Cache[string, describedFile]
}

// describedFile is a description and the file that it was read from.
type describedFile struct {
	modified time.Time
	info     os.FileInfo
	release  course.Release // without the time of its publishing
}

func newDescriptions(k *disk) (*descriptions, error) {
	known, err := lru.New[string, describedFile](maxDescriptions)
	return &descriptions{disk: k, known: known}, err
}

// load is loadRelease for readers that ask often.
func (d *descriptions) load(dir string) (course.Release, error) {
	info, err := d.disk.lstat(filepath.Join(dir, releaseName))
	if errors.Is(err, fs.ErrNotExist) {
		return course.Release{}, fmt.Errorf("release %s: %w", filepath.Base(dir), course.ErrNotFound)
	}
	if err != nil {
		return course.Release{}, err
	}
	known, ok := d.known.Get(dir)
	if !ok || !known.modified.Equal(info.ModTime()) || !os.SameFile(known.info, info) {
		r, err := d.disk.readRelease(dir)
		if err != nil {
			return r, err
		}
		known = describedFile{modified: info.ModTime(), info: info, release: r}
		d.known.Add(dir, known)
	}
	r := known.release
	r.PublishedAt, err = d.disk.markTime(filepath.Join(dir, publishedName))
	return r, err
}
