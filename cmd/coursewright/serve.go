package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"coursewright/api"
)

// listen takes the address that a setting gives, if it is wanted.
func listen(ctx context.Context, setting, address string, wanted bool, cleanup *cleanups) (net.Listener, error) {
	if !wanted {
		return nil, nil //nolint:nilnil // no listener is what was asked for
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("setting %s: %w; choose another address", setting, err)
	}
	cleanup.add("listener of "+setting, func() error { return ignoreClosed(l.Close()) })
	return l, nil
}

// serve answers requests until the cleanup runs, the canary's too.
func serve(y *system, l net.Listener, cleanup *cleanups) error {
	growHeapFirst(heapFloor)
	server := y.newServer(y.handler)
	server.RegisterOnShutdown(func() { close(y.closing) })
	y.run("HTTP server", server, l, cleanup)
	return y.startCanary(l)
}

func (y *system) newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ConnContext:       api.ConnContext,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(y.log.Handler(), slog.LevelWarn),
	}
}

// run serves until the cleanup runs. That it ended by itself ends the process.
func (y *system) run(name string, server *http.Server, l net.Listener, cleanup *cleanups) {
	fresh := newUnused()
	server.ConnState = fresh.note
	go func() {
		if err := server.Serve(api.Listen(l)); !errors.Is(err, http.ErrServerClosed) {
			y.fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
	cleanup.add(name, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		defer time.AfterFunc(unusedTime, fresh.close).Stop()
		if err := server.Shutdown(ctx); err != nil {
			return errors.Join(err, server.Close())
		}
		return nil
	})
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
