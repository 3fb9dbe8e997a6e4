package coursetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// World is an A+ and a grader that know each other, serving on this host.
type World struct {
	APlus     *FakeAPlus
	Grader    *FakeGrader
	APlusURL  string // without a slash at the end
	GraderURL string // of the grader's configuration service

	servers []*http.Server
	done    chan error
}

// Options say how to serve. The zero value is fine for tests.
type Options struct {
	// APlus and Grader are where to listen, as host:port; empty: any free port of
	// the local host.
	APlus, Grader string
	// Self is A+'s name and key; empty: aplus with a new key.
	Self Party
}

// Start serves an A+ and a grader named grader until Close. A+ knows the service
// that is to be tried only after AddService.
func Start(ctx context.Context, o Options) (*World, error) {
	if o.Self.Key == nil {
		var err error
		if o.Self, err = NewParty("aplus"); err != nil {
			return nil, err
		}
	}
	w := &World{APlus: NewFakeAPlus(o.Self), Grader: NewFakeGrader("grader"), done: make(chan error, 2)}
	var err error
	if w.APlusURL, err = w.serve(ctx, o.APlus, w.APlus); err != nil {
		return nil, err
	}
	base, err := w.serve(ctx, o.Grader, w.Grader)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	w.GraderURL = base + "/configure"
	w.Grader.Trust(o.Self.UID, &o.Self.Key.PublicKey)
	// A+ only names the grader in tokens: it takes none of it.
	w.APlus.AddService(w.Grader.UID, nil, base)
	return w, nil
}

// serve begins to listen and gives the address.
func (w *World) serve(ctx context.Context, address string, h http.Handler) (string, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("serve a stand-in: %w", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	w.servers = append(w.servers, s)
	go func() { w.done <- s.Serve(l) }()
	return "http://" + l.Addr().String(), nil
}

// TokenURL is where A+ signs tokens for other services.
func (w *World) TokenURL() string { return w.APlusURL + "/api/v2/get-token/" }

// Close stops serving, at once, and waits until that is so.
func (w *World) Close() error {
	var all error
	for _, s := range w.servers {
		all = errors.Join(all, s.Close())
	}
	for range w.servers {
		if err := <-w.done; !errors.Is(err, http.ErrServerClosed) {
			all = errors.Join(all, err)
		}
	}
	return all
}
