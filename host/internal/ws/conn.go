package ws

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

// conn is one connection.
type conn struct {
	server  *Server
	ws      *websocket.Conn // for reading
	socket  *socket         // for writing
	q       Request
	v1      bool
	since   time.Time
	session *hub.Session // nil if the request was refused at once
	talk    *rate.Limiter

	ctx     context.Context // ends when the connection is to end, with a cause that says why
	cancel  context.CancelCauseFunc
	work    sync.WaitGroup // requests under way
	reading chan struct{}  // closed when nothing more is read
	parted  bool           // the peer has sent a close frame; written before reading is closed
	done    func()

	slots     atomic.Int32 // requests for pages under way
	scans     scans        // searches and counts under way
	filtering atomic.Bool  // a change of the filter is under way
	filter    atomic.Pointer[tail.Filter]

	// beat is held from before a ping is written until the hub knows, so that no answer can overtake the question.
	beat    sync.Mutex
	asked   int64         // id of the last ping
	askedAt time.Time     // when it was written; zero once it has been answered
	rtt     time.Duration // of the last answer; negative if there was none
}

// ending is why a connection is closed by a frame that says so.
type ending struct {
	wire.Close
	say  error // what the peer is told before, if anything
	bare bool  // the close frame alone, without reason: it answers that of the peer
}

// lost is an error of the socket: nothing more can be written.
type lost struct{ error }

func (l lost) Unwrap() error { return l.error }

func (e *ending) Error() string { return e.Reason }

func newConn(s *Server, ws *websocket.Conn, sock *socket, q Request, done func()) *conn {
	c := &conn{
		server: s, ws: ws, socket: sock, q: q, v1: ws.Subprotocol() == wire.Subprotocol, since: time.Now(), done: done,
		talk: rate.NewLimiter(rate.Limit(s.o.Talk), s.o.TalkBurst), reading: make(chan struct{}), rtt: -1,
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	if q.Hub.Within != nil { // Pages and searches are part of the same, too.
		c.ctx = q.Hub.Within(c.ctx)
	}
	c.filter.Store(&q.Hub.Filter)
	return c
}

func (c *conn) protocol() string {
	if c.v1 {
		return wire.Subprotocol
	}
	return "plain"
}

// stop has the connection end with a close frame.
func (c *conn) stop(how wire.Close) { c.stopSaying(how, nil) }

// stopSaying has the connection end with a close frame, after the peer has been told about an error.
func (c *conn) stopSaying(how wire.Close, say error) {
	c.cancel(&ending{Close: how, say: say})
	c.socket.hurry(c.server.o.Farewell)
}

// run is the life of the connection.
func (c *conn) run() {
	defer c.done()
	out := &batch{conn: c}
	err := c.open(out)
	go c.read() // ends when the socket is closed, below at the latest
	if c.q.Revoked != nil {
		c.work.Go(func() { // ends with the connection
			select {
			case <-c.q.Revoked:
				c.stop(wire.CloseRevoked)
			case <-c.ctx.Done():
			}
		})
	}
	if err == nil {
		err = c.follow(out)
	}
	how := c.why(err)
	c.cancel(errPeer) // so that nothing that is under way waits any longer
	if how.say != nil {
		c.server.o.Observer.refused(wire.Refusal(how.say))
	}
	if how.Code == 0 || c.farewell(out, how) != nil {
		c.socket.Close()
	} else {
		c.linger()
	}
	<-c.reading
	c.work.Wait()
	if c.session != nil {
		c.session.Close()
	}
	c.server.o.Observer.closed(c.protocol(), how.Reason, time.Since(c.since))
}

// open begins the session.
func (c *conn) open(out *batch) error {
	if c.q.Refuse != nil {
		return c.q.Refuse
	}
	q := c.q.Hub
	q.Rendering = rendering(c.v1, c.q.Format)
	q.Heartbeat = true
	s, err := c.q.Source.Hub.Open(c.ctx, q)
	if err != nil {
		return err
	}
	c.session = s
	if !c.v1 {
		return nil
	}
	hello := wire.Hello{
		Server: c.server.o.Name, Session: s.ID(), Log: c.q.Log,
		Interval: c.server.o.HeartbeatInterval, Timeout: c.server.o.HeartbeatTimeout, Limits: c.server.o.Limits, TraceURL: c.server.o.TraceURL,
	}
	if c.server.o.Zone != nil {
		hello.Zone = c.server.o.Zone(c.q.Log)
	}
	if c.q.Source.Capabilities != nil {
		hello.Capabilities = c.q.Source.Capabilities()
	}
	out.add(opText, wire.AppendHello(nil, hello))
	return out.flush()
}

// follow sends what the session has to say until there is no more, and returns why.
func (c *conn) follow(out *batch) error {
	for {
		item, err := c.session.Next(c.ctx)
		if err != nil {
			return err
		}
		switch item := item.(type) {
		case *hub.Frame:
			out.frame(item)
		case hub.Ping:
			err = c.ping(out, item)
		case hub.Dead:
			if item.Wrong {
				return &ending{Close: wire.CloseWrong}
			}
			return &ending{Close: wire.CloseSilent}
		case hub.Reply:
			out.add(opText, item.Payload)
		case hub.Status:
			if c.v1 {
				out.add(opText, wire.AppendStatus(nil, item.State))
			}
		}
		if err == nil && (out.full() || !c.session.More()) {
			err = out.flush()
		}
		if err != nil {
			return err
		}
	}
}

// ping writes a ping.
func (c *conn) ping(out *batch, p hub.Ping) error {
	if err := out.flush(); err != nil { // so that the round trip is that of the ping alone
		return err
	}
	c.server.o.Observer.lag(p.Behind)
	c.beat.Lock()
	defer c.beat.Unlock()
	c.asked++
	if c.v1 {
		out.add(opText, wire.AppendPing(nil, c.asked, c.rtt, p.Behind))
	} else {
		out.add(opText, []byte(wire.PlainPing))
	}
	if err := out.flush(); err != nil {
		return err
	}
	c.askedAt = time.Now()
	c.session.Pinged()
	return nil
}

// why says how the connection is to end because of err.
func (c *conn) why(err error) *ending {
	if c.ctx.Err() != nil { // whatever failed, failed because of that
		err = context.Cause(c.ctx)
	}
	e, torn := (*ending)(nil), lost{}
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, io.EOF):
		return &ending{Close: wire.CloseDone}
	case errors.Is(err, hub.ErrClosed):
		return &ending{Close: wire.CloseShutdown}
	case errors.As(err, &torn) && errors.Is(err, os.ErrDeadlineExceeded):
		return &ending{Close: wire.CloseSlow}
	case errors.As(err, &torn), errors.Is(err, errPeer):
		return &ending{Close: wire.Close{Reason: "peer"}}
	default:
		return &ending{Close: wire.CloseFor(err), say: wire.OfPosition(c.startKey(), err)}
	}
}

