package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coursewright/internal/build"
	"coursewright/internal/course"
)

// goneAfter is how long a host has to be silent before what it may still run of a
// course keeps no other host from building it: as long as the build of a host that
// does not answer is waited for before another takes it over. The host's watchman
// ends its containers before that.
const goneAfter = HeartbeatTimeout + HostWait

// releaseTimeout bounds the end of a hold after a build command.
const releaseTimeout = 5 * time.Second

// hold waits until no other host may run anything of a course, and notes that this
// one may. A build may have been ended, by whoever, while its host could not stop it
// or has not heard of that yet, as when its workflow is reset and begins elsewhere at
// once: the note outlives the workflow.
func (b *BuildSteps) hold(ctx context.Context, job Job, log printer) error {
	patience, began, told := b.patience(), time.Now(), false
	for gone := b.Host; ; {
		holder, err := b.tryHold(ctx, job.CourseKey, gone)
		if err == nil && holder == b.Host {
			if told {
				log.Printf("No other host builds the course any more; the build begins, after %s.", seconds(time.Since(began)))
			}
			return nil
		}
		if err != nil {
			return err
		}
		name, trouble, why, err := b.holderOf(ctx, holder, time.Since(began) >= patience.Others)
		if err != nil {
			return err
		}
		if why != "" {
			log.Printf("The host %s, which may run an earlier build of the course still, %s; it is not waited for.", name, why)
			gone = holder
			continue
		}
		if !told {
			told = true
			b.Slots.Arrived(job.BuildID) // others may have the slot meanwhile
			log.Printf("The host %s has not said yet that an earlier build of the course is stopped there%s; waiting for that for up to %s, so that the course is not built twice at once.",
				name, trouble, patience.Others)
		}
		if err := wait(ctx, patience.Pause); err != nil {
			return err
		}
	}
}

// tryHold asks the database, and waits for it when it is away.
func (b *BuildSteps) tryHold(ctx context.Context, key, gone string) (holder string, err error) {
	err = persist(ctx, func(ctx context.Context) error {
		holder, err = b.Store.HoldCourse(ctx, key, b.Host, gone)
		return err
	})
	return holder, err
}

// holderOf tells of the host that may run something of a course: its name, in
// brackets its trouble, and why it is not waited for; empty: it is.
func (b *BuildSteps) holderOf(ctx context.Context, id string, impatient bool) (name, trouble, why string, err error) {
	var h course.Host
	err = persist(ctx, func(ctx context.Context) error {
		h, err = b.Store.Host(ctx, id)
		return err
	})
	if errors.Is(err, course.ErrNotFound) {
		return id, "", "is not known any more", nil
	}
	if h.Trouble != "" {
		trouble = " (" + h.Trouble + ")"
	}
	return h.Name, trouble, letGo(h, b.Agent.Steady(), impatient), err
}

// letGo says why a host that may run something of a course is not waited for; empty:
// it is. steady says that this host reaches the database, so that the other one
// would.
func letGo(h course.Host, steady, impatient bool) string {
	switch {
	case h.Silent >= goneAfter && steady:
		return fmt.Sprintf("was last heard of %s ago", h.Silent.Round(time.Second))
	case impatient:
		return "has not said in time that it is stopped"
	}
	return ""
}

// wait lets time pass, or gives the cause of the context's end.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// stopped ends the hold after a build command of which nothing is left to run. err is
// how it ended: only one that ended by itself is known to be gone.
func (b *BuildSteps) stopped(ctx context.Context, key string, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if err != nil {
		return b.clear(ctx, key)
	}
	return b.Store.ReleaseCourse(ctx, key, b.Host)
}

// clear ends what earlier builds of a course have left running on this host, before
// its working copy is touched, and says so to other hosts.
func (b *BuildSteps) clear(ctx context.Context, courseKey string) error {
	if k, ok := b.Builder.(build.Keeper); ok {
		if err := k.Clear(ctx, courseKey); err != nil {
			return err
		}
	}
	return b.Store.ReleaseCourse(ctx, courseKey, b.Host)
}

// ClearLeft clears the courses that this host holds and does not build: their builds
// were ended while it could not stop them, as without its container engine.
func (b *BuildSteps) ClearLeft(ctx context.Context) error {
	keys, err := b.Store.LeftCourses(ctx, b.Host)
	if engine, ok := b.Builder.(build.Checker); ok && len(keys) > 0 && b.engineAway(ctx, engine) != nil {
		return nil // the host is out and says why
	}
	for _, key := range keys {
		err = errors.Join(err, b.clearLeft(ctx, key))
	}
	return err
}

// clearLeft leaves a course alone that somebody works on: whoever that is clears it.
func (b *BuildSteps) clearLeft(ctx context.Context, key string) error {
	lock, err := tryLockFile(b.Disk.lockPath(key))
	if errors.Is(err, errLocked) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", key, err)
	}
	return errors.Join(b.clear(ctx, key), lock.Close())
}
