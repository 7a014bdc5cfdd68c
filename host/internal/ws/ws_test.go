package ws

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/livetail/livetail/host/internal/render"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const logName = "/var/log/app.log"

// stand is a server with everything behind it but the plugin process.
type stand struct {
	t      testing.TB
	fake   *tailtest.Fake
	log    *tailtest.FakeLog
	hub    *hub.Hub
	server *Server
	http   *httptest.Server
	pipes  *pipes // nil: TCP

	refuse atomic.Pointer[error] // what Follow fails with

	mu     sync.Mutex // guards the rest
	closed []string   // reasons
	sent   struct{ frames, lines, bytes int }
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

// newStand starts a server. The request is that of every connection; the log has three lines.
func newStand(t testing.TB, o Options, q Request) *stand {
	t.Helper()
	s := &stand{t: t, fake: tailtest.NewFake()}
	s.start(o, q)
	return s
}

// newPipeStand is newStand without a network, for a synctest bubble.
func newPipeStand(t testing.TB, o Options, q Request) *stand {
	t.Helper()
	s := &stand{t: t, fake: tailtest.NewFake(), pipes: &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}}
	s.start(o, q)
	return s
}

func (s *stand) start(o Options, q Request) {
	s.t.Helper()
	t := s.t
	s.log = s.fake.AddLog(logName, "one", "two", "three")
	heartbeat := o.HeartbeatInterval
	if heartbeat == 0 {
		heartbeat = time.Hour
	}
	s.hub = hub.New(refusing{s.fake, &s.refuse}, hub.Options{HeartbeatInterval: heartbeat, HeartbeatTimeout: o.HeartbeatTimeout})
	o.Name = "livetail test"
	q.Source.Hub, q.Source.Tailer = s.hub, s.fake
	o.Observer.Closed = func(_, reason string, _ time.Duration) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed = append(s.closed, reason)
	}
	o.Observer.Sent = func(frames, lines, bytes int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sent.frames += frames
		s.sent.lines += lines
		s.sent.bytes += bytes
	}
	s.server = New(o)
	if q.Hub.Log == "" {
		q.Hub.Log = logName
	}
	if q.Log == "" {
		q.Log = q.Hub.Log
	}
	if q.Hub.Start.End() {
		q.Hub.Start = tail.StartAtLastLines(1000)
	}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.server.Serve(w, r, q) }))
	if s.pipes != nil {
		s.http.Listener.Close()
		s.http.Listener = s.pipes
	}
	s.http.Start()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { s.hub.Run(ctx) })
	t.Cleanup(func() {
		drain, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		if err := s.server.Drain(drain); err != nil {
			t.Errorf("drain: %v", err)
		}
		s.http.Close()
		cancel()
		wg.Wait()
	})
}

// dial connects; no protocols means the plain one.
func (s *stand) dial(protocols ...string) *websocket.Conn {
	s.t.Helper()
	d := websocket.Dialer{Subprotocols: protocols, HandshakeTimeout: time.Minute}
	if s.pipes != nil {
		d.NetDialContext = s.pipes.dial
	}
	c, r, err := d.Dial("ws"+strings.TrimPrefix(s.http.URL, "http")+logName, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Body.Close()
	s.t.Cleanup(func() { c.Close() })
	if s.pipes == nil {
		c.SetReadDeadline(time.Now().Add(3 * time.Minute))
	}
	return c
}

// next returns the next text frame.
func next(t testing.TB, c *websocket.Conn) string {
	t.Helper()
	kind, data, err := c.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	if kind != websocket.TextMessage {
		t.Fatalf("frame of kind %d", kind)
	}
	return string(data)
}

// rest returns everything up to the close frame, and its code and reason.
func rest(t testing.TB, c *websocket.Conn) (text string, code int, reason string) {
	t.Helper()
	for {
		_, data, err := c.ReadMessage()
		if closed := (*websocket.CloseError)(nil); errors.As(err, &closed) {
			return text, closed.Code, closed.Text
		}
		if err != nil {
			t.Fatalf("after %q: %v", text, err)
		}
		text += string(data)
	}
}

// until reads frames until one contains what is wanted, and returns all of them.
func until(t testing.TB, c *websocket.Conn, want string) string {
	t.Helper()
	text := ""
	for !strings.Contains(text, want) {
		text += next(t, c) + "\n"
	}
	return text
}

func say(t testing.TB, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition of the world outside.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestPlain_WithoutTail_SendsTheLastLinesAndClosesNormally(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Start: tail.StartAtLastLines(2)}})
	s.log.Append("<b> \x1b[31mred\x1b[0m")
	text, code, reason := rest(t, s.dial())
	if text != "three\n&lt;b&gt; <span style=\"color: #aa0000\">red</span>\n" || code != 1000 || reason != "done" {
		t.Errorf("got %q, %d %s", text, code, reason)
	}
	eventually(t, "closed is observed", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.closed) == 1 && s.closed[0] == "done" && s.sent.lines == 2 && s.sent.bytes == len(text)
	})
}

