package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"coursewright/client"
)

// tickEvery is how often what is shown of a running build counts on.
const tickEvery = time.Second

// progress shows a build that runs. On a terminal a line below the log tells how
// far it is.
type progress struct {
	mu          sync.Mutex // the clock draws beside the log
	out, errOut io.Writer
	clean       *cleaner
	terminal    int // width; 0: none
	build       client.Build
	usual       time.Duration // that a build of the course takes; 0: unknown
	shown       bool
	open        bool // the log has not ended its line
}

func newProgress(out, errOut io.Writer) *progress {
	return &progress{out: out, errOut: errOut, clean: newCleaner(out), terminal: terminalWidth(errOut)}
}

// usualTime is how long the newest good build of a course took; 0: nobody knows.
func usualTime(ctx context.Context, api *client.Client, key string) time.Duration {
	for b, err := range api.Builds(ctx, key, client.BuildFilter{Status: []client.Status{client.Success}, PageSize: 1}) {
		if err != nil || b.StartedAt == nil || b.FinishedAt == nil {
			break
		}
		return b.FinishedAt.Sub(*b.StartedAt)
	}
	return 0
}

// tick counts on until the function that it gives is called.
func (p *progress) tick(usual time.Duration) (stop func()) {
	if p.terminal == 0 {
		return func() {}
	}
	p.usual = usual
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		clock := time.NewTicker(tickEvery)
		defer clock.Stop()
		for {
			select {
			case <-done:
				return
			case <-clock.C:
				p.change(func() {})
			}
		}
	})
	return func() {
		close(done)
		running.Wait()
		p.erase()
	}
}

// change takes the line away, does something and draws it again.
func (p *progress) change(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	do()
	if p.terminal == 0 || p.open || p.build.Status == "" || p.build.Status.Final() {
		return
	}
	fmt.Fprint(p.errOut, cutLine(p.status(time.Now()), p.terminal))
	p.shown = true
}

// line tells something about the build, which is no part of its log.
func (p *progress) line(text string) {
	p.change(func() { fmt.Fprintln(p.errOut, strings.TrimRight(printable(text), " ")) })
}

func (p *progress) log(text string) {
	p.change(func() {
		text = p.clean.text(text)
		fmt.Fprint(p.out, text)
		if text != "" {
			p.open = !strings.HasSuffix(text, "\n")
		}
	})
}

func (p *progress) now(b client.Build) { p.change(func() { p.build = b }) }

// erase takes the line below the log away.
func (p *progress) erase() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}

func (p *progress) wipe() {
	if p.shown {
		fmt.Fprint(p.errOut, "\r\x1b[K")
		p.shown = false
	}
}

// status is the line: how far the build is, what it does and what it has done.
func (p *progress) status(now time.Time) string {
	b := p.build
	if b.StartedAt == nil {
		return fmt.Sprintf("waiting %s", seconds(now.Sub(b.RequestedAt)))
	}
	took := now.Sub(*b.StartedAt)
	parts := []string{seconds(took)}
	if p.usual > 0 {
		parts = []string{bar(took, p.usual), fmt.Sprintf("%s of about %s", seconds(took), seconds(p.usual))}
	}
	for _, s := range b.Steps {
		if s.FinishedAt == nil {
			parts = append(parts, s.Name+" …")
		}
	}
	for _, s := range b.Steps {
		switch {
		case s.FinishedAt == nil:
		case s.Outcome == "ok" && s.Seconds != nil:
			parts = append(parts, fmt.Sprintf("%s ✓ %.1f s", s.Name, *s.Seconds))
		default:
			parts = append(parts, s.Name+" ✗")
		}
	}
	return printable(strings.Join(parts, "  "))
}

// bar draws which part of the usual time has gone. It is full only once a build
// takes longer than usual.
func bar(took, usual time.Duration) string {
	const width = 20
	full := int(min(max(took, 0)*width/max(usual, 1), width))
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", width-full) + "]"
}

// seconds writes a time in whole seconds; a clock that is behind counts from 0.
func seconds(d time.Duration) string {
	d = max(d, 0)
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}
