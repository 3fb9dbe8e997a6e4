package sqlite

import (
	"coursewright/internal/course"
	"coursewright/internal/store"
)

// requested gives the build of an earlier request of the course by the same
// key, 0 for none.
func (t *tx) requested(key string, r course.BuildRequest, now int64) (int64, error) {
	if r.Idempotency == nil {
		return 0, nil
	}
	if _, err := t.exec("DELETE FROM idempotency_keys WHERE kept_until <= ?", now); err != nil {
		return 0, err
	}
	var id int64
	var digest string
	ok, err := t.found([]any{&id, &digest}, `SELECT build_id, digest FROM idempotency_keys
		WHERE course_id = (SELECT id FROM courses WHERE key = ?) AND key = ?`, key, store.CleanText(r.Idempotency.Key))
	if err != nil || !ok {
		return 0, err
	}
	wanted, err := store.OptionsDigest(r.Options)
	if err == nil && wanted != digest {
		err = course.ErrReused
	}
	return id, err
}

// remember keeps the key of the request that made a build, if it has one.
func (t *tx) remember(id int64, r course.BuildRequest, now int64) error {
	if r.Idempotency == nil {
		return nil
	}
	digest, err := store.OptionsDigest(r.Options)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO idempotency_keys (course_id, key, digest, build_id, kept_until)
		SELECT course_id, ?, ?, id, ? FROM builds WHERE id = ?`,
		store.CleanText(r.Idempotency.Key), digest, now+r.Idempotency.Keep.Microseconds(), id)
	return err
}
