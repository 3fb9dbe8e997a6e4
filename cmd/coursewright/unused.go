package main

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// unusedTime is how long a stop waits for the first request of a connection.
const unusedTime = time.Second

// unused are the connections of a server on which nothing was asked yet: browsers
// open some in advance. A stop of net/http gives each five seconds, as long as the
// whole of it may take.
type unused struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

func newUnused() *unused { return &unused{conns: map[net.Conn]struct{}{}} }

// note is the ConnState of the server.
func (u *unused) note(c net.Conn, state http.ConnState) {
	if state == http.StateIdle {
		return // after each answer: it was active, so it is not here
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if state == http.StateNew {
		u.conns[c] = struct{}{}
	} else {
		delete(u.conns, c)
	}
}

// close closes them.
func (u *unused) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		_ = c.Close() // nothing is lost, and net/http closes it again
	}
}
