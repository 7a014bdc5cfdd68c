package httpd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/mount"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const logName = "/var/log/app.log"

// headerTimeout is how long the server of a stand waits for the head of a request.
const headerTimeout = 3 * time.Second

// stand is a server with everything behind it but the plugin process.
type stand struct {
	t      *testing.T
	fake   *tailtest.Fake
	log    *tailtest.FakeLog
	hub    *hub.Hub
	server *Server
	http   *httptest.Server
	fail   atomic.Pointer[error] // what Follow fails with

	mu      sync.Mutex // guards the rest
	refused []string
	closed  []string
}

// refusing is the fake with what it refuses.
type refusing struct {
	tail.Tailer
	err *atomic.Pointer[error]
}

func (r refusing) Follow(ctx context.Context, q tail.FollowRequest) iter.Seq2[tail.Event, error] {
	if err := r.err.Load(); err != nil {
		return func(yield func(tail.Event, error) bool) { yield(nil, *err) }
	}
	return r.Tailer.Follow(ctx, q)
}

// newStand starts a server with a log of three lines, a forbidden folder and a folder.
func newStand(t *testing.T, o Options) *stand {
	t.Helper()
	s := &stand{t: t, fake: tailtest.NewFake()}
	s.log = s.fake.AddLog(logName, "one", "two", "three")
	s.fake.AddLog("/srv/secret/there.log", "hidden")
	s.fake.Forbid("/srv/secret")
	s.fake.Irregular("/var/log")
	tailer := refusing{s.fake, &s.fail}
	s.hub = hub.New(tailer, hub.Options{HeartbeatInterval: time.Hour})
	if o.Mounts == nil {
		o.Mounts = mount.Single(s.hub, tailer)
	}
	o.Name = "livetail test"
	o.Observer.Refused = func(stage, reason string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refused = append(s.refused, stage+" "+reason)
	}
	o.Observer.Closed = func(protocol, reason string, _ time.Duration) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed = append(s.closed, protocol+" "+reason)
	}
	o.Observer.Sent = func(int, int, int) {}
	server, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.server = server
	s.http = httptest.NewUnstartedServer(server)
	s.http.Config.ReadHeaderTimeout = headerTimeout
	s.http.Start()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { s.hub.Run(ctx) })
	t.Cleanup(func() {
		drain, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		if err := server.Drain(drain); err != nil {
			t.Errorf("drain: %v", err)
		}
		s.http.Client().CloseIdleConnections()
		s.http.Close()
		cancel()
		wg.Wait()
	})
	return s
}

func (s *stand) seen(list *[]string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), *list...)
}

// raw sends a request as it stands, with the host and lines of header given, and returns the answer, whose body is closed at the end.
func (s *stand) raw(method, target, host string, header ...string) *http.Response {
	s.t.Helper()
	c, err := net.Dial("tcp", s.http.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, target, host)
	for _, h := range header {
		fmt.Fprintf(c, "%s\r\n", h)
	}
	fmt.Fprint(c, "\r\n")
	r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// get asks as curl does, and returns status, header and body.
func (s *stand) get(target string, header ...string) (int, http.Header, string) {
	s.t.Helper()
	r := s.raw(http.MethodGet, target, "localhost", append(header, "Connection: close")...)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return r.StatusCode, r.Header, string(body)
}

const handshake = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="

// dial opens a WebSocket; no protocols means the plain one.
func (s *stand) dial(target string, protocols ...string) *websocket.Conn {
	s.t.Helper()
	d := websocket.Dialer{Subprotocols: protocols}
	c, r, err := d.Dial("ws"+strings.TrimPrefix(s.http.URL, "http")+target, nil)
	if err != nil {
		s.t.Fatalf("%v: %v", err, r)
	}
	s.t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(3 * time.Minute))
	return c
}

// all returns everything up to the close frame.
func all(c *websocket.Conn) (text string) {
	for {
		_, data, err := c.ReadMessage()
		if err != nil {
			return text
		}
		text += string(data)
	}
}

// nextMessage returns the next message.
func nextMessage(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	_, data, err := c.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// eventually waits for a condition of the world outside.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}
