package main

import (
	"context"
	"encoding/json"
	"errors"

	"coursewright/activities"
	"coursewright/internal/course"
	"coursewright/internal/courseconfig"
	"coursewright/internal/gmimport"
	"coursewright/internal/release"
)

// foundRelease is a release in one of gitmanager's folders.
type foundRelease struct {
	gmimport.Release
	published bool
	copy      bool  // gitmanager may still write to its files
	update    int64 // the update that made it, 0 for unknown
}

// madeBy says whether an update made the release: gitmanager writes the version
// between the request and the end of its build, and builds of a course do not
// overlap. Updates are asked about oldest first.
func (f *foundRelease) madeBy(u gmimport.Update) bool {
	return u.Status == "SUCCESS" && !u.RequestTime.After(f.StoredAt) && !u.UpdatedTime.Before(f.StoredAt)
}

// findReleases looks for the published release and a newer stored one.
func (i *importer) findReleases(c course.Course) ([]*foundRelease, error) {
	var out []*foundRelease
	for _, place := range []struct {
		root      string
		published bool
	}{{i.courses, true}, {i.takeoverOptions.store, false}} {
		// What skips the failsafes is built in the published folder and never stored.
		if place.root == "" || !place.published && c.SkipBuildFailsafes {
			continue
		}
		r, ok, err := gmimport.FindRelease(place.root, c.Key)
		if err != nil {
			return out, err
		}
		if ok && (len(out) == 0 || out[0].Version != r.Version) {
			out = append(out, &foundRelease{Release: r, published: place.published, copy: !place.published || c.SkipBuildFailsafes})
		}
	}
	return out, nil
}

// adopt takes a release over. The error is trouble; what is wrong with the
// release is told in the report.
func (i *importer) adopt(ctx context.Context, done course.TakeoverResult, f *foundRelease, item *courseReport) error {
	told := &releaseReport{Version: f.Version}
	if f.published {
		item.Published = told
	} else {
		item.Stored = told
	}
	key := done.Course.Key
	state, err := i.standing(key, f, done.BuildIDs)
	if err != nil {
		return err
	}
	if state != "" {
		told.State = state
		return nil
	}
	r, err := i.request(ctx, done, f, told)
	if err == nil && i.dryRun {
		_, err = i.depot.Check(ctx, r)
	} else if err == nil {
		err = i.place(ctx, r, f.published, told)
	}
	var author *course.AuthorError
	if errors.As(err, &author) {
		err = author // the words around it tell of steps that nobody asked for
	}
	switch {
	case author != nil, errors.Is(err, course.ErrConflict), errors.Is(err, course.ErrInvalid):
		told.State, told.NeedsBuild = stateFailed, true
		item.problem("the release %s is not taken: %v", f.Version, err)
	case err != nil:
		return err
	default:
		told.State = stateNew
	}
	return nil
}

// standing tells why there is nothing to do for a release: it is here, or the
// course was built here since. Empty: it is to be taken.
func (i *importer) standing(key string, f *foundRelease, taken map[int64]int64) (string, error) {
	ours := map[int64]bool{0: true}
	for _, id := range taken {
		ours[id] = true
	}
	kept, err := i.depot.Releases(key)
	if err != nil {
		return "", err
	}
	// That it is stored here is not enough for one that gitmanager has published.
	stored, err := i.depot.Stored(key)
	if err == nil && (!f.published || stored.Version != f.Version) {
		kept = append(kept, stored)
	} else if err != nil && !errors.Is(err, course.ErrNotFound) {
		return "", err
	}
	state := ""
	for _, k := range kept {
		switch {
		case k.Version == f.Version:
			return stateSame, nil
		case !ours[k.BuildID]:
			state = stateKept
		}
	}
	return state, nil
}

// request makes the wish for a release. When A+'s document cannot be made of
// the published configuration, the files are served all the same.
func (i *importer) request(ctx context.Context, done course.TakeoverResult, f *foundRelease, told *releaseReport) (release.StageRequest, error) {
	key := done.Course.Key
	config := i.configOf(key)
	r := release.StageRequest{
		Key: key, Version: f.Version, RemoteID: done.Course.RemoteID, SourceDir: f.Dir, Adopt: true, Link: !f.copy,
		BuildID: done.BuildIDs[f.update],
	}
	loaded, report, err := courseconfig.Load(ctx, f.Dir, config)
	if err != nil {
		return release.StageRequest{}, err
	}
	if loaded != nil {
		if r.Docs, err = takenDocuments(loaded, f.Release); err == nil {
			r.StaticDir, r.Files = loaded.StaticDir(), loaded.Files()
			r.UnprotectedPaths, r.HasUnprotected = loaded.UnprotectedPaths()
			return r, nil
		}
		told.Reason = err.Error()
	} else {
		told.Reason = report.Errors[0].String()
	}
	told.NeedsBuild = true
	public, ok, err := courseconfig.LoadPublic(ctx, f.Dir, config)
	if err != nil {
		return release.StageRequest{}, err
	}
	if !ok || !f.published {
		return release.StageRequest{}, course.Authorf("its configuration cannot be read: %s", told.Reason)
	}
	r.StaticDir, r.UnprotectedPaths, r.HasUnprotected = public.StaticDir, public.UnprotectedPaths, public.HasUnprotected
	return r, nil
}

func takenDocuments(loaded *courseconfig.Course, r gmimport.Release) (map[string][]byte, error) {
	defaults, err := r.Defaults()
	if err != nil {
		return nil, err
	}
	if defaults == nil {
		defaults = map[string]json.RawMessage{}
	}
	return activities.Documents(loaded, defaults)
}

// place stages, commits and publishes a release. Each can be repeated, so that a
// run that ended in between is mended by the next.
func (i *importer) place(ctx context.Context, r release.StageRequest, publish bool, told *releaseReport) error {
	done, err := i.depot.Committed(r.Key, r.Version)
	if err != nil {
		return err
	}
	if !done {
		staged, err := i.depot.Stage(ctx, r)
		if err != nil {
			return err
		}
		told.Files, told.Linked = staged.Files, staged.Linked
		if err := i.depot.Commit(ctx, r.Key, r.Version); err != nil {
			return errors.Join(err, i.depot.Discard(ctx, r.Key, r.Version))
		}
	}
	if !publish {
		return nil
	}
	_, err = i.depot.Publish(ctx, course.PublishRequest{Key: r.Key, Version: r.Version})
	return err
}
