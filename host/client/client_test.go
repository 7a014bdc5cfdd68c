package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/plugin/tail"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is a connection at the server's side, in a test that plays the server.
type peer struct {
	t *testing.T
	*websocket.Conn
	query url.Values
}

func (p *peer) say(format string, a ...any) {
	p.t.Helper()
	if err := p.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, format, a...)); err != nil {
		p.t.Errorf("server cannot write: %v", err)
	}
}

func (p *peer) hello() {
	p.say(`{"t":"hello","v":1,"server":"test 1","session":"s","log":"/app.log","heartbeat":{"interval_ms":10000,"timeout_ms":5000},` +
		`"capabilities":["filter"],"later":{}}`)
}

// hear returns the next message of the client.
func (p *peer) hear() map[string]any {
	p.t.Helper()
	var m map[string]any
	if err := p.ReadJSON(&m); err != nil {
		p.t.Errorf("server cannot read: %v", err)
	}
	return m
}

func (p *peer) bye(code int) {
	_ = p.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
}

// stay waits until the client goes away.
func (p *peer) stay() {
	for {
		if _, _, err := p.ReadMessage(); err != nil {
			return
		}
	}
}

// server plays one script after the other, one for each connection; the last one for all that follow.
func server(t *testing.T, scripts ...func(*peer)) string {
	t.Helper()
	var mu sync.Mutex
	up := websocket.Upgrader{Subprotocols: []string{"livetail.v1"}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		mu.Lock()
		script := scripts[0]
		if len(scripts) > 1 {
			scripts = scripts[1:]
		}
		mu.Unlock()
		script(&peer{t, ws, r.URL.Query()})
	}))
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http") + "/app.log"
}

// collect takes events until there are n, or the end.
func collect(t *testing.T, u string, o client.Options, n int) (events []tail.Event, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for e, err := range client.Follow(ctx, u, o) {
		if err != nil {
			return events, err
		}
		if events = append(events, e); len(events) == n {
			break
		}
	}
	return events, nil
}

func pos(generation string, offset int64) tail.Position {
	return tail.Position{Generation: generation, Offset: offset}
}

