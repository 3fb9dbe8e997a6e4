package grader

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"coursewright/internal/remote"
)

// stream writes an archive while it is read. It holds one header and one open
// file at a time.
type stream struct {
	archive *Archive
	mu      sync.Mutex    // HTTP/2 closes bodies that are being read
	next    int           // the entry after the present one
	head    *bytes.Reader // the rest of a header
	file    *os.File      // the present entry's, nil between entries
	left    int64         // bytes of the file that are still to come
	zeros   int64         // bytes of padding to come
	sent    int64
	err     error // what ended the stream
}

// Read gives the next bytes of the archive.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	for s.err == nil {
		n, err := s.read(p)
		s.sent += int64(n)
		s.err = err
		if n > 0 {
			return n, nil
		}
	}
	return 0, s.err
}

// Close releases the file that is being read.
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = os.ErrClosed
	}
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// read does one step; it may give no bytes.
func (s *stream) read(p []byte) (int, error) {
	switch {
	case s.head != nil && s.head.Len() > 0:
		return s.head.Read(p)
	case s.file != nil:
		return s.content(p)
	case s.zeros > 0:
		n := int(min(s.zeros, int64(len(p))))
		clear(p[:n])
		s.zeros -= int64(n)
		return n, nil
	case s.next < len(s.archive.entries):
		return 0, s.begin()
	case s.sent < s.archive.size:
		s.zeros = s.archive.size - s.sent
		return 0, nil
	}
	return 0, io.EOF
}

// begin opens the next entry's file and makes sure that it is the one that was
// planned.
func (s *stream) begin() error {
	e := &s.archive.entries[s.next]
	header, err := e.header()
	if err != nil {
		return err
	}
	// Without waiting: the name may have become a pipe's.
	f, err := s.archive.root.OpenFile(e.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("read the course's file %s: %w", show(e.path), errors.Unwrap(err))
	}
	s.file = f
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read the course's file %s: %w", show(e.path), err)
	}
	if !info.Mode().IsRegular() || info.Size() != e.size || !info.ModTime().Equal(e.modTime) {
		return changed(e)
	}
	s.next++
	s.head, s.left, s.zeros = bytes.NewReader(header), e.size, padded(e.size, blockSize)-e.size
	return nil
}

// content reads from the present file. At its end it looks for a byte more, so
// that a file that grows is noticed as well as one that shrinks.
func (s *stream) content(p []byte) (int, error) {
	e := &s.archive.entries[s.next-1]
	if s.left == 0 {
		var more [1]byte
		if n, _ := s.file.Read(more[:]); n > 0 {
			return 0, changed(e)
		}
		err := s.file.Close()
		s.file = nil
		return 0, err
	}
	n, err := s.file.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	switch {
	case n > 0:
		return n, nil
	case errors.Is(err, io.EOF):
		return 0, changed(e)
	case err != nil:
		return 0, fmt.Errorf("read the course's file %s: %w", show(e.path), err)
	}
	return 0, io.ErrNoProgress
}

func changed(e *entry) error {
	return fmt.Errorf("the course's file %q changed while it was sent", remote.OneLine(e.path, 200))
}
