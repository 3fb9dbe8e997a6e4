package docker

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
)

// reclaim gives files that the build left with other owners to the service,
// which could not replace or even read them. Only root can, so a container of
// the build's own image does it. That it is impossible is told in the log and
// does not fail the build: many builds leave files that nobody needs again.
func (j *job) reclaim(ctx context.Context) {
	if j.options.Owner == "" || j.owned() {
		return
	}
	if err := j.changeOwner(ctx); err != nil {
		j.options.Log.WarnContext(ctx, "files of a build stay with another owner", "course", j.request.CourseKey, "build", j.request.BuildID, "error", err)
		_ = j.output.printf("The build left files of other users, and they cannot be given to the service's user %s: %v. Later builds may fail to replace them; see BUILD_USER.\n", j.options.Owner, err)
	}
}

// owned says whether all files of the working copy are the owner's.
func (j *job) owned() bool {
	uid, _, _ := strings.Cut(j.options.Owner, ":")
	owned := true
	err := filepath.WalkDir(j.request.Dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err // a folder that cannot be read is another user's
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && strconv.FormatUint(uint64(stat.Uid), 10) != uid {
			owned = false
			return fs.SkipAll
		}
		return nil
	})
	return owned && err == nil
}

// changeOwner runs chown on the working copy, as root of a container.
func (j *job) changeOwner(ctx context.Context) error {
	e, err := j.engine(ctx)
	if err != nil {
		return err
	}
	source, err := j.options.hostPath(j.request.Dir)
	if err != nil {
		return err
	}
	owner := j.options.Owner
	if e.rootless {
		owner = "0:0" // the engine's user on the host
	}
	host := isolated(e)
	host.NetworkMode = NoNetwork
	host.Resources = j.options.limits(e)
	host.LogConfig = e.logs(1 << 20)
	host.Mounts = []mount.Mount{{Type: mount.TypeBind, Source: source, Target: ContentDir}}
	created, err := j.api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{
			Image: j.request.Image, User: "0:0", Labels: j.labels(),
			// Options of POSIX; links themselves are changed, not what they name.
			Entrypoint: []string{"chown"}, Cmd: []string{"-R", "-h", owner, ContentDir},
		},
		HostConfig: host,
	})
	if err != nil {
		return err
	}
	defer func() { _ = j.remove(ctx, created.ID) }()
	if _, err := j.api.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		return err
	}
	wait := j.api.ContainerWait(ctx, created.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case end := <-wait.Result:
		if end.StatusCode != 0 {
			return fmt.Errorf("chown in image %s ended with status %d", j.request.Image, end.StatusCode)
		}
		return nil
	case err := <-wait.Error:
		return err
	}
}
