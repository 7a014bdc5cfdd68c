package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/host/internal/hub/cursor"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

const (
	// writeWait bounds writing one message.
	writeWait = 5 * time.Second
	// farewell bounds saying goodbye.
	farewell = 100 * time.Millisecond
)

// ending is how a connection ended.
type ending struct {
	// err is why; nil if all that was asked for has come.
	err error
	// final means that coming back is no use.
	final bool
	// after is how long the server asks to wait.
	after time.Duration
	// greeted means that the connection worked.
	greeted bool
}

// conn is one connection. Its goroutine is the one that calls run.
type conn struct {
	ws    *websocket.Conn
	o     *Options
	queue *queue
	ready func() // called when the server has greeted us
	// at is where to go on after what has been put into the queue.
	at tail.Position
	// left knows what generations were left before that, over all connections.
	left *cursor.Cursor
	// idle is how long the server may be silent; 0 means for ever.
	idle time.Duration
	// refused is what the last error message about the connection said, bye the goodbye; both are for run alone.
	refused error
	bye     *message

	writing sync.Mutex // held while a message is written

	mu     sync.Mutex // guards the rest
	asked  map[int64]chan message
	nextID int64
	over   bool
}

// dial connects. The ending is nil if that worked.
func dial(ctx context.Context, u *url.URL, o *Options) (*conn, *ending) {
	d := websocket.Dialer{
		HandshakeTimeout: o.HandshakeTimeout, TLSClientConfig: o.TLS, Subprotocols: []string{wire.Subprotocol},
		Proxy: http.ProxyFromEnvironment, ReadBufferSize: 64 << 10, WriteBufferSize: 4 << 10,
	}
	ws, resp, err := d.DialContext(ctx, u.String(), o.Header)
	if err != nil {
		return nil, handshakeEnding(resp, err)
	}
	if ws.Subprotocol() != wire.Subprotocol {
		return nil, &ending{err: errors.Join(fmt.Errorf("%s does not speak %s", u.Host, wire.Subprotocol), ws.Close()), final: true}
	}
	ws.SetReadLimit(MaxMessage)
	return &conn{ws: ws, o: o, asked: map[int64]chan message{}}, nil
}

// handshakeEnding tells what a handshake that failed means.
func handshakeEnding(resp *http.Response, err error) *ending {
	if resp == nil {
		// A certificate that is not trusted now is not trusted a second later.
		_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
		return &ending{err: err, final: untrusted}
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 512))
	resp.Body.Close()
	e := statusEnding(resp, strings.TrimSpace(string(text)))
	return &e
}

// statusEnding tells what an HTTP status that is no success means.
func statusEnding(resp *http.Response, text string) ending {
	e := ending{err: fmt.Errorf("server answered %s", resp.Status)}
	if text != "" {
		e.err = fmt.Errorf("server answered %s: %.200s", resp.Status, text)
	}
	meaning := map[int]error{
		http.StatusUnauthorized: ErrUnauthorized, http.StatusForbidden: tail.ErrNotAllowed, http.StatusNotFound: tail.ErrNotFound,
		http.StatusBadRequest: tail.ErrBadRequest,
	}[resp.StatusCode]
	if meaning != nil {
		e.err = fmt.Errorf("%w: %w", meaning, e.err)
	}
	switch {
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout, resp.StatusCode >= 500:
		if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 && s < 3600 {
			e.after = time.Duration(s) * time.Second
		}
	default:
		e.final = true
	}
	return e
}

// cut ends the connection at once, with a goodbye if that takes no time; run returns.
func (n *conn) cut() {
	_ = n.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(farewell))
	n.ws.NetConn().Close()
}

// close says goodbye, if anybody listens, and ends the requests that wait.
func (n *conn) close() {
	n.mu.Lock()
	n.over = true
	for id, answer := range n.asked {
		close(answer)
		delete(n.asked, id)
	}
	n.mu.Unlock()
	n.ws.Close()
}

// run takes what comes until there is no more.
func (n *conn) run(ctx context.Context) (end ending) {
	greeted := false
	defer func() { end.greeted = greeted }()
	for {
		wait := n.idle
		if !greeted {
			wait = n.o.HandshakeTimeout
		}
		deadline := time.Time{}
		if wait > 0 {
			deadline = time.Now().Add(wait)
		}
		if err := n.ws.SetReadDeadline(deadline); err != nil {
			return ending{err: err}
		}
		kind, data, err := n.ws.ReadMessage()
		if err != nil {
			return n.ended(err)
		}
		if kind != websocket.TextMessage {
			return ending{err: errors.New("server sent a binary frame"), final: true}
		}
		m, err := decode(data)
		if err != nil {
			return ending{err: fmt.Errorf("server sent what is no message of %s: %w", wire.Subprotocol, err), final: true}
		}
		if m.T == "hello" && !greeted {
			greeted = true
			n.greet(&m)
			continue
		}
		if err := n.take(ctx, &m); err != nil {
			return ending{err: err}
		}
	}
}