func TestPlain_WithTail_GoesOnWithNewLines(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}})
	c := s.dial()
	until(t, c, "three\n")
	s.log.Append("four")
	if got := next(t, c); got != "four\n" {
		t.Errorf("got %q", got)
	}
}

func TestPlain_Gap_IsANotice(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}})
	c := s.dial()
	until(t, c, "three\n")
	s.log.InjectGap(tail.Gap{Cause: tail.CauseDeleted, Certain: true})
	got := until(t, c, "</font>")
	if !strings.Contains(got, `<font color="red"><strong>Lines are missing here: `) {
		t.Errorf("got %q", got)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name  string
		fail  error
		plain string
		code  int
		v1    string
	}{
		{"forbidden", tail.ErrNotAllowed, "Forbidden", 4503, "not_allowed"},
		{"missing", tail.ErrNotFound, "Not found", 4504, "not_found"},
		{"directory", tail.ErrNotRegular, "Not found", 4505, "not_regular"},
		{"unreadable", tail.ErrUnreadable, "Cannot be read", 4009, "unreadable"},
		{"position gone", tail.ErrPositionGone, "Position is gone", 4010, "position_gone"},
		{"too many", tail.ErrTooMany, "Too many connections", 4029, "too_many"},
		{"bad", &wire.RequestError{Message: "lines must be a number."}, "Fail to parse URL", 4500, "bad_request"},
		{"broken", errors.New("open /etc/shadow"), "Internal error", 1011, "internal"},
	} {
		for _, where := range []string{"by the URL", "by the tailer"} {
			t.Run(c.name+" "+where, func(t *testing.T) {
				q := Request{Hub: hub.Request{Follow: true}}
				if where == "by the URL" {
					q.Refuse = c.fail
				}
				s := newStand(t, Options{}, q)
				if q.Refuse == nil {
					s.refuse.Store(&c.fail)
				}
				text, code, _ := rest(t, s.dial())
				if want := `<font color="red"><strong>` + c.plain + `</strong></font>`; text != want || code != 1000 {
					t.Errorf("plain: got %q, %d", text, code)
				}
				text, code, reason := rest(t, s.dial(wire.Subprotocol))
				if !strings.Contains(text, `{"t":"error","code":"`+c.v1+`"`) || !strings.Contains(text, `{"t":"bye","reason":"`+c.v1+`"`) {
					t.Errorf("v1: got %q", text)
				}
				if code != c.code || reason != c.v1 || strings.Contains(text, "shadow") {
					t.Errorf("v1: got %d %s", code, reason)
				}
			})
		}
	}
}

