package release

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"coursewright/internal/course"
)

// approval is approval.json.
type approval struct {
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Against string    `json:"against"`
}

// Approve notes on a release who approved it. The note moves and goes with the
// release. ErrNotFound when the release is gone.
func (d *Depot) Approve(r course.Release, a course.Approval) error {
	if err := checkNames(r.Key, r.Version); err != nil {
		return err
	}
	text, err := json.Marshal(approval{By: a.By, At: a.At.UTC(), Against: a.Against})
	if err != nil {
		return fmt.Errorf("approve release %s: %w", r.Version, err)
	}
	err = d.eitherPlace(r, func(dir string) error {
		if _, err := d.disk.lstat(filepath.Join(dir, releaseName)); err != nil {
			return err
		}
		// Beside the release: what a call that died has left is found there.
		if err := d.disk.replace(filepath.Join(dir, approvalName), tempBeside(dir), text); err != nil {
			return err
		}
		return d.disk.sync(dir)
	})
	if err != nil {
		return fmt.Errorf("approve release %s: %w", r.Version, err)
	}
	return nil
}

// Approval gives the note that Approve has made. ErrNotFound when there is none.
func (d *Depot) Approval(r course.Release) (course.Approval, error) {
	if err := checkNames(r.Key, r.Version); err != nil {
		return course.Approval{}, err
	}
	var text []byte
	err := d.eitherPlace(r, func(dir string) (err error) {
		text, err = d.disk.readFile(filepath.Join(dir, approvalName))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, course.ErrNotFound) {
		return course.Approval{}, fmt.Errorf("approval of release %s: %w", r.Version, course.ErrNotFound)
	}
	var a approval
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		return course.Approval{}, fmt.Errorf("approval of release %s: %w", r.Version, err)
	}
	return course.Approval(a), nil
}
