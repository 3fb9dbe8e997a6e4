package api

import (
	"context"
	"net"
	"syscall"

	"github.com/gin-gonic/gin"
	"golang.org/x/sys/unix"
)

// corkedUpTo is the largest body, in bytes, that leaves together with its
// headers. Larger ones are sent sooner when they are not held back.
const corkedUpTo = 64 << 10

type connKey struct{}

// ConnContext is the ConnContext of the http.Server that serves the API: it
// lets the headers and the body of a document leave in one piece, which spares
// both sides a turn. Without it all works the same.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return ctx
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, connKey{}, raw)
}

// corked holds back what send writes, n bytes of body, until it has written all
// of it.
func corked(c *gin.Context, n int, send func()) {
	conn, ok := c.Request.Context().Value(connKey{}).(syscall.RawConn)
	if !ok || n > corkedUpTo || setCork(conn, 1) != nil {
		send()
		return
	}
	// When the cork stays the connection is broken: the kernel sends what is
	// held back after 200 ms.
	defer setCork(conn, 0) //nolint:errcheck // see above
	send()
	c.Writer.Flush()
}

func setCork(conn syscall.RawConn, on int) error {
	var failed error
	if err := conn.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, on) }); err != nil {
		return err
	}
	return failed
}
