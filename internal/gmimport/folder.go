package gmimport

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// versionLength is the length of gitmanager's versions.
const versionLength = 30

// Release is a course in one of gitmanager's folders, COURSES_PATH or
// STORE_PATH.
type Release struct {
	Dir      string
	Version  string // 30 letters and digits
	StoredAt time.Time
}

// FindRelease looks for a course in gitmanager's folder root; ok is false when
// it has none. The key is a valid one.
func FindRelease(root, key string) (r Release, ok bool, err error) {
	dir := filepath.Join(root, key)
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("gitmanager's folder of the course: %w", err)
	}
	if !info.IsDir() {
		return r, false, nil
	}
	r = Release{Dir: dir, StoredAt: info.ModTime().UTC()}
	file := dir + ".version"
	text, err := os.ReadFile(file)
	if err == nil {
		if info, err = os.Stat(file); err == nil {
			r.Version, r.StoredAt = strings.TrimSpace(string(text)), info.ModTime().UTC()
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r, false, fmt.Errorf("gitmanager's version of the course: %w", err)
	}
	if !isVersion(r.Version) {
		// Courses of gitmanager's first days have none. The same folder has to get
		// the same version every time.
		sum := sha256.Sum256([]byte(key + r.StoredAt.Format(time.RFC3339Nano)))
		r.Version = hex.EncodeToString(sum[:])[:versionLength]
	}
	return r, true, nil
}

func isVersion(s string) bool {
	return len(s) == versionLength && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	})
}

// Defaults gives what graders answered for the release's exercises; nil when
// there is no such file.
func (r Release) Defaults() (map[string]json.RawMessage, error) {
	text, err := os.ReadFile(r.Dir + ".defaults.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("gitmanager's grader defaults: %w", err)
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("gitmanager's grader defaults in %s: %w", filepath.Base(r.Dir)+".defaults.json", err)
	}
	return out, nil
}
