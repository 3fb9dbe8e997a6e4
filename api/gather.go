package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"syscall"

	"github.com/gin-gonic/gin"
	"golang.org/x/sys/unix"
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
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c, err
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	return &gatheringConn{TCPConn: tcp, raw: raw}, nil
}

// gatheringConn is a connection that can hold one write back and send it
// together with the next. net/http writes from one goroutine at a time.
type gatheringConn struct {
	*net.TCPConn
	raw syscall.RawConn

	holds bool   // the head of the answer that is written next is held back
	lines []byte // header lines to go into it
	held  []byte // what is held back, to be sent first
	both  net.Buffers
}

// Write sends p, or holds it back until the next write or release.
func (c *gatheringConn) Write(p []byte) (int, error) {
	if c.holds {
		c.hold(p)
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

// hold keeps p, which is net/http's buffer, until the head of the answer is complete,
// and puts the lines before the empty one that ends it.
func (c *gatheringConn) hold(p []byte) {
	const end = "\r\n\r\n"
	c.held = append(c.held, p...)
	at := bytes.Index(c.held, []byte(end))
	if at < 0 {
		return
	}
	c.held = slices.Insert(c.held, at+len(end)/2, c.lines...)
	c.holds, c.lines = false, nil
}

// ReadFrom sends what is held back and then what r has. Of a file the kernel
// sends its own pages, which spares it to copy them.
func (c *gatheringConn) ReadFrom(r io.Reader) (int64, error) {
	if section, ok := r.(*io.SectionReader); ok {
		if f, at, n := section.Outer(); at == 0 && n > 0 {
			if file, ok := f.(*os.File); ok {
				return c.sendFile(file, n)
			}
		}
	}
	if err := c.release(); err != nil {
		return 0, err
	}
	return c.TCPConn.ReadFrom(r)
}

// sendFile sends what is held back and the first n bytes of a file. Other
// requests may send the same file meanwhile: its own offset is not used.
func (c *gatheringConn) sendFile(f *os.File, n int64) (sent int64, err error) {
	head, from := c.held, int(f.Fd())
	defer runtime.KeepAlive(f)
	// It is called again when the connection takes more.
	step := func(to uintptr) (done bool) {
		for sent < n {
			var wrote int
			if len(head) > 0 {
				wrote, err = unix.SendmsgN(int(to), head, nil, nil, unix.MSG_MORE)
				head = head[max(0, wrote):]
			} else {
				wrote, err = unix.Sendfile(int(to), from, &sent, int(n-sent))
			}
			switch {
			case errors.Is(err, unix.EINTR):
			case errors.Is(err, unix.EAGAIN):
				return false
			case err != nil:
				return true
			case wrote == 0:
				err = io.ErrUnexpectedEOF
				return true
			}
		}
		err = nil
		return true
	}
	waited := c.raw.Write(step)
	c.holds, c.lines, c.held = false, nil, c.held[:0]
	return sent, errors.Join(waited, err)
}

// release sends what is held back still.
func (c *gatheringConn) release() error {
	c.holds, c.lines = false, nil
	if len(c.held) == 0 {
		return nil
	}
	_, err := c.TCPConn.Write(c.held)
	c.held = c.held[:0]
	return err
}

// gatheringConnOf is the connection of a request, nil if it is of another kind.
func gatheringConnOf(c *gin.Context) *gatheringConn {
	conn, _ := c.Request.Context().Value(connKey{}).(*gatheringConn) // nil if it is none
	return conn
}

// gathered has what send writes leave in one piece, with more lines in the header.
func (c *gatheringConn) gathered(w gin.ResponseWriter, lines []byte, send func()) {
	c.holds, c.lines = true, lines
	send()
	w.Flush()
	if err := c.release(); err != nil {
		// The client is gone; net/http finds that out when it reads on.
		_ = c.Close()
	}
}
