package ws

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/wire"
)

// pipes is a listener without a network.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8765} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func beating() (Options, Request) {
	return Options{HeartbeatInterval: 10 * time.Second, HeartbeatTimeout: 5 * time.Second}, Request{Hub: hub.Request{Follow: true}}
}

func beatingStand(t *testing.T) *stand {
	t.Helper()
	o, q := beating()
	return newPipeStand(t, o, q)
}

func TestHeartbeat_Plain_PongKeepsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := beatingStand(t)
		c := s.dial()
		until(t, c, "three\n")
		start := time.Now()
		for i := 1; i <= 5; i++ {
			if got := next(t, c); got != "ping" {
				t.Fatalf("got %q", got)
			}
			if want := time.Duration(i) * 10 * time.Second; (time.Since(start) - want).Abs() > time.Second {
				t.Errorf("ping %d after %v", i, time.Since(start))
			}
			say(t, c, "pong")
		}
	})
}

func TestHeartbeat_Silence_EndsTheConnectionAfterTheTimeout(t *testing.T) {
	for _, protocol := range []string{"", wire.Subprotocol} {
		synctest.Test(t, func(t *testing.T) {
			s := beatingStand(t)
			c := s.dial(protocol)
			until(t, c, "three")
			start := time.Now()
			until(t, c, "ping")
			asked := time.Now()
			if (asked.Sub(start) - 10*time.Second).Abs() > time.Second {
				t.Errorf("ping after %v", asked.Sub(start))
			}
			text, code, reason := rest(t, c)
			if code != 4001 || reason != "silent" {
				t.Errorf("got %d %s", code, reason)
			}
			if waited := time.Since(asked); (waited - 5*time.Second).Abs() > time.Second {
				t.Errorf("ended after %v", waited)
			}
			if protocol != "" && !strings.Contains(text, `{"t":"bye","reason":"silent","reconnect":true,`) {
				t.Errorf("got %q", text)
			}
		})
	}
}

func TestHeartbeat_ContentFlowsWhileAnAnswerIsAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := beatingStand(t)
		c := s.dial()
		until(t, c, "ping")
		s.log.Append("meanwhile")
		if got := next(t, c); got != "meanwhile\n" {
			t.Errorf("got %q", got)
		}
		say(t, c, "pong")
		until(t, c, "ping")
	})
}

func TestHeartbeat_V1_SaysTheRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := beatingStand(t)
		c := s.dial(wire.Subprotocol)
		until(t, c, `{"t":"ping","id":1,"behind":0}`)
		time.Sleep(30 * time.Millisecond)
		say(t, c, `{"t":"pong","id":1}`)
		until(t, c, `{"t":"ping","id":2,"rtt_ms":30,"behind":0}`)
		say(t, c, `{"t":"pong","id":1}`) // again, which is no harm
		say(t, c, `{"t":"pong","id":2}`)
		until(t, c, `{"t":"ping","id":3,"rtt_ms":0,"behind":0}`)
	})
}

func TestHeartbeat_V1_AnswerToThePingBefore_IsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := beatingStand(t)
		c := s.dial(wire.Subprotocol)
		until(t, c, `{"t":"ping","id":1,`)
		say(t, c, `{"t":"pong","id":1}`)
		until(t, c, `{"t":"ping","id":2,`)
		say(t, c, `{"t":"pong","id":1}`)
		if text, code, _ := rest(t, c); code != 4001 || strings.Contains(text, `"id":3`) {
			t.Errorf("got %d after %s", code, text)
		}
	})
}

func TestHeartbeat_WrongAnswerWhileThePluginHangs_EndsTheConnectionAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := beatingStand(t)
		c := s.dial()
		until(t, c, "ping")
		s.fake.Hang()
		say(t, c, "pang")
		if _, code, _ := rest(t, c); code != 4502 {
			t.Errorf("got %d", code)
		}
		s.fake.Resume()
	})
}

func TestTalk_TooMuch_IsReadNoFasterThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, q := beating()
		o.HeartbeatInterval, o.Talk, o.TalkBurst = 0, 10, 5
		s := newPipeStand(t, o, q)
		c := s.dial()
		until(t, c, "three\n")
		start := time.Now()
		const n = 105
		for range n {
			say(t, c, "pong") // nobody asked, which is no harm
		}
		if took := time.Since(start); took < 9*time.Second {
			t.Errorf("%d messages in %v", n, took)
		}
		s.log.Append("four")
		until(t, c, "four\n")
	})
}

func TestSocket_SlowButTaking_IsWrittenToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer here.Close()
		s := &socket{Conn: there, stall: 5 * time.Second, resumes: true}
		done := make(chan error)
		start := time.Now()
		go func() {
			_, err := s.Write([]byte("0123456789"))
			there.Close()
			done <- err
		}()
		var got []byte
		for b := make([]byte, 1); ; {
			time.Sleep(4 * time.Second)
			n, err := here.Read(b)
			got = append(got, b[:n]...)
			if errors.Is(err, io.EOF) {
				break
			}
		}
		if err := <-done; err != nil || string(got) != "0123456789" {
			t.Errorf("got %q, %v after %v", got, err, time.Since(start))
		}
	})
}

func TestSocket_NotTaking_FailsAfterTheStall(t *testing.T) {
	for _, resumes := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			here, there := net.Pipe()
			defer here.Close()
			defer there.Close()
			s := &socket{Conn: there, stall: 5 * time.Second, resumes: resumes}
			start := time.Now()
			_, err := s.Write([]byte("x"))
			if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 5*time.Second {
				t.Errorf("got %v after %v", err, time.Since(start))
			}
			if _, again := s.Write([]byte("y")); again == nil || time.Since(start) != 5*time.Second {
				t.Errorf("then: %v after %v", again, time.Since(start))
			}
		})
	}
}

func TestSocket_Hurry_EndsAWriteUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer here.Close()
		defer there.Close()
		s := &socket{Conn: there, stall: 5 * time.Second, resumes: true}
		start := time.Now()
		go func() {
			time.Sleep(time.Second)
			s.hurry(time.Second)
			s.hurry(time.Hour)
		}()
		if _, err := s.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 2*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

func TestAppendHeader_Lengths(t *testing.T) {
	for n, want := range map[int]string{
		0: "8100", 125: "817d", 126: "817e007e", 65535: "817effff", 65536: "817f0000000000010000", 300_000: "817f00000000000493e0",
	} {
		if got := hex.EncodeToString(appendHeader(nil, opText, n)); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
