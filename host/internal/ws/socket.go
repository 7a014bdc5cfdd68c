package ws

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	// wholeWrite is the most that is given to a TLS connection at once, which unlike TCP cannot go on after a write that timed out.
	wholeWrite = 16 << 10

	opText  = 0x1
	opClose = 0x8
	final   = 0x80
)

// socket is a connection on which frames are written whole, each within its time, by any goroutine. Its write deadlines are its own:
// those that package websocket sets are ignored.
type socket struct {
	net.Conn
	stall   time.Duration // how long a write may go on without taking a byte
	resumes bool          // a write that timed out can go on where it stopped

	mu     sync.Mutex // held while frames are written, and guards what follows
	torn   error      // why a write failed, after which whatever else were written would not be understood
	closed bool       // package websocket has written a close frame, because the peer broke the rules

	deadline sync.Mutex // guards the rest
	last     time.Time  // when all writing ends; zero: never
}

func newSocket(c net.Conn, stall time.Duration) *socket {
	_, tcp := c.(*net.TCPConn)
	return &socket{Conn: c, stall: stall, resumes: tcp}
}

// Write writes one frame of package websocket: the handshake, or the answer to a ping.
func (s *socket) Write(p []byte) (int, error) {
	closes := p[0] == final|opClose
	if err := s.write(net.Buffers{p}); err != nil {
		return 0, err
	}
	if closes {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
	}
	return len(p), nil
}

// saidClose reports whether a close frame was written by package websocket.
func (s *socket) saidClose() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// SetWriteDeadline does nothing.
func (s *socket) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline sets the deadline for reading.
func (s *socket) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

// write writes bufs, which are whole frames, and uses them up. It fails if not a single byte is taken for the time of a stall, and
// from then on always.
func (s *socket) write(bufs net.Buffers) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.torn == nil {
		s.torn = s.writeBuffers(bufs)
	}
	return s.torn
}

func (s *socket) writeBuffers(bufs net.Buffers) error {
	if !s.resumes {
		return s.writeChunks(bufs)
	}
	for {
		if err := s.arm(); err != nil {
			return err
		}
		n, err := bufs.WriteTo(s.Conn)
		if err == nil || n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

// writeChunks is writeBuffers for connections that cannot go on after a timeout: each chunk has the time of a stall.
func (s *socket) writeChunks(bufs net.Buffers) error {
	for _, p := range bufs {
		for len(p) > 0 {
			if err := s.arm(); err != nil {
				return err
			}
			n, err := s.Conn.Write(p[:min(len(p), wholeWrite)])
			if err != nil {
				return err
			}
			p = p[n:]
		}
	}
	return nil
}

// arm gives the next write its time.
func (s *socket) arm() error {
	s.deadline.Lock()
	defer s.deadline.Unlock()
	now := time.Now()
	t := now.Add(s.stall)
	if !s.last.IsZero() && s.last.Before(t) {
		t = s.last
	}
	if !t.After(now) {
		return os.ErrDeadlineExceeded
	}
	return s.Conn.SetWriteDeadline(t)
}

// hurry ends all writing, that under way included, after d at the latest.
func (s *socket) hurry(d time.Duration) {
	s.deadline.Lock()
	defer s.deadline.Unlock()
	t := time.Now().Add(d)
	if s.last.IsZero() || t.Before(s.last) {
		s.last = t
		_ = s.Conn.SetWriteDeadline(t) // fails only on a closed connection
	}
}

// end says that nothing more will be written, if the connection can say so.
func (s *socket) end() {
	if c, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // the connection is closed next, whatever this says
	}
}

// appendHeader appends the header of an unmasked frame.
func appendHeader(dst []byte, op byte, length int) []byte {
	dst = append(dst, final|op)
	switch {
	case length < 126:
		return append(dst, byte(length))
	case length < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(length))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 127), uint64(length))
	}
}

// hijacker hands package websocket a connection of ours instead of the one it takes over.
type hijacker struct {
	http.ResponseWriter
	stall  time.Duration
	socket *socket
}

// Hijack implements [http.Hijacker].
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.socket = newSocket(c, h.stall)
	return h.socket, rw, nil
}
