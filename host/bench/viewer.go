package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// viewer is a connection to a server. It reads the socket itself, because what a client library costs would be measured, too.
type viewer struct {
	name    string
	fd      int
	frames  frames
	buf     []byte
	release func() bool
	closed  sync.Once
}

const (
	// blockRead is how much is read at once where it matters.
	blockRead = 256 << 10
	// patience is how long a viewer waits for anything.
	patience = 60 * time.Second
)

// dial connects to a log, with its last lines. buf is what the viewer reads into; several may share it that one goroutine reads.
func dial(ctx context.Context, s *server, path string, lines int, buf []byte) (*viewer, error) {
	u, err := url.Parse(s.url(path, lines))
	if err != nil {
		return nil, err
	}
	addr, err := netip.ParseAddrPort(u.Host)
	if err != nil || !addr.Addr().Is4() {
		return nil, fmt.Errorf("%s listens on %q, not on an IPv4 address", s.name, u.Host)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	v := &viewer{name: s.name, fd: fd, buf: buf}
	// A read or write that hangs ends with ctx, or when patience does.
	v.release = context.AfterFunc(ctx, func() { _ = unix.Shutdown(fd, unix.SHUT_RDWR) })
	if err := v.open(addr, u, s.subprotocol); err != nil {
		v.close()
		return nil, fmt.Errorf("dial %s: %w", s.name, err)
	}
	return v, nil
}

func (v *viewer) open(addr netip.AddrPort, u *url.URL, subprotocol string) error {
	timeout := unix.NsecToTimeval(patience.Nanoseconds())
	if err := unix.SetsockoptTimeval(v.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := retried(func() error {
		return unix.Connect(v.fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()})
	}); err != nil {
		return os.NewSyscallError("connect", err)
	}
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", u.RequestURI(), u.Host)
	if subprotocol != "" {
		request += "Sec-WebSocket-Protocol: " + subprotocol + "\r\n"
	}
	if err := v.write([]byte(request + "\r\n")); err != nil {
		return err
	}
	// The answer is read byte by byte, for what follows is content.
	var answer []byte
	for one := make([]byte, 1); !bytes.HasSuffix(answer, []byte("\r\n\r\n")) && len(answer) < 8<<10; answer = append(answer, one[0]) {
		if _, err := v.read(one); err != nil {
			return err
		}
	}
	if status, _, _ := strings.Cut(string(answer), "\r\n"); !strings.HasPrefix(status, "HTTP/1.1 101 ") {
		return fmt.Errorf("the server answers %q", status)
	}
	return nil
}

func retried(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (v *viewer) read(b []byte) (n int, err error) {
	err = retried(func() (err error) { n, err = unix.Read(v.fd, b); return err })
	switch {
	case errors.Is(err, unix.EAGAIN):
		return 0, fmt.Errorf("nothing came for %s", patience)
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (v *viewer) write(b []byte) error {
	for len(b) > 0 {
		n := 0
		if err := retried(func() (err error) { n, err = unix.Write(v.fd, b); return err }); err != nil {
			return os.NewSyscallError("write", err)
		}
		b = b[n:]
	}
	return nil
}

// next reads what has come, waiting for something, and hands its content on. Heartbeats are answered.
func (v *viewer) next(content func([]byte)) error {
	n, err := v.read(v.buf)
	if err != nil {
		return err
	}
	answer, err := v.frames.feed(v.buf[:n], content)
	if err != nil {
		return err
	}
	return v.write(answer)
}

// lines reads until so many lines have come.
func (v *viewer) lines(n int) error {
	for n > 0 {
		if err := v.next(func(b []byte) { n -= bytes.Count(b, at) }); err != nil {
			return err
		}
	}
	return nil
}

// close ends the connection. Nothing may read it any more.
func (v *viewer) close() {
	v.closed.Do(func() {
		v.release()
		_ = unix.Close(v.fd)
	})
}
