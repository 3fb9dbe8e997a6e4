package api

import (
	"context"
	"net"

	"github.com/gin-gonic/gin"
)

// Listen makes the listener of the http.Server that serves the API: the headers
// and the body of a document leave its connections in one piece, which spares
// both sides a turn. Without it, or without ConnContext, all works the same.
func Listen(l net.Listener) net.Listener { return gatheringListener{l} }

// ConnContext is the ConnContext of the same server.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if _, ok := c.(*gatheringConn); !ok {
		return ctx
	}
	return context.WithValue(ctx, connKey{}, c)
}

type connKey struct{}

type gatheringListener struct{ net.Listener }

func (l gatheringListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &gatheringConn{TCPConn: tcp}, err
	}
	return c, err
}

// gatheringConn is a connection that can hold one write back and send it
// together with the next. net/http writes from one goroutine at a time.
type gatheringConn struct {
	*net.TCPConn

	holds bool   // the next write is held back
	held  []byte // what is, to be sent first
	both  net.Buffers
}

// Write sends p, or holds it back until the next write or release.
func (c *gatheringConn) Write(p []byte) (int, error) {
	if c.holds {
		c.holds, c.held = false, append(c.held, p...) // p is net/http's buffer
		return len(p), nil
	}
	if len(c.held) == 0 {
		return c.TCPConn.Write(p)
	}
	before := len(c.held)
	c.both = append(c.both[:0], c.held, p)
	n, err := c.both.WriteTo(c.TCPConn)
	c.held = c.held[:0]
	return max(0, int(n)-before), err
}

// release sends what is held back still.
func (c *gatheringConn) release() error {
	c.holds = false
	if len(c.held) == 0 {
		return nil
	}
	_, err := c.TCPConn.Write(c.held)
	c.held = c.held[:0]
	return err
}

// gathered has what send writes leave in one piece.
func gathered(c *gin.Context, send func()) {
	conn, ok := c.Request.Context().Value(connKey{}).(*gatheringConn)
	if !ok {
		send()
		return
	}
	conn.holds = true
	send()
	c.Writer.Flush()
	if err := conn.release(); err != nil {
		// The client is gone; net/http finds that out when it reads on.
		_ = conn.Close()
	}
}
