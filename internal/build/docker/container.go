package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"coursewright/internal/build"
	"coursewright/internal/course"
)

// Labels of the containers, by which administrators and the service find them.
const (
	LabelDisk   = "coursewright.disk"   // id of the build disk
	LabelCourse = "coursewright.course" // course key
	LabelBuild  = "coursewright.build"  // build id, decimal
	LabelRun    = "coursewright.run"    // run of the workflow
	// labelOffset is how many bytes of output the try that made the container
	// had delivered before the container's own began.
	labelOffset = "coursewright.offset"
)

// held is a container of the job.
type held struct {
	id      string
	command []string  // entrypoint and command, as the engine put them together
	started time.Time // by the engine's clock
	seen    int64     // bytes of its output that are delivered
	missing bool      // it ended while the engine was away, which then keeps no output
	podman  bool
}

// begin starts the build in a new container.
func (j *job) begin(ctx context.Context) (*held, error) {
	if err := j.provide(ctx); err != nil {
		return nil, err
	}
	e, err := j.engine(ctx)
	if err != nil {
		return nil, err
	}
	config, host, err := j.describe(e)
	if err != nil {
		return nil, err
	}
	created, err := j.api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: config, HostConfig: host, Name: fmt.Sprintf("coursewright-%d-%s", j.request.BuildID, strings.ToLower(rand.Text()[:8])),
	})
	if err != nil {
		return nil, j.createError(ctx, err)
	}
	c, err := j.start(ctx, created.ID)
	if err != nil {
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
		defer cancel()
		return nil, errors.Join(err, j.discard(tidy, created.ID))
	}
	c.podman = e.podman
	if j.request.Started != nil {
		j.request.Started([]byte(c.id))
	}
	return c, nil
}

// createError adds what to do about a folder that the engine does not have: the
// usual mistake with a worker in a container.
func (j *job) createError(ctx context.Context, err error) error {
	if strings.Contains(strings.ToLower(err.Error()), "no command specified") {
		return course.Authorf("image %s has no command of its own: give build_command in apps.meta, or name another image", j.request.Image)
	}
	if ctx.Err() == nil && strings.Contains(err.Error(), "bind source path does not exist") {
		return fmt.Errorf("create the container: %w: the worker and the engine see different folders; set HOST_BUILD_PATH and CONTAINER_BUILD_PATH in BUILD_MODULE_SETTINGS, and check the mounts of BUILD_MOUNTS", err)
	}
	return fmt.Errorf("create the container: %w", err)
}

// Statuses by which engines say that a command cannot be run.
const (
	statusNotExecutable = 126
	statusNotFound      = 127
)

func (j *job) start(ctx context.Context, id string) (*held, error) {
	_, startErr := j.api.ContainerStart(ctx, id, client.ContainerStartOptions{})
	found, err := j.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return nil, fmt.Errorf("start the container: %w", errors.Join(startErr, err))
	}
	c := newHeld(found.Container)
	if startErr == nil {
		return c, nil
	}
	status := found.Container.State.ExitCode
	// Podman has no status for it but names what it could not execute.
	if status == statusNotFound || status == statusNotExecutable || strings.Contains(startErr.Error(), `exec: "`) || strings.Contains(startErr.Error(), "executable file") {
		return nil, course.Authorf("the build command %s cannot be run in image %s: %v. Check build_command and build_image in apps.meta", build.Quote(c.command), j.request.Image, startErr)
	}
	if j.options.Network != NoNetwork && strings.Contains(startErr.Error(), "network "+j.options.Network+" not found") {
		return nil, fmt.Errorf("start the container: %w: make the network that BUILD_NETWORK names, as docs/builders.md tells", startErr)
	}
	return nil, fmt.Errorf("start the container: %w", startErr)
}

func newHeld(found container.InspectResponse) *held {
	c := &held{id: found.ID, command: append([]string{found.Path}, found.Args...)}
	// Without a time the build has all of its time again: no harm.
	c.started, _ = time.Parse(time.RFC3339Nano, found.State.StartedAt)
	if found.HostConfig != nil {
		c.podman = found.HostConfig.LogConfig.Type != dockerLog
	}
	return c
}

// Log drivers that keep every byte as it was printed. Docker's default,
// json-file, does not.
const (
	dockerLog = "local"
	podmanLog = "k8s-file"
)

// describe is the container of the build.
func (j *job) describe(e engine) (*container.Config, *container.HostConfig, error) {
	source, err := j.options.hostPath(j.request.Dir)
	if err != nil {
		return nil, nil, err
	}
	env := make([]string, 0, len(j.request.Env))
	for _, name := range slices.Sorted(maps.Keys(j.request.Env)) {
		env = append(env, name+"="+j.request.Env[name])
	}
	config := &container.Config{
		Image: j.request.Image, Cmd: j.request.Command, Env: env,
		WorkingDir: ContentDir, User: j.options.User, Labels: j.labels(),
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	host := isolated(e)
	host.NetworkMode = container.NetworkMode(j.options.Network)
	host.Resources = j.options.limits(e)
	host.LogConfig = e.logs(j.options.LogSize)
	host.Mounts = []mount.Mount{{Type: mount.TypeBind, Source: source, Target: ContentDir}}
	for _, m := range j.options.Mounts {
		host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeBind, Source: m.Source, Target: m.Target, ReadOnly: !m.Writable})
	}
	return config, host, nil
}

// isolated is what all containers have in common. The capabilities are what
// package managers, sudo-less build scripts and tar need as root of the
// container; without them images that run as root could not even read files of
// another user in the working copy.
func isolated(e engine) *container.HostConfig {
	host := &container.HostConfig{
		CapDrop: []string{"ALL"},
		CapAdd:  []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"},
	}
	host.SecurityOpt = []string{"no-new-privileges"}
	if !e.podman {
		host.IpcMode = "private" // also where the engine's default is shareable
	}
	return host
}

func (o Options) limits(e engine) container.Resources {
	r := container.Resources{Memory: o.Memory, MemorySwap: o.Memory}
	if o.CPUs > 0 {
		r.NanoCPUs = int64(o.CPUs * 1e9)
		if e.cpus > 0 {
			r.NanoCPUs = min(r.NanoCPUs, int64(e.cpus)*1e9) // more is refused
		}
	}
	if o.PIDs > 0 {
		r.PidsLimit = &o.PIDs
	}
	return r
}

func (j *job) labels() map[string]string {
	return map[string]string{
		LabelDisk:   j.options.Disk,
		LabelCourse: j.request.CourseKey,
		LabelBuild:  strconv.FormatInt(j.request.BuildID, 10),
		LabelRun:    j.request.RunID,
		labelOffset: strconv.FormatInt(j.output.written, 10),
	}
}

// remove takes the container away, running or not. That it is gone is success; that
// somebody else is about to remove it is not: it may run until then.
func (b *Builder) remove(ctx context.Context, id string) error {
	for end := time.Now().Add(tidyTime); ; {
		_, err := b.api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err == nil || errdefs.IsNotFound(err) {
			return nil
		}
		underWay := errdefs.IsConflict(err) && strings.Contains(err.Error(), "already in progress")
		if !underWay || ctx.Err() != nil || time.Now().After(end) {
			return fmt.Errorf("remove container %.12s: %w", id, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(removalPause):
		}
	}
}

// removalPause is between two looks whether a container is gone that others remove.
const removalPause = 50 * time.Millisecond