// Who brings a position that no plugin made is told that it is the position that is wrong.
func TestRefusals_PositionThatWasNeverSent_IsNamed(t *testing.T) {
	nonsense := fmt.Errorf("position %q: %w", "bad.1", tail.ErrBadRequest)
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true, Start: tail.StartAtPosition(tail.Position{Generation: "bad", Offset: 1})}})
	s.refuse.Store(&nonsense)
	text, code, _ := rest(t, s.dial(wire.Subprotocol))
	if !strings.Contains(text, `"code":"bad_request","message":"from holds no position that this server has sent for this log. `) || code != 4500 {
		t.Errorf("got %q, %d", text, code)
	}
	s = newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}})
	s.refuse.Store(&nonsense)
	if text, _, _ = rest(t, s.dial(wire.Subprotocol)); strings.Contains(text, "from") {
		t.Errorf("no position was named, got %q", text)
	}
}

func TestV1_Stream(t *testing.T) {
	s := newStand(t, Options{HeartbeatInterval: 7 * time.Second, HeartbeatTimeout: 3 * time.Second},
		Request{
			Source: Source{Capabilities: func() []string { return []string{"filter", "history"} }},
			Hub:    hub.Request{Follow: true}, Format: wire.Format{Raw: true},
		})
	c := s.dial(wire.Subprotocol)
	hello := next(t, c)
	for _, want := range []string{`{"t":"hello","v":1,"server":"livetail test","session":"`, `"log":"/var/log/app.log"`, `"heartbeat":{"interval_ms":7000,"timeout_ms":3000}`, `"capabilities":["filter","history"]`} {
		if !strings.Contains(hello, want) {
			t.Errorf("hello lacks %s: %s", want, hello)
		}
	}
	got := until(t, c, `"caught_up"`)
	if !strings.Contains(got, `"text":"one\ntwo\nthree\n"`) {
		t.Errorf("got %s", got)
	}
	s.log.Append("\x1b[31m\"four\"")
	if got := until(t, c, "four"); !strings.Contains(got, `"text":"\u001b[31m\"four\"\n"`) {
		t.Errorf("got %s", got)
	}
	s.log.Rotate()
	s.log.Append("five")
	if got := until(t, c, "five"); !strings.Contains(got, `{"t":"boundary","from":"`) || !strings.Contains(got, `"how":"renamed","order":"observed"`) {
		t.Errorf("got %s", got)
	}
}

func TestV1_ResumeAtTheEndOfTheLastBatch_LosesAndDoublesNothing(t *testing.T) {
	s := newStand(t, Options{}, Request{Format: wire.Format{Raw: true}})
	text, _, _ := rest(t, s.dial(wire.Subprotocol))
	_, at, ok := strings.Cut(text, `"reconnect":false,"after_ms":0,"at":"`)
	if !ok {
		t.Fatalf("no position in %s", text)
	}
	p, err := tail.ParsePosition(strings.TrimSuffix(at, `"}`))
	if err != nil || !p.Same(s.log.End()) {
		t.Errorf("got %v, %v; the log ends at %v", p, err, s.log.End())
	}
}

func TestV1_Ping_IsAnswered(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}})
	c := s.dial(wire.Subprotocol)
	next(t, c)
	say(t, c, `{"t":"ping","id":3}`)
	until(t, c, `{"t":"pong","id":3}`)
}

func TestV1_Read_AnswersWithAPage(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}, Format: wire.Format{Raw: true}})
	c := s.dial(wire.Subprotocol)
	until(t, c, `"caught_up"`)
	say(t, c, fmt.Sprintf(`{"t":"read","id":1,"at":"%s","backward":true,"lines":2}`, s.log.End()))
	got := until(t, c, `{"t":"page","id":1,"events":[{"t":"lines"`)
	if !strings.Contains(got, `"text":"two\nthree\n"`) || !strings.Contains(got, `"at_beginning":false,"at_end":true}`) {
		t.Errorf("got %s", got)
	}
	say(t, c, `{"t":"read","id":2,"at":"nonsense.1","lines":2}`)
	until(t, c, `{"t":"error","id":2,"code":"position_gone"`)
	say(t, c, `{"t":"read","id":3,"at":"x.1","lines":0}`)
	until(t, c, `{"t":"error","id":3,"code":"bad_request","message":"lines must be from 1 to 10000."}`)
}

