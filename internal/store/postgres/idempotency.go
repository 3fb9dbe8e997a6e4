package postgres

import (
	"coursewright/internal/course"
	"coursewright/internal/store"
)

// requested gives the build of an earlier request of the course by the same
// key, 0 for none. The course's row is locked.
func (t *tx) requested(owner int64, r course.BuildRequest) (int64, error) {
	if r.Idempotency == nil {
		return 0, nil
	}
	if _, err := t.exec("DELETE FROM idempotency_keys WHERE course_id = $1 AND kept_until <= clock_timestamp()", owner); err != nil {
		return 0, err
	}
	var id int64
	var digest string
	ok, err := t.found([]any{&id, &digest}, "SELECT build_id, digest FROM idempotency_keys WHERE course_id = $1 AND key = $2",
		owner, store.CleanText(r.Idempotency.Key))
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
func (t *tx) remember(owner, id int64, r course.BuildRequest) error {
	if r.Idempotency == nil {
		return nil
	}
	digest, err := store.OptionsDigest(r.Options)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO idempotency_keys (course_id, key, digest, build_id, kept_until)
		VALUES ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 microsecond')`,
		owner, store.CleanText(r.Idempotency.Key), digest, id, r.Idempotency.Keep.Microseconds())
	return err
}
