package ws

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

// big is more than the kernel takes for a peer that does not read.
func big() []string {
	line := strings.Repeat("x", 60_000)
	lines := make([]string, 150)
	for i := range lines {
		lines[i] = line
	}
	return lines
}

// dialSmall connects with a small receive buffer.
func (s *stand) dialSmall() *websocket.Conn {
	s.t.Helper()
	d := websocket.Dialer{NetDial: (&net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10) })
	}}).Dial}
	c, r, err := d.Dial("ws"+strings.TrimPrefix(s.http.URL, "http"), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Body.Close()
	s.t.Cleanup(func() { c.Close() })
	return c
}

func (s *stand) reasons() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.closed...)
}

func TestStall_PeerThatNeverReads_IsLetGoAndOthersAreNot(t *testing.T) {
	// Long enough for a busy machine to let the good one read.
	s := newStand(t, Options{Stall: 4 * time.Second}, Request{Hub: hub.Request{Follow: true}})
	good := s.dial()
	until(t, good, "three\n")
	stalled := s.dialSmall()
	s.log.Append(big()...)
	for n := 0; n < 150*60_001; {
		n += len(next(t, good))
	}
	eventually(t, "the stalled peer is let go", func() bool { return len(s.reasons()) == 1 })
	if got := s.reasons(); got[0] != "slow" {
		t.Errorf("got %v", got)
	}
	s.log.Append("four")
	if got := next(t, good); got != "four\n" {
		t.Errorf("got %q", got)
	}
	stalled.Close()
}

func TestStall_PeerThatReadsSlowly_GetsEverything(t *testing.T) {
	s := newStand(t, Options{Stall: 3 * time.Second}, Request{Hub: hub.Request{Start: tail.StartAtLastLines(100)}})
	s.log.Append(big()[:100]...)
	c := s.dialSmall()
	start, n := time.Now(), 4096 // as much may have come with the handshake
	slow := c.NetConn()
	buf := make([]byte, 96<<10)
	for n < 100*60_001 {
		time.Sleep(60 * time.Millisecond) // the rate of the peer, no condition: all of it takes longer than a stall
		slow.SetReadDeadline(time.Now().Add(30 * time.Second))
		got, err := slow.Read(buf)
		if err != nil {
			t.Fatalf("after %d bytes and %v: %v; %v", n, time.Since(start), err, s.reasons())
		}
		n += got
	}
}

func TestDrain_WhileAPeerDoesNotRead_EndsInTime(t *testing.T) {
	s := newStand(t, Options{Stall: time.Hour, Farewell: 200 * time.Millisecond}, Request{Hub: hub.Request{Follow: true}})
	s.dialSmall()
	s.log.Append(big()...)
	busy := 0
	eventually(t, "a write is stuck", func() bool {
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		for c := range s.server.conns {
			if busy++; c.socket.mu.TryLock() {
				c.socket.mu.Unlock()
				busy = 0
			}
		}
		return busy == 100
	})
	start := time.Now()
	if err := s.server.Drain(t.Context()); err != nil || time.Since(start) > 3*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
}

// BenchmarkIdle prints what an idle session costs in this process, the HTTP server and the hub included. The peers are bare sockets.
func BenchmarkIdle(b *testing.B) {
	for _, protocol := range []string{"plain", wire.Subprotocol} {
		b.Run(protocol, func(b *testing.B) {
			const n = 2000
			s := newStand(b, Options{HeartbeatInterval: time.Hour}, Request{Hub: hub.Request{Follow: true}, Format: wire.Format{Raw: protocol != "plain"}})
			conns := make([]net.Conn, n)
			before := memory()
			for i := range conns {
				c, err := net.Dial("tcp", s.http.Listener.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", logName, protocol)
				r, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil || r.StatusCode != http.StatusSwitchingProtocols {
					b.Fatal(r, err)
				}
				conns[i] = c
			}
			eventually(b, "all sessions have joined", func() bool {
				stats := s.hub.Stats()
				return stats.Sessions == n && stats.Private == 0
			})
			held := memory() - before
			for b.Loop() {
			}
			b.ReportMetric(float64(held)/n/1024, "KiB/session")
		})
	}
}

// memory is what the heap and the stacks hold.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
