package temporaldev

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Any port is one of these: above what services usually have, and below what
// systems choose for connections that go out, since such a connection would keep
// a child that is started again from its port.
const (
	firstPort = 10_000
	endPort   = 32_768
	anyTries  = 1000
)

// ports are held against other programs like this one from before the child
// listens until the server is closed, also while the child is started again:
// whoever found the port free in between would talk to a server that is not its own.
type ports []net.Listener

// choose takes what the configuration asks for, and puts the numbers into it.
func (p *ports) choose(ctx context.Context, cfg *Config) error {
	var err error
	if cfg.Port, err = p.take(ctx, cfg.Port, defaultPort, cfg.AnyPort); err != nil {
		return fmt.Errorf("port of the Temporal server: %w", err)
	}
	if cfg.UIPort < 0 {
		return nil
	}
	if cfg.UIPort, err = p.take(ctx, cfg.UIPort, defaultUIPort, cfg.AnyPort); err != nil {
		return fmt.Errorf("port of the Temporal Web UI: %w", err)
	}
	return nil
}

// take gives the wanted port, or without one the usual port if it is free, else
// any. A wanted port that is taken is an error.
func (p *ports) take(ctx context.Context, wanted, usual int, leaveUsual bool) (int, error) {
	if wanted != 0 {
		if err := p.try(ctx, wanted); err != nil {
			return 0, fmt.Errorf("%d cannot be used: %w; choose another", wanted, err)
		}
		return wanted, nil
	}
	if !leaveUsual && p.try(ctx, usual) == nil {
		return usual, nil
	}
	var err error
	for range anyTries {
		port := firstPort + rand.IntN(endPort-firstPort) //nolint:gosec // any free port will do
		if err = p.try(ctx, port); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("none of %d is free, the last: %w", anyTries, err)
}

// try holds a port if it is free. What holds it is an abstract socket, which lives
// in the same network namespace as the port and ends with its process.
func (p *ports) try(ctx context.Context, port int) error {
	var lc net.ListenConfig
	held, err := lc.Listen(ctx, "unix", fmt.Sprintf("@coursewright-temporal-%d", port))
	if err != nil {
		return fmt.Errorf("another server has it: %w", err)
	}
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return errors.Join(err, held.Close())
	}
	*p = append(*p, held)
	return l.Close()
}

func (p *ports) release() error {
	var errs []error
	for _, held := range *p {
		errs = append(errs, held.Close())
	}
	*p = nil
	return errors.Join(errs...)
}