func TestV1_ReadsWithoutEnd_AreBounded(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}})
	c := s.dial(wire.Subprotocol)
	until(t, c, `"caught_up"`)
	s.fake.Hang()
	for id := range 3 {
		say(t, c, fmt.Sprintf(`{"t":"read","id":%d,"at":"%s","lines":2}`, id+1, s.log.End()))
	}
	until(t, c, `{"t":"error","id":3,"code":"too_many"`)
	s.fake.Resume()
	got := until(t, c, `"page","id":1,`)
	if !strings.Contains(got, `"page","id":2,`) {
		until(t, c, `"page","id":2,`)
	}
}

func TestV1_Filter_ChangesWithoutReconnecting(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}, Format: wire.Format{Raw: true}})
	c := s.dial(wire.Subprotocol)
	until(t, c, `"caught_up"`)
	say(t, c, `{"t":"filter","id":2,"include":["keep"]}`)
	until(t, c, `{"t":"filtered","id":2}`)
	s.log.Append("drop", "keep 1", "drop", "keep 2")
	got := until(t, c, "keep 2")
	if strings.Contains(got, "drop") || !strings.Contains(got, "keep 1") {
		t.Errorf("got %s", got)
	}
	say(t, c, fmt.Sprintf(`{"t":"read","id":3,"at":"%s","backward":true,"lines":9}`, s.log.End()))
	if got := until(t, c, `"page"`); strings.Contains(got, "drop") {
		t.Errorf("the page is not filtered: %s", got)
	}
	say(t, c, `{"t":"filter","id":4,"include":["("]}`)
	until(t, c, `{"t":"error","id":4,"code":"bad_request"`)
}

func TestBrokenClients(t *testing.T) {
	for _, c := range []struct {
		name      string
		protocols []string
		do        func(*testing.T, *websocket.Conn)
		code      int
	}{
		{"4097 bytes", nil, func(t *testing.T, c *websocket.Conn) { say(t, c, strings.Repeat("x", 4097)) }, 1009},
		{"4097 bytes in fragments", nil, func(t *testing.T, c *websocket.Conn) {
			w, err := c.NextWriter(websocket.TextMessage)
			if err != nil {
				t.Fatal(err)
			}
			for range 4097 {
				w.Write([]byte("x"))
			}
			w.Close()
		}, 1009},
		{"binary", []string{wire.Subprotocol}, func(_ *testing.T, c *websocket.Conn) { c.WriteMessage(websocket.BinaryMessage, []byte(`{}`)) }, 1003},
		{"not UTF-8", []string{wire.Subprotocol}, func(t *testing.T, c *websocket.Conn) { say(t, c, "\xff") }, 1007},
		{"no message", []string{wire.Subprotocol}, func(t *testing.T, c *websocket.Conn) { say(t, c, "pong") }, 4500},
		{"an answer nobody asked for", []string{wire.Subprotocol}, func(t *testing.T, c *websocket.Conn) { say(t, c, `{"t":"pong","id":9}`) }, 4502},
		{"not pong", nil, func(t *testing.T, c *websocket.Conn) { say(t, c, "hello") }, 4502},
		{"reserved bit", nil, func(_ *testing.T, c *websocket.Conn) {
			c.NetConn().Write([]byte{0x80 | 0x40 | opText, 0x80 | 1, 0, 0, 0, 0, 'x'})
		}, 1002},
		{"no mask", nil, func(_ *testing.T, c *websocket.Conn) { c.NetConn().Write([]byte{0x80 | opText, 1, 'x'}) }, 1002},
		{"2^63 bytes", nil, func(_ *testing.T, c *websocket.Conn) {
			c.NetConn().Write([]byte{0x80 | opText, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		}, 1009},
		{"2^62 bytes", nil, func(_ *testing.T, c *websocket.Conn) {
			c.NetConn().Write([]byte{0x80 | opText, 0x80 | 127, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		}, 1009},
		{"says goodbye", nil, func(_ *testing.T, c *websocket.Conn) {
			c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(3999, "bye"), time.Now().Add(time.Second))
		}, 3999},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStand(t, Options{Farewell: 200 * time.Millisecond}, Request{Hub: hub.Request{Follow: true}})
			ws := s.dial(c.protocols...)
			next(t, ws)
			c.do(t, ws)
			if _, code, reason := rest(t, ws); code != c.code {
				t.Errorf("got %d %s, want %d", code, reason, c.code)
			}
			eventually(t, "the connection is gone", func() bool { return s.server.Open() == 0 })
		})
	}
}

func TestFragmentsBetweenControlFrames_AreOneMessage(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}})
	c := s.dial(wire.Subprotocol)
	next(t, c)
	pongs := make(chan string, 1)
	c.SetPongHandler(func(data string) error {
		pongs <- data
		return nil
	})
	w, err := c.NextWriter(websocket.TextMessage)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, `{"t":"ping",`)
	if err := c.WriteControl(websocket.PingMessage, []byte("hi"), time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, `"id":5}`)
	w.Close()
	until(t, c, `{"t":"pong","id":5}`)
	if got := <-pongs; got != "hi" {
		t.Errorf("got %q", got)
	}
}

