package ws

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

// Options of a [Server]. The zero value of a duration or number means the default.
type Options struct {
	// Name is name and version of the server, for hello.
	Name string
	// HeartbeatInterval and HeartbeatTimeout are those of the hub, for hello.
	HeartbeatInterval, HeartbeatTimeout time.Duration
	// Zone names the time zone of a log's lines whose time names none, and TraceURL where traces are shown, for hello; nil and empty: it does not say.
	Zone     func(log string) string
	TraceURL string
	// Stall is how long a peer may take no byte of what is being written; default 5 s.
	Stall time.Duration
	// Farewell is how long the last frames may take, and how long the peer's answer to the close frame is waited for; default 1 s.
	Farewell time.Duration
	// ReadTimeout bounds a request for a page; default 30 s.
	ReadTimeout time.Duration
	// Reads bounds the requests for pages under way in the whole server; default 64. More wait.
	Reads int
	// Scans bounds the searches and counts under way in the whole server; default 16. More wait.
	Scans int
	// Talk is how many messages per second a peer may send in the long run; default 20. TalkBurst is how many at once; default 100.
	Talk      float64
	TalkBurst int
	// Limits are what a peer may say.
	Limits   wire.Limits
	Observer Observer
}

// Source is where the log of a connection comes from.
type Source struct {
	// Hub has the session, Tailer answers requests for pages.
	Hub    *hub.Hub
	Tailer tail.Tailer
	// Capabilities returns what the tailer can do, for hello, which waits for it. May be nil.
	Capabilities func() []string
}

// Request is what a connection asks for.
type Request struct {
	// Source is not used if Refuse is set.
	Source Source
	// Log is the name by which the peer knows the log; Hub.Log may be another.
	Log string
	// Hub is the request to the hub; Rendering and Heartbeat are set by [Server.Serve].
	Hub hub.Request
	// Format is what the text is to look like. The plain protocol knows no raw text.
	Format wire.Format
	// Refuse, if not nil, is said to the peer instead of anything else.
	Refuse error
	// Revoked ends the connection when it is closed. May be nil.
	Revoked <-chan struct{}
	// Done is called when the connection is over. May be nil.
	Done func()
}

// Server holds the connections. It is safe for concurrent use.
type Server struct {
	o        Options
	upgrader websocket.Upgrader
	reads    chan struct{} // holds an element for each request for a page under way
	scans    chan struct{} // likewise for searches and counts
	wg       sync.WaitGroup

	mu       sync.Mutex // guards the rest
	conns    map[*conn]struct{}
	draining bool
}

// New returns a server without connections.
func New(o Options) *Server {
	o.Stall = positive(o.Stall, 5*time.Second)
	o.Farewell = positive(o.Farewell, time.Second)
	o.ReadTimeout = positive(o.ReadTimeout, 30*time.Second)
	o.HeartbeatInterval = positive(o.HeartbeatInterval, 10*time.Second)
	o.HeartbeatTimeout = positive(o.HeartbeatTimeout, 5*time.Second)
	o.Reads = positive(o.Reads, 64)
	o.Scans = positive(o.Scans, 16)
	o.Talk = positive(o.Talk, 20)
	o.Limits = o.Limits.Filled()
	o.TalkBurst = positive(o.TalkBurst, 100)
	return &Server{
		o: o,
		upgrader: websocket.Upgrader{
			HandshakeTimeout: o.Stall,
			ReadBufferSize:   256, // Peers say little, and each connection keeps it.
			// Package websocket writes nothing but the handshake and answers to pings, for which it needs no buffer of its own.
			WriteBufferPool: new(sync.Pool),
			Subprotocols:    []string{wire.Subprotocol},
			// The origin is checked for every route alike, before anything else.
			CheckOrigin: func(*http.Request) bool { return true },
		},
		reads: make(chan struct{}, o.Reads),
		scans: make(chan struct{}, o.Scans),
		conns: map[*conn]struct{}{},
	}
}

func positive[T int | float64 | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// IsUpgrade reports whether r asks for a WebSocket.
func IsUpgrade(r *http.Request) bool { return websocket.IsWebSocketUpgrade(r) }

// IsV1 reports whether r asks for livetail.v1, and not for the plain protocol.
func IsV1(r *http.Request) bool { return slices.Contains(websocket.Subprotocols(r), wire.Subprotocol) }

// Serve makes a WebSocket of r and answers q over it, by goroutines of the server's own; it returns as soon as they run. Where r
// is no proper handshake, it answers with an HTTP error. The caller has checked the origin.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, q Request) {
	done := q.Done
	if done == nil {
		done = func() {}
	}
	// Before the handshake, so that Drain waits for this one too.
	if !s.enter() {
		done()
		w.Header().Set("Retry-After", "1")
		http.Error(w, "The server is stopping.", http.StatusServiceUnavailable)
		return
	}
	h := &hijacker{ResponseWriter: w, stall: s.o.Stall}
	ws, err := s.upgrader.Upgrade(h, r, nil)
	if err != nil { // the peer has been answered
		s.wg.Done()
		done()
		return
	}
	c := newConn(s, ws, h.socket, q, done)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	draining := s.draining
	s.mu.Unlock()
	if draining {
		c.stop(wire.CloseShutdown)
	}
	s.o.Observer.opened(c.protocol())
	go func() { // ends with the connection; Drain waits for it
		defer s.wg.Done()
		c.run()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
}

// enter counts a connection that is about to be, unless the server is draining.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.wg.Add(1)
	return true
}

// Open returns how many connections stand.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Drain ends all connections, each with a close frame that invites its peer back, and waits until they are gone. When ctx ends before,
// the rest are cut, and the error is ctx's. New connections are refused from then on.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	all := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		c.stop(wire.CloseShutdown)
	}
	gone := make(chan struct{})
	go func() { // ends when the last connection does, at once after they have been cut
		s.wg.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		c.socket.Close()
	}
	s.mu.Unlock()
	<-gone
	return ctx.Err()
}

// rendering is how events become payloads for one kind of connection.
func rendering(v1 bool, f wire.Format) hub.Rendering {
	if v1 {
		return hub.Rendering{Key: wire.Subprotocol + "/" + f.String(), New: func() hub.Renderer { return wire.NewRenderer(f) }}
	}
	return hub.Rendering{Key: "plain/" + f.As.String(), New: func() hub.Renderer { return wire.NewPlainRenderer(f.As) }}
}

// errPeer is why a connection ends whose peer went away.
var errPeer = errors.New("peer is gone")
