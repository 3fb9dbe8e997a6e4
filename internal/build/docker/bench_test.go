package docker_test

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"coursewright/internal/build"
	"coursewright/internal/build/buildtest"
	"coursewright/internal/build/docker"
)

// BenchmarkOverhead measures what a build in a container costs besides what the
// container runs, in milliseconds, medians: build, from the call to the result;
// container, from its start to the end of its command, as the engine tells;
// overhead, the rest.
func BenchmarkOverhead(b *testing.B) {
	const rounds = 20
	api := needEngine(b)
	builder, err := docker.New(docker.Options{Disk: disk, Pull: docker.PullNever, Network: "none"})
	if err != nil {
		b.Fatal(err)
	}
	r := build.Request{RunID: "run", Dir: b.TempDir(), Output: io.Discard}
	prepare(&r)
	r.Command = []string{"sleep", "0.2"}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	told := api.Events(ctx, client.EventsListOptions{Filters: client.Filters{}.
		Add("label", docker.LabelCourse+"="+r.CourseKey).Add("event", "start", "die")})
	var whole, inside, overhead []time.Duration
	for b.Loop() {
		for range rounds {
			began := time.Now()
			if _, err := builder.Run(b.Context(), r); err != nil {
				b.Fatal(err)
			}
			took, ran := time.Since(began), ranFor(b, told)
			whole, inside, overhead = append(whole, took), append(inside, ran), append(overhead, took-ran)
		}
	}
	for name, all := range map[string][]time.Duration{"build": whole, "container": inside, "overhead": overhead} {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, name+"-ms")
	}
}

func BenchmarkStop(b *testing.B) {
	buildtest.BenchmarkStop(b, buildtest.Setup{Builder: newBuilder(b, docker.Options{}), Prepare: prepare})
}

// ranFor is the time between the start and the end of a container.
func ranFor(b *testing.B, told client.EventsResult) time.Duration {
	b.Helper()
	var started int64
	for {
		select {
		case m := <-told.Messages:
			if m.Action == events.ActionStart {
				started = m.TimeNano
				continue
			}
			return time.Duration(m.TimeNano - started)
		case err := <-told.Err:
			b.Fatalf("the engine tells no more: %v", err)
		case <-b.Context().Done():
			b.Fatal(b.Context().Err())
		}
	}
}
