// Package worker registers workflows and activities on the task queues that a
// process serves. It holds no logic of its own. Start at Register and Start.
package worker

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"coursewright/activities"
	"coursewright/workflows"
)

// Steps are the activities that a process can do. A nil part means that the
// process does not serve the queue that needs it.
type Steps struct {
	Records *activities.Records      // workflow queue
	Service *activities.ServiceSteps // workflow queue
	Build   *activities.BuildSteps   // build queues
	Release *activities.ReleaseSteps // build queues
	Host    *activities.HostSteps    // build queues
	Publish *activities.PublishSteps // publish queue
}

// Limits bound what one process does at once.
type Limits struct {
	StopTimeout time.Duration // how long a stop waits for running activities
	Light       int           // short activities at once: calls to A+, records; 0: the SDK's limit
	// Failed hears of a worker that has stopped for good by itself, such as one
	// whose namespace was removed. nil: nobody does.
	Failed func(error)
	// Version makes builds stay with the version of the service that began them.
	// nil: whichever worker is free goes on with them.
	Version *Version
	// Program is what the program was built as, for Temporal's histories. Empty: the
	// SDK reads the whole program at its start and makes a checksum of it.
	Program string
}

// Version names a version of the service to Temporal.
type Version struct {
	Deployment string // the same for all versions
	BuildID    string // this one
}

// How often a running activity's heartbeat reaches Temporal at most, and so how
// soon it hears of a cancel.
const heartbeatInterval = 2 * time.Second

// RegisterWorkflows registers every workflow: what the replayer needs.
func RegisterWorkflows(r sdkworker.WorkflowRegistry) {
	registerBuilds(r)
	r.RegisterWorkflow(workflows.Publish)
}

// registerBuilds registers what the workflow queue serves. Where versions are
// told apart a build ends on the one that began it; a removal is short, a call to
// A+ may wait for long, and both move on.
func registerBuilds(r sdkworker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(workflows.Build, workflow.RegisterOptions{VersioningBehavior: workflow.VersioningBehaviorPinned})
	r.RegisterWorkflowWithOptions(workflows.TellCommit, workflow.RegisterOptions{VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	r.RegisterWorkflowWithOptions(workflows.Announce, workflow.RegisterOptions{VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	r.RegisterWorkflowWithOptions(workflows.CallLMS, workflow.RegisterOptions{VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	r.RegisterWorkflowWithOptions(workflows.Remove, workflow.RegisterOptions{VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
}

// Register registers all workflows and the given activities, for a worker that
// serves everything, such as the test environments.
func Register(r sdkworker.Registry, s Steps) {
	RegisterWorkflows(r)
	r.RegisterActivity(s.Records)
	r.RegisterActivity(s.Service)
	r.RegisterActivity(s.Build)
	r.RegisterActivity(s.Release)
	r.RegisterActivity(s.Host)
	r.RegisterActivity(s.Publish)
}

// Group is a set of running workers.
type Group struct{ workers []sdkworker.Worker }

// Start starts a worker for each queue that s has the parts for. The caller
// stops the group.
func Start(c client.Client, s Steps, l Limits) (*Group, error) {
	g := &Group{}
	if l.Program != "" {
		sdkworker.SetBinaryChecksum(l.Program)
	}
	plan, err := g.plan(c, s, l)
	if err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	for _, w := range plan {
		if err := w.Start(); err != nil {
			g.Stop()
			return nil, fmt.Errorf("start worker: %w", err)
		}
		g.workers = append(g.workers, w)
	}
	if len(g.workers) == 0 {
		return nil, errors.New("start worker: no part to serve was given")
	}
	return g, nil
}

// Stop stops taking tasks, lets running activities end within the stop timeout
// and returns. All queues at once: a host whose builds are waited for takes no
// new ones.
func (g *Group) Stop() {
	var all sync.WaitGroup
	for _, w := range g.workers {
		all.Go(w.Stop)
	}
	all.Wait()
	g.workers = nil
}

// options are those of the workflow queue. The other queues know no versions:
// a build disk has one worker, which must go on with the builds of every
// version. Inputs of activities only ever gain fields, so it can.
func (v *Version) options() sdkworker.DeploymentOptions {
	if v == nil {
		return sdkworker.DeploymentOptions{}
	}
	return sdkworker.DeploymentOptions{
		UseVersioning: true,
		Version:       sdkworker.WorkerDeploymentVersion{DeploymentName: v.Deployment, BuildID: v.BuildID},
	}
}

func (g *Group) plan(c client.Client, s Steps, l Limits) ([]sdkworker.Worker, error) {
	var out []sdkworker.Worker
	add := func(queue string, o sdkworker.Options) sdkworker.Worker {
		o.WorkerStopTimeout = l.StopTimeout
		o.OnFatalError = func(err error) {
			if l.Failed != nil {
				l.Failed(fmt.Errorf("worker of queue %s: %w", queue, err))
			}
		}
		o.MaxHeartbeatThrottleInterval = heartbeatInterval
		o.DefaultHeartbeatThrottleInterval = heartbeatInterval
		w := sdkworker.New(c, queue, o)
		out = append(out, w)
		return w
	}
	if s.Records != nil {
		w := add(workflows.TaskQueue, sdkworker.Options{
			MaxConcurrentWorkflowTaskPollers:   8,
			MaxConcurrentActivityExecutionSize: l.Light,
			DeploymentOptions:                  l.Version.options(),
		})
		registerBuilds(w)
		w.RegisterActivity(s.Records)
		w.RegisterActivity(s.Service)
	}
	if s.Build != nil {
		tuner, err := gateTuner(s.Build.Slots)
		if err != nil {
			return nil, err
		}
		shared := add(workflows.BuildQueue, sdkworker.Options{DisableWorkflowWorker: true, Tuner: tuner})
		shared.RegisterActivity(s.Build)
		pinned := add(workflows.HostQueue(s.Build.Host), sdkworker.Options{
			DisableWorkflowWorker:            true,
			MaxConcurrentActivityTaskPollers: 8,
		})
		pinned.RegisterActivity(s.Build)
		pinned.RegisterActivity(s.Release)
		pinned.RegisterActivity(s.Host)
	}
	if s.Publish != nil {
		w := add(workflows.PublishQueue, sdkworker.Options{})
		w.RegisterWorkflow(workflows.Publish)
		w.RegisterActivity(s.Publish)
	}
	return out, nil
}