func TestCompression_IsNotNegotiated(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}})
	c, r, err := (&websocket.Dialer{EnableCompression: true}).Dial("ws"+strings.TrimPrefix(s.http.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := r.Header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestVanishedPeer_IsForgotten(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}})
	c := s.dial()
	next(t, c)
	c.NetConn().Close()
	eventually(t, "the connection is gone", func() bool { return s.server.Open() == 0 && s.hub.Stats().Sessions == 0 })
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.closed) != 1 || s.closed[0] != "peer" {
		t.Errorf("got %v", s.closed)
	}
}

func TestRevoked_EndsTheConnection(t *testing.T) {
	revoked := make(chan struct{})
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}, Revoked: revoked})
	c := s.dial(wire.Subprotocol)
	until(t, c, "caught_up")
	close(revoked)
	if _, code, _ := rest(t, c); code != 4507 {
		t.Errorf("got %d", code)
	}
}

func TestDone_IsCalledOnceForEveryRequest(t *testing.T) {
	var mu sync.Mutex
	n := 0
	s := newStand(t, Options{}, Request{Done: func() {
		mu.Lock()
		defer mu.Unlock()
		n++
	}})
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
	rest(t, s.dial())
	eventually(t, "done after a connection", func() bool { return count() == 1 })
	r, err := http.Get(s.http.URL)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusBadRequest || count() != 2 {
		t.Errorf("after no handshake: status %d, done %d times", r.StatusCode, count())
	}
}

func TestDrain_TellsEveryoneAndRefusesNewOnes(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}})
	var conns []*websocket.Conn
	for range 20 {
		conns = append(conns, s.dial(wire.Subprotocol), s.dial())
	}
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() {
			text, code, reason := rest(t, c)
			if code != 1001 || reason != "shutdown" {
				t.Errorf("got %d %s", code, reason)
			}
			if v1 := i%2 == 0; v1 != strings.Contains(text, `{"t":"bye","reason":"shutdown","reconnect":true,"after_ms":500,"at":"`) {
				t.Errorf("got %q", text)
			}
		})
	}
	eventually(t, "all are connected", func() bool { return s.server.Open() == len(conns) })
	if err := s.server.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	_, r, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.http.URL, "http"), nil)
	if err == nil || r == nil || r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a new connection: %v, %v", r, err)
	}
}

func TestFormats_Plain(t *testing.T) {
	for format, want := range map[render.Format]string{
		render.Text: "<x> red\n", render.ANSI: "<x> \x1b[0;31mred\x1b[0m\n", render.HTML: "&lt;x&gt; <span style=\"color: #aa0000\">red</span>\n",
	} {
		s := newStand(t, Options{}, Request{Hub: hub.Request{Start: tail.StartAtLastLines(1)}, Format: wire.Format{As: format}})
		s.log.Append("<x> \x1b[31mred\x1b[0m")
		if got, _, _ := rest(t, s.dial()); got != want {
			t.Errorf("%v: got %q", format, got)
		}
	}
}
