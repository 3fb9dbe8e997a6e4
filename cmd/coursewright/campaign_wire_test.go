package main

import (
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"coursewright/internal/temporaldev/temporaltest"
)

// wire carries TCP between a process and what it needs, and can be cut: what is sent
// then waits, as on a network that loses packets, or connections break and are
// refused, as by a machine that is there without the service.
type wire struct {
	tb     testing.TB
	target string
	addr   string

	mu       sync.Mutex
	listener net.Listener
	open     chan struct{} // closed while data passes
	conns    map[net.Conn]struct{}
	running  sync.WaitGroup
}

// newWire listens for a process until the test ends. A target that is a path is a
// socket's.
func newWire(tb testing.TB, target string) *wire {
	tb.Helper()
	w := &wire{tb: tb, target: target, addr: lastingAddress(tb), open: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	close(w.open)
	w.listen()
	tb.Cleanup(func() {
		w.refuse()
		w.pass()
		w.running.Wait()
	})
	return w
}

// lastingAddress is an address at which nobody else listens while whoever has it is
// away.
func lastingAddress(tb testing.TB) string {
	tb.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(temporaltest.FreePorts(tb, 1)[0]))
}

// listen takes connections from now on.
func (w *wire) listen() {
	w.tb.Helper()
	l, err := net.Listen("tcp", w.addr)
	if err != nil {
		w.tb.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listener = l
	w.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			w.running.Go(func() { w.connect(c) })
		}
	})
}

// connect carries one connection to its end.
func (w *wire) connect(from net.Conn) {
	defer w.drop(from)
	if !w.keep(from) {
		return
	}
	w.await()
	network := "tcp"
	if strings.HasPrefix(w.target, "/") {
		network = "unix"
	}
	to, err := net.Dial(network, w.target)
	if err != nil {
		return // as the server's own refusal
	}
	defer w.drop(to)
	if !w.keep(to) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { w.carry(to, from) })
	both.Go(func() { w.carry(from, to) })
	both.Wait()
}

// carry copies one direction; when it ends, so does the other.
func (w *wire) carry(to, from net.Conn) {
	defer w.drop(to)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		w.await()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// keep notes a connection that refuse has to break, and says whether it may
// live.
func (w *wire) keep(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[c] = struct{}{}
	return w.listener != nil
}

func (w *wire) drop(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
	_ = c.Close() // it may be closed already
}

// await waits while the wire holds back.
func (w *wire) await() {
	w.mu.Lock()
	open := w.open
	w.mu.Unlock()
	<-open
}

// hold keeps back whatever is sent, new connections included.
func (w *wire) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = make(chan struct{})
}

// pass ends hold: what was kept back arrives.
func (w *wire) pass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.open:
	default:
		close(w.open)
	}
}

// refuse breaks all connections and takes no new ones until listen.
func (w *wire) refuse() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener != nil {
		_ = w.listener.Close() // that it is closed is all that is wanted
		w.listener = nil
	}
	for c := range w.conns {
		_ = c.Close()
	}
}

func TestWire(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var echo sync.WaitGroup
	echo.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			echo.Go(func() {
				_, _ = io.Copy(c, c) // until either side breaks
				_ = c.Close()
			})
		}
	})
	w := newWire(t, l.Addr().String())
	t.Cleanup(func() {
		_ = l.Close()
		w.refuse()
		echo.Wait()
	})
	dial := func() net.Conn {
		c, err := net.Dial("tcp", w.addr)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	hear := func(c net.Conn) error {
		_, err := io.ReadFull(c, make([]byte, 1))
		return err
	}
	say := func(c net.Conn, limit time.Duration) error {
		if _, err := c.Write([]byte("x")); err != nil {
			return err
		}
		return errors.Join(c.SetReadDeadline(time.Now().Add(limit)), hear(c), c.SetReadDeadline(time.Time{}))
	}
	c := dial()
	if err := say(c, time.Minute); err != nil {
		t.Fatalf("an open wire: %v", err)
	}
	w.hold()
	var late net.Error
	if err := say(c, 50*time.Millisecond); !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("a wire that holds back: %v, want a timeout", err)
	}
	w.pass()
	if err := hear(c); err != nil {
		t.Errorf("what was kept back does not arrive: %v", err)
	}
	if err := say(c, time.Minute); err != nil {
		t.Errorf("a wire that passes again: %v", err)
	}
	w.refuse()
	if err := say(c, time.Minute); err == nil || errors.As(err, &late) && late.Timeout() {
		t.Errorf("a wire that refuses: %v, want a broken connection", err)
	}
	if _, err := net.Dial("tcp", w.addr); err == nil {
		t.Error("a wire that refuses takes a connection")
	}
	w.listen()
	if err := say(dial(), time.Minute); err != nil {
		t.Errorf("a wire that listens again: %v", err)
	}
}