func TestFollow_EveryEvent_ArrivesAsItself(t *testing.T) {
	u := server(t, func(p *peer) {
		if p.query.Get("tail") != "1" || p.query.Get("format") != "raw" || p.query.Get("lines") != "7" {
			t.Errorf("query %v", p.query)
		}
		p.hello()
		p.say(`{"t":"lines","start":"g1.0","end":"g1.9.c1","text":"a\nb\"\\\t<\n"}`)
		p.say(`{"t":"lines","start":"g1.9","end":"g1.90","text":"\u00e9你\n","at":[0,57]}`)
		p.say(`{"text":"xy","piece":"middle","t":"lines","end":"g1.92","start":"g1.90"}`)
		p.say(`{"t":"boundary","from":"g1.92","to":"g2.0","how":"renamed","order":"observed","name":"app.1"}`)
		p.say(`{"t":"truncated","from":"g2.0","to":"g3.0"}`)
		p.say(`{"t":"gap","cause":"deleted","certain":true,"after":"g3.0","before":"","generations":2,"bytes":null,"min_bytes":5,"lines":null,"evidence":["e"]}`)
		p.say(`{"t":"late","start":"g1.92","end":"g1.94","text":"z\n"}`)
		p.say(`{"t":"something new"}`)
		p.say(`{"t":"caught_up","at":"g3.0.ab"}`)
		p.bye(1000)
	})
	got, err := collect(t, u, client.Options{Start: tail.StartAtLastLines(7)}, 100)
	if err != nil {
		t.Fatal(err)
	}
	two, five := int64(2), int64(5)
	want := []tail.Event{
		tail.Lines{Start: pos("g1", 0), End: tail.Position{Generation: "g1", Offset: 9, Check: "c1"}, Text: []byte("a\nb\"\\\t<\n")},
		tail.Lines{Start: pos("g1", 9), End: pos("g1", 90), Text: []byte("é你\n"), Offsets: []uint32{0, 57}},
		tail.Lines{Start: pos("g1", 90), End: pos("g1", 92), Text: []byte("xy"), Piece: tail.PieceMiddle},
		tail.Boundary{From: pos("g1", 92), To: pos("g2", 0), How: tail.HowRenamed, Order: tail.OrderObserved, Name: "app.1"},
		tail.Truncated{From: pos("g2", 0), To: pos("g3", 0)},
		tail.Gap{Cause: tail.CauseDeleted, Certain: true, After: pos("g3", 0), Generations: &two, MinBytes: &five, Evidence: []string{"e"}},
		tail.Late{Lines: tail.Lines{Start: pos("g1", 92), End: pos("g1", 94), Text: []byte("z\n")}},
		tail.CaughtUp{At: tail.Position{Generation: "g3", Check: "ab"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestFollow_ConnectionBreaks_GoesOnAtTheLastPosition(t *testing.T) {
	for name, part := range map[string]func(*peer){
		"cut":        func(p *peer) { p.NetConn().Close() },
		"shutdown":   func(p *peer) { p.bye(1001) },
		"slow":       func(p *peer) { p.bye(4008) },
		"unknown 4x": func(p *peer) { p.bye(4321) },
		"bye": func(p *peer) {
			p.say(`{"t":"bye","reason":"shutdown","reconnect":true,"after_ms":1,"at":"g1.6"}`)
			p.bye(4999)
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := server(t,
				func(p *peer) {
					p.hello()
					p.say(`{"t":"lines","start":"g1.0","end":"g1.6.k","text":"one\ntwo\n"}`)
					p.say(`{"t":"gap","cause":"hole","certain":true,"after":"g1.6","before":""}`)
					part(p)
				},
				func(p *peer) { p.NetConn().Close() },
				func(p *peer) {
					if got := p.query["from"]; !reflect.DeepEqual(got, []string{"g1.6.k"}) || p.query.Has("lines") {
						t.Errorf("came back with %v", p.query)
					}
					p.hello()
					p.say(`{"t":"lines","start":"g1.6","end":"g1.12","text":"three\n"}`)
					p.stay()
				})
			var mu sync.Mutex
			var statuses []string
			got, err := collect(t, u+"?lines=5", client.Options{OnStatus: func(s client.Status) {
				mu.Lock()
				defer mu.Unlock()
				statuses = append(statuses, strings.TrimPrefix(fmt.Sprintf("%T", s), "client."))
			}}, 3)
			if err != nil || len(got) != 3 || string(got[2].(tail.Lines).Text) != "three\n" {
				t.Errorf("got %+v, %v", got, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if want := "Connected Disconnected Disconnected Connected"; strings.Join(statuses, " ") != want {
				t.Errorf("statuses %v, want %s", statuses, want)
			}
		})
	}
}

func TestFollow_Refused_EndsWithTheErrorItself(t *testing.T) {
	for code, want := range map[string]error{
		"not_allowed": tail.ErrNotAllowed, "not_found": tail.ErrNotFound, "not_regular": tail.ErrNotRegular,
		"bad_request": tail.ErrBadRequest, "unsupported": tail.ErrUnsupported,
	} {
		u := server(t, func(p *peer) {
			p.hello()
			p.say(`{"t":"error","code":%q,"message":"Why."}`, code)
			p.say(`{"t":"bye","reason":%q,"reconnect":false,"after_ms":0,"at":""}`, code)
			p.bye(4503)
		})
		if _, err := collect(t, u, client.Options{}, 1); !errors.Is(err, want) || !strings.Contains(err.Error(), "Why.") {
			t.Errorf("%s: got %v", code, err)
		}
	}
}

func TestFollow_PositionGoneAfterABreak_DeclaresItAndGoesOn(t *testing.T) {
	u := server(t,
		func(p *peer) {
			p.hello()
			p.say(`{"t":"lines","start":"g1.0","end":"g1.4","text":"one\n"}`)
			p.NetConn().Close()
		},
		func(p *peer) {
			p.hello()
			p.say(`{"t":"error","code":"position_gone","message":"Gone."}`)
			p.bye(4010)
		},
		func(p *peer) {
			if p.query.Has("from") {
				t.Errorf("came back with %v", p.query)
			}
			p.hello()
			p.say(`{"t":"lines","start":"g9.0","end":"g9.4","text":"two\n"}`)
			p.stay()
		})
	got, err := collect(t, u, client.Options{}, 3)
	if err != nil || len(got) != 3 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if g, ok := got[1].(tail.Gap); !ok || !g.Certain || !g.After.Same(pos("g1", 4)) {
		t.Errorf("got %+v, want a gap", got[1])
	}
}

func TestFollow_PositionGoneAtOnce_IsAnError(t *testing.T) {
	u := server(t, func(p *peer) {
		p.hello()
		p.say(`{"t":"error","code":"position_gone","message":"Gone."}`)
		p.bye(4010)
	})
	_, err := collect(t, u, client.Options{Start: tail.StartAtPosition(pos("g", 1)), Attempts: 1}, 1)
	if !errors.Is(err, tail.ErrPositionGone) {
		t.Errorf("got %v", err)
	}
}

func TestFollow_Ping_IsAnsweredAlsoWhileTheConsumerIsBusy(t *testing.T) {
	answered := make(chan struct{})
	u := server(t, func(p *peer) {
		p.hello()
		p.say(`{"t":"lines","start":"g1.0","end":"g1.4","text":"one\n"}`)
		p.say(`{"t":"ping","id":7,"rtt_ms":0.5,"behind":3}`)
		if m := p.hear(); m["t"] != "pong" || m["id"] != 7.0 {
			t.Errorf("answer %v", m)
		}
		close(answered)
		p.stay()
	})
	beats := make(chan client.Beat, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, err := range client.Follow(ctx, u, client.Options{OnStatus: func(s client.Status) {
		if b, ok := s.(client.Beat); ok {
			beats <- b
		}
	}}) {
		if err != nil {
			t.Fatal(err)
		}
		select { // The loop's body is the consumer.
		case <-answered:
		case <-ctx.Done():
			t.Fatal("no answer")
		}
		if b := <-beats; b.RTT != 500*time.Microsecond || b.Behind != 3 {
			t.Errorf("beat %+v", b)
		}
		break
	}
}

func TestFollow_ConsumerDoesNotPull_ServerIsHeldBack(t *testing.T) {
	text := strings.Repeat("x", 1023) + `\n`
	blocked := make(chan int, 1)
	u := server(t, func(p *peer) {
		p.hello()
		for i := range 1 << 20 {
			if err := p.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
				return
			}
			frame := fmt.Appendf(nil, `{"t":"lines","start":"g.%d","end":"g.%d","text":"%s"}`, i<<10, (i+1)<<10, text)
			if err := p.WriteMessage(websocket.TextMessage, frame); err != nil {
				blocked <- i
				return
			}
		}
	})
	for _, err := range client.Follow(t.Context(), u, client.Options{Queue: 1 << 16, NoReconnect: true}) {
		if err != nil {
			t.Fatal(err)
		}
		select {
		case n := <-blocked:
			if n > 64<<10 {
				t.Errorf("%d KiB were taken from the server", n)
			}
		case <-time.After(2 * time.Minute):
			t.Error("the server was never held back")
		}
		break
	}
}

func TestRead_InsideTheLoop_ReturnsThePageAlsoBehindManyEvents(t *testing.T) {
	u := server(t, func(p *peer) {
		p.hello()
		p.say(`{"t":"lines","start":"g1.0","end":"g1.4","text":"one\n"}`)
		m := p.hear()
		if m["t"] != "read" || m["at"] != "g1.4" || m["backward"] != true || m["lines"] != 10.0 {
			t.Errorf("asked %v", m)
		}
		for i := range 100 { // More than the queue holds.
			p.say(`{"t":"lines","start":"g1.%d","end":"g1.%d","text":"%s\n"}`, i, i, strings.Repeat("y", 1000))
		}
		p.say(`{"t":"page","id":%v,"events":[{"t":"lines","start":"g0.0","end":"g0.4","text":"old\n"},{"t":"new"}],`+
			`"start":"g0.0","end":"g1.4","at_beginning":true,"at_end":false}`, m["id"])
		m = p.hear()
		p.say(`{"t":"error","id":%v,"code":"position_gone","message":"Gone."}`, m["id"])
		p.stay()
	})
	c, err := client.New(u, client.Options{Queue: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := c.Read(ctx, tail.ReadRequest{At: pos("g1", 4), Lines: 10}); !errors.Is(err, client.ErrNotConnected) {
		t.Errorf("without a connection: %v", err)
	}
	for _, err := range c.Follow(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		page, err := c.Read(ctx, tail.ReadRequest{At: pos("g1", 4), Backward: true, Lines: 10})
		if err != nil || len(page.Events) != 1 || !page.AtBeginning || page.AtEnd || !page.End.Same(pos("g1", 4)) {
			t.Errorf("page %+v, %v", page, err)
		}
		if _, err := c.Read(ctx, tail.ReadRequest{At: pos("g1", 4), Lines: 10}); !errors.Is(err, tail.ErrPositionGone) {
			t.Errorf("got %v", err)
		}
		for _, err := range c.Follow(ctx) {
			if !errors.Is(err, client.ErrFollowing) {
				t.Errorf("second sequence: %v", err)
			}
		}
		break
	}
}

func TestSetFilter_IsConfirmedAndKeptForTheNextConnection(t *testing.T) {
	u := server(t,
		func(p *peer) {
			p.hello()
			p.say(`{"t":"lines","start":"g1.0","end":"g1.4","text":"one\n"}`)
			m := p.hear()
			if m["t"] != "filter" || fmt.Sprint(m["include"]) != "[a b]" || m["exclude"] != nil {
				t.Errorf("asked %v", m)
			}
			p.say(`{"t":"filtered","id":%v}`, m["id"])
			m = p.hear()
			p.say(`{"t":"error","id":%v,"code":"unsupported","message":"No."}`, m["id"])
			p.NetConn().Close()
		},
		func(p *peer) {
			if fmt.Sprint(p.query["include"]) != "[a b]" {
				t.Errorf("came back with %v", p.query)
			}
			p.hello()
			p.say(`{"t":"caught_up","at":"g1.4"}`)
			p.stay()
		})
	c, err := client.New(u, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	n := 0
	for _, err := range c.Follow(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
		if err := c.SetFilter(ctx, tail.Filter{Include: []string{"a", "b"}}); err != nil {
			t.Error(err)
		}
		if err := c.SetFilter(ctx, tail.Filter{Include: []string{"c"}}); !errors.Is(err, tail.ErrUnsupported) {
			t.Errorf("got %v", err)
		}
		if err := c.SetFilter(ctx, tail.Filter{Include: []string{"("}}); !errors.Is(err, tail.ErrBadRequest) {
			t.Errorf("got %v", err)
		}
	}
}

func TestFollow_BreaksAfterAGap_GoesOnBehindIt(t *testing.T) {
	u := server(t,
		func(p *peer) {
			p.hello()
			p.say(`{"t":"lines","start":"g1.0","end":"g1.4","text":"one\n"}`)
			p.say(`{"t":"gap","cause":"deleted","certain":true,"after":"g1.4","before":"g2.0"}`)
			p.NetConn().Close()
		},
		func(p *peer) {
			if p.query.Get("from") != "g2.0" {
				t.Errorf("came back with %v", p.query)
			}
			p.hello()
			p.say(`{"t":"caught_up","at":"g2.0"}`)
			p.stay()
		})
	if got, err := collect(t, u, client.Options{}, 3); err != nil || len(got) != 3 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFollow_BreaksAfterRotations_SaysHowFarEachGenerationWasRead(t *testing.T) {
	left := func(p *peer, want ...string) {
		if got := p.query["left"]; !slices.Equal(got, want) {
			t.Errorf("came back with left %v, want %v", got, want)
		}
		p.hello()
	}
	u := server(t,
		func(p *peer) {
			left(p)
			p.say(`{"t":"lines","start":"g1.0","end":"g1.4.k","text":"one\n"}`)
			p.say(`{"t":"boundary","from":"g1.4.k","to":"g2.0","how":"renamed","order":"observed","name":""}`)
			p.say(`{"t":"late","start":"g1.4","end":"g1.9.k","text":"late\n"}`)
			p.NetConn().Close()
		},
		func(p *peer) {
			left(p, "g1.9.k")
			p.say(`{"t":"lines","start":"g2.0","end":"g2.4","text":"two\n"}`)
			p.say(`{"t":"gap","cause":"deleted","certain":true,"after":"g2.4","before":"g4.0"}`)
			p.NetConn().Close()
		},
		func(p *peer) {
			left(p, "g1.9.k", "g2.4")
			p.say(`{"t":"error","code":"position_gone","message":"It is gone."}`)
			p.bye(4010)
		},
		func(p *peer) {
			left(p)
			p.say(`{"t":"caught_up","at":"g9.0"}`)
			p.stay()
		})
	if got, err := collect(t, u, client.Options{}, 7); err != nil || len(got) != 7 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFollow_Attempts_AreCountedAnewAfterAConnectionThatWorked(t *testing.T) {
	cut := func(p *peer) { p.NetConn().Close() }
	work := func(p *peer) {
		p.hello()
		p.say(`{"t":"caught_up","at":"g1.0"}`)
		p.NetConn().Close()
	}
	u := server(t, work, cut, work, cut, work, cut, cut)
	got, err := collect(t, u, client.Options{Attempts: 3}, 100)
	if len(got) != 3 || err == nil || !strings.Contains(err.Error(), "gave up after 3 attempts") {
		t.Errorf("got %+v, %v", got, err)
	}
}