func (n *conn) greet(m *message) {
	if b := m.Heartbeat; b != nil && b.Interval > 0 {
		// A server that is silent for two heartbeats is not there any more.
		n.idle = time.Duration(2*b.Interval+b.Timeout)*time.Millisecond + writeWait
	}
	n.ready()
	n.o.OnStatus(Connected{Server: m.Server, Session: m.Session, Log: m.Log, Capabilities: m.Capabilities, At: n.at})
}

// take does what a message asks for.
func (n *conn) take(ctx context.Context, m *message) error {
	switch m.T {
	case "ping":
		if err := n.send(map[string]any{"t": "pong", "id": m.ID}); err != nil {
			return err
		}
		b := Beat{RTT: -1, Behind: -1}
		if m.RTT != nil {
			b.RTT = time.Duration(*m.RTT * float64(time.Millisecond))
		}
		if m.Behind != nil {
			b.Behind = *m.Behind
		}
		n.o.OnStatus(b)
	case "status":
		n.o.OnStatus(Plugin{State: m.Plugin})
	case "page", "filtered":
		n.answer(m)
	case "error":
		if m.ID != 0 {
			n.answer(m)
		} else {
			n.refused = remoteError(m)
		}
	case "bye":
		n.bye = m
	default:
		if m.event == nil {
			return nil // Of a later version, or of no use to us.
		}
		n.advance(m.event)
		return n.queue.put(ctx, m.event)
	}
	return nil
}

// advance moves the position to where the stream goes on after e.
func (n *conn) advance(e tail.Event) {
	n.left.Advance(e)
	to := tail.Position{}
	switch e := e.(type) {
	case tail.Lines:
		to = e.End
	case tail.Boundary:
		to = e.To
	case tail.Truncated:
		to = e.To
	case tail.Gap:
		to = e.Before
	case tail.CaughtUp:
		to = e.At
	}
	if !to.IsZero() {
		n.at = to
	}
}

// ended tells what an error of reading means.
func (n *conn) ended(err error) ending {
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		return ending{err: fmt.Errorf("connection lost: %w", err)}
	}
	end := ending{err: fmt.Errorf("server closed the connection: code %d %s", closed.Code, closed.Text), final: true}
	if n.refused != nil {
		end.err = n.refused
	}
	for _, c := range wire.Closes {
		if c.Code == closed.Code {
			end.final, end.after = !c.Reconnect, c.After
			if n.refused == nil && c.Meaning != "" {
				end.err = fmt.Errorf("server closed the connection: %s (code %d)", strings.TrimSuffix(c.Meaning, "."), c.Code)
			}
		}
	}
	switch {
	case closed.Code == websocket.CloseNormalClosure && n.refused == nil:
		return ending{}
	case closed.Code == websocket.CloseAbnormalClosure, closed.Code >= 4000 && closed.Code < 4500:
		end.final = false
	}
	if n.bye != nil {
		end.final = !n.bye.Reconnect
		end.after = time.Duration(n.bye.AfterMS) * time.Millisecond
		if n.at.IsZero() && !n.bye.At.IsZero() {
			n.at = n.bye.At.Position
		}
	}
	return end
}

func (n *conn) send(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > wire.MaxFrame {
		return fmt.Errorf("request has %d bytes; a server takes %d: %w", len(b), wire.MaxFrame, tail.ErrBadRequest)
	}
	n.writing.Lock()
	defer n.writing.Unlock()
	if err := n.ws.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return err
	}
	return n.ws.WriteMessage(websocket.TextMessage, b)
}

// ask sends a request and waits for its answer.
func (n *conn) ask(ctx context.Context, request func(id int64) any) (message, error) {
	answer := make(chan message, 1)
	n.mu.Lock()
	if n.over {
		n.mu.Unlock()
		return message{}, ErrNotConnected
	}
	n.nextID++
	id := n.nextID
	n.asked[id] = answer
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		delete(n.asked, id)
		n.mu.Unlock()
	}()
	lower := n.queue.lifting()
	defer lower()
	if err := n.send(request(id)); err != nil {
		if errors.Is(err, tail.ErrBadRequest) {
			return message{}, err
		}
		return message{}, fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	select {
	case m, ok := <-answer:
		if !ok {
			return message{}, ErrNotConnected
		}
		if m.T == "error" {
			return message{}, remoteError(&m)
		}
		return m, nil
	case <-ctx.Done():
		return message{}, ctx.Err()
	}
}

// answer hands an answer to the one who asked; nobody may have.
func (n *conn) answer(m *message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c, ok := n.asked[m.ID]; ok {
		c <- *m
		delete(n.asked, m.ID)
	}
}
