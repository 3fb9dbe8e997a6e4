package release

import (
	"fmt"
	"path/filepath"
	"strings"

	"coursewright/internal/course"
)

// Names inside the folders. None of the dotted ones can be a course key.
const (
	objectsName  = ".objects"
	stagingName  = ".staging"
	trashName    = ".trash"
	locksName    = ".locks"
	releasesName = ".releases"
	previewsName = ".previews"
	tempPrefix   = ".tmp-" // made, not yet renamed into place
	currentName  = "current"
	fenceName    = "fence"
)

// Names inside a release.
const (
	contentName     = "content"
	publicName      = "public"
	releaseName     = "release.json"
	publishedName   = "published"     // empty file, its time says when the release was published
	unpublishedName = "unpublished"   // the same file before
	supersededName  = "superseded"    // empty file in the store, its time says when another release replaced this one
	approvalName    = "approval.json" // who lets the release take exercises from A+
	lmsName         = "lms.json"
)

func (d *Depot) stagedDir(key, version string) string {
	return filepath.Join(d.store, stagingName, key+"."+version)
}

func (d *Depot) storedDir(key, version string) string {
	return filepath.Join(d.store, key, version)
}

func (d *Depot) previewsDir(key string) string {
	return filepath.Join(d.store, previewsName, key)
}

func (d *Depot) previewDir(key, version string) string {
	return filepath.Join(d.previewsDir(key), version)
}

func (d *Depot) releasesDir(key string) string {
	return filepath.Join(d.publish, releasesName, key)
}

func (d *Depot) publishedDir(key, version string) string {
	return filepath.Join(d.releasesDir(key), version)
}

// linkTarget is what PUBLISH/KEY says; versionOf reads it back.
func linkTarget(key, version string) string {
	return releasesName + "/" + key + "/" + version + "/" + contentName
}

// versionOf gives the version that a PUBLISH/KEY link names, "" for a link
// that this package did not make.
func versionOf(key, target string) string {
	rest, ok := strings.CutPrefix(target, releasesName+"/"+key+"/")
	if !ok {
		return ""
	}
	version, ok := strings.CutSuffix(rest, "/"+contentName)
	if !ok || !course.ValidVersion(version) {
		return ""
	}
	return version
}

// checkNames keeps keys and versions from becoming other paths.
func checkNames(key, version string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if !course.ValidVersion(version) {
		return fmt.Errorf("version %q is not %d letters and digits: %w", version, course.VersionLength, course.ErrInvalid)
	}
	return nil
}

func checkKey(key string) error {
	if !course.ValidKey(key) {
		return fmt.Errorf("course key %q is not valid: %w", key, course.ErrInvalid)
	}
	return nil
}
