package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/host/internal/httpd"
	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/mount"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

const logName = "/var/log/app.log"

// frontDoor is the real front door over a log in memory.
type frontDoor struct {
	fake *tailtest.Fake
	log  *tailtest.FakeLog
	addr string
}

func newFrontDoor(t *testing.T, o httpd.Options, ho hub.Options, lines ...string) *frontDoor {
	t.Helper()
	f := &frontDoor{fake: tailtest.NewFake()}
	f.log = f.fake.AddLog(logName, lines...)
	h := hub.New(f.fake, ho)
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { _ = h.Run(ctx) }) // Ends with ctx.
	o.Mounts, o.Name = mount.Single(h, f.fake), "livetail test"
	s, err := httpd.New(o)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s)
	f.addr = web.Listener.Addr().String()
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		if err := s.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
		web.Close()
		cancel()
		work.Wait()
	})
	return f
}

func (f *frontDoor) url() string { return "ws://" + f.addr + logName }

// writeNumbers appends lines 1 to n of up to so many bytes, and rotates now and then.
func (f *frontDoor) writeNumbers(n, length int) {
	for i := 1; i <= n; i++ {
		f.log.Append(fmt.Sprintf("line %d %s", i, strings.Repeat("x", i%length)))
		if i%500 == 0 {
			f.log.Rotate()
		}
		if i%50 == 0 {
			time.Sleep(time.Millisecond) // It is the pace of the writer, not a wait for a condition.
		}
	}
}

// inOrder follows until line n has come, and checks that all came, in order and once.
func inOrder(t *testing.T, u string, o client.Options, n int, each func(i int)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	next := 1
	for e, err := range client.Follow(ctx, u, o) {
		if err != nil {
			t.Fatalf("before line %d: %v", next, err)
		}
		l, ok := e.(tail.Lines)
		if _, isGap := e.(tail.Gap); isGap {
			t.Fatalf("before line %d: %+v", next, e)
		}
		if !ok {
			continue
		}
		for line := range bytes.Lines(l.Text) {
			if want := fmt.Sprintf("line %d ", next); !bytes.HasPrefix(line, []byte(want)) {
				t.Fatalf("got %q, want %q", line, want)
			}
			next++
		}
		if each != nil {
			each(next)
		}
		if next > n {
			return
		}
	}
	t.Fatalf("it ended before line %d", next)
}

// cutter passes connections on, and cuts each after so many bytes of answer.
func cutter(t *testing.T, to string, after int64) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	t.Cleanup(func() { ln.Close(); work.Wait() })
	work.Go(func() { // Ends when the listener is closed.
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			work.Go(func() { // Ends when either side does.
				defer in.Close()
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				work.Go(func() { _, _ = io.Copy(out, in) })
				_, _ = io.CopyN(in, out, after)
			})
		}
	})
	return ln.Addr().String()
}

func TestReal_ConnectionIsCutAgainAndAgain_EveryLineComesOnce(t *testing.T) {
	f := newFrontDoor(t, httpd.Options{}, hub.Options{})
	const n = 30_000
	go f.writeNumbers(n, 300) // Ends by itself.
	lost := 0
	inOrder(t, "ws://"+cutter(t, f.addr, 700_000)+logName+"?lines=100000", client.Options{OnStatus: func(s client.Status) {
		if _, ok := s.(client.Disconnected); ok {
			lost++
		}
	}}, n, nil)
	if lost < 3 {
		t.Errorf("it was cut %d times only", lost)
	}
}

func TestReal_StartAtBeginning_TheWholeLogComesOnceThroughRotationsAndCuts(t *testing.T) {
	f := newFrontDoor(t, httpd.Options{}, hub.Options{})
	const n = 5000
	f.writeNumbers(n, 300)
	cuts := 0
	inOrder(t, "ws://"+cutter(t, f.addr, 500_000)+logName+"?lines=1", client.Options{Start: tail.StartAtBeginning(), OnStatus: func(s client.Status) {
		if _, ok := s.(client.Disconnected); ok {
			cuts++
		}
	}}, n, nil)
	if cuts == 0 {
		t.Error("it was never cut")
	}
}

func TestReal_ConsumerStalls_IsLetGoAndLosesNothing(t *testing.T) {
	letGo := make(chan string, 100)
	o := httpd.Options{Stall: 200 * time.Millisecond}
	o.Observer.Closed = func(_, reason string, _ time.Duration) { letGo <- reason }
	f := newFrontDoor(t, o, hub.Options{})
	const n = 4000
	go f.writeNumbers(n, 20_000) // Ends by itself.
	stalled := false
	inOrder(t, f.url()+"?lines=100000", client.Options{Queue: 1 << 10}, n, func(next int) {
		if next < n/10 || stalled {
			return
		}
		stalled = true
		select { // A consumer that hangs.
		case reason := <-letGo:
			if reason != "slow" {
				t.Errorf("it was let go for being %q", reason)
			}
		case <-time.After(2 * time.Minute):
			t.Error("it was not let go")
		}
	})
}