// startKey is the parameter of the URL that names a position to begin at; empty if none does.
func (c *conn) startKey() string {
	if _, ok := c.q.Hub.Start.Position(); ok {
		return "from"
	}
	return ""
}

// farewell writes what comes last.
func (c *conn) farewell(out *batch, how *ending) error {
	c.socket.hurry(c.server.o.Farewell)
	if c.socket.saidClose() {
		return nil
	}
	code, reason := how.Code, how.Reason
	switch {
	case how.bare:
		reason = ""
	case how.say != nil && c.v1:
		out.add(opText, wire.AppendError(nil, 0, wire.ErrorCode(how.say), wire.ErrorText(how.say)))
	case how.say != nil:
		out.add(opText, []byte(wire.PlainRefusal(how.say)))
		code = wire.CloseDone.Code // as the reference does
	}
	if c.v1 && !how.bare {
		at := tail.Position{}
		if c.session != nil {
			at = c.session.Position()
		}
		out.add(opText, wire.AppendBye(nil, how.Close, at))
	}
	out.add(opClose, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
	return out.flush()
}

// linger closes the socket when the peer has had its say, or after a while: closing it with something unread in it would destroy what
// the peer has not read yet.
func (c *conn) linger() {
	_ = c.socket.SetReadDeadline(time.Now().Add(c.server.o.Farewell)) // fails only on a closed connection
	<-c.reading
	if !c.parted {
		c.socket.end()
		_, _ = io.CopyN(io.Discard, c.socket, 64<<10) // until the peer closes, or the time is over
	}
	c.socket.Close()
}