func TestReal_Heartbeat_IsAnswered(t *testing.T) {
	f := newFrontDoor(t, httpd.Options{}, hub.Options{HeartbeatInterval: 30 * time.Millisecond, HeartbeatTimeout: time.Minute}, "one")
	beats := make(chan client.Beat, 100)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for e, err := range client.Follow(ctx, f.url(), client.Options{NoReconnect: true, OnStatus: func(s client.Status) {
		if b, ok := s.(client.Beat); ok {
			select {
			case beats <- b:
			default:
			}
		}
	}}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := e.(tail.CaughtUp); !ok {
			continue
		}
		for range 5 {
			select {
			case b := <-beats:
				if b.RTT > time.Minute {
					t.Errorf("%+v", b)
				}
			case <-ctx.Done():
				t.Fatal("no heartbeat")
			}
		}
		return
	}
}

func TestReal_ReadAndSetFilter(t *testing.T) {
	var lines []string
	for i := range 100 {
		lines = append(lines, fmt.Sprintf("line %d", i))
	}
	f := newFrontDoor(t, httpd.Options{}, hub.Options{}, lines...)
	c, err := client.New(f.url(), client.Options{Start: tail.StartAtLastLines(10)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var got strings.Builder
	for e, err := range c.Follow(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		l, ok := e.(tail.Lines)
		if !ok {
			continue
		}
		if got.Len() == 0 {
			page, err := c.Read(ctx, tail.ReadRequest{At: l.Start, Backward: true, Lines: 3})
			if err != nil || len(page.Events) != 1 || string(page.Events[0].(tail.Lines).Text) != "line 87\nline 88\nline 89\n" || page.AtBeginning {
				t.Errorf("page %+v, %v", page, err)
			}
			if err := c.SetFilter(ctx, tail.Filter{Include: []string{"even"}}); err != nil {
				t.Error(err)
			}
			f.log.Append("odd", "even", "odd", "last even")
		}
		got.Write(l.Text)
		if strings.HasSuffix(got.String(), "last even\n") {
			break
		}
	}
	if want := "line 90\nline 91\nline 92\nline 93\nline 94\nline 95\nline 96\nline 97\nline 98\nline 99\neven\nlast even\n"; got.String() != want {
		t.Errorf("got %q", got.String())
	}
}

func TestReal_Once_EndsAtTheEnd(t *testing.T) {
	f := newFrontDoor(t, httpd.Options{}, hub.Options{}, "one", "<b>two</b>")
	events, err := collect(t, f.url(), client.Options{Once: true}, 100)
	if err != nil || len(events) == 0 || string(events[0].(tail.Lines).Text) != "one\n<b>two</b>\n" {
		t.Errorf("got %+v, %v", events, err)
	}
	for name, follow := range map[string]func() (string, error){
		"plain": func() (s string, err error) {
			for b, e := range client.FollowPlain(t.Context(), f.url(), client.Options{Once: true}) {
				s, err = s+string(b), e
			}
			return s, err
		},
		"text": func() (s string, err error) {
			for b, e := range client.FollowText(t.Context(), f.url(), client.Options{Once: true}) {
				s, err = s+string(b), e
			}
			return s, err
		},
	} {
		got, err := follow()
		if err != nil || !strings.HasPrefix(got, "one\n") || !strings.Contains(got, "two") {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestReal_Refusals(t *testing.T) {
	f := newFrontDoor(t, httpd.Options{}, hub.Options{}, "one")
	f.fake.Forbid("/etc")
	f.fake.Irregular("/var/log/dir")
	for path, want := range map[string]error{"/etc/passwd": tail.ErrNotAllowed, "/var/log/none": tail.ErrNotFound, "/var/log/dir": tail.ErrNotRegular} {
		u := "ws://" + f.addr + path
		if _, err := collect(t, u, client.Options{}, 1); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", path, err, want)
		}
		for _, err := range client.FollowPlain(t.Context(), u, client.Options{}) {
			if !errors.Is(err, client.ErrRefused) {
				t.Errorf("%s, plain: got %v", path, err)
			}
		}
		for _, err := range client.FollowText(t.Context(), u, client.Options{}) {
			if err == nil {
				t.Errorf("%s, text: no error", path)
			}
		}
	}
}

func TestReal_PositionGone_IsTold(t *testing.T) {
	f := newFrontDoor(t, httpd.Options{}, hub.Options{}, "one")
	at := tail.Position{Generation: "nobody", Offset: 3}
	if _, err := collect(t, f.url(), client.Options{Start: tail.StartAtPosition(at)}, 1); !errors.Is(err, tail.ErrPositionGone) {
		t.Errorf("got %v", err)
	}
}
