package hub_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

// bubble runs test with a hub over a fake in a synctest bubble.
func bubble(t *testing.T, o hub.Options, test func(t *testing.T, f *tailtest.Fake, h *hub.Hub)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := tailtest.NewFake()
		h := hub.New(f, o)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		test(t, f, h)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})
}

func mustOpen(t *testing.T, h *hub.Hub, r hub.Request) *hub.Session {
	t.Helper()
	if r.Rendering.New == nil {
		r.Rendering = plainRendering()
	}
	s, err := h.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// following is the usual request: the last 10 lines, and on.
func following(log string) hub.Request {
	return hub.Request{Log: log, Start: tail.StartAtLastLines(10), Follow: true}
}

// say describes an item.
func say(it hub.Item) string {
	switch it := it.(type) {
	case *hub.Frame:
		return strings.ReplaceAll(string(it.Payload), "\n", "|")
	case hub.Reply:
		return "reply " + string(it.Payload)
	case hub.Status:
		return "status " + it.State
	default:
		return strings.TrimPrefix(fmt.Sprintf("%T", it), "hub.")
	}
}

// drain takes what comes within d.
func drain(t *testing.T, s *hub.Session, d time.Duration) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var out []string
	for {
		it, err := s.Next(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			return strings.Join(out, " ")
		}
		if err != nil {
			return strings.Join(append(out, err.Error()), " ")
		}
		out = append(out, say(it))
	}
}

func wantDrained(t *testing.T, s *hub.Session, d time.Duration, want string) {
	t.Helper()
	if got := drain(t, s, d); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestNext_Following_DeliversLastLinesThenNewOnes(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		log := f.AddLog("/log", "1", "2")
		s := mustOpen(t, h, following("/log"))
		wantDrained(t, s, time.Second, "1|2| caught up")
		log.Append("3")
		wantDrained(t, s, time.Second, "3|")
		log.Rotate()
		log.Append("4")
		wantDrained(t, s, time.Second, "tail.Boundary 4|")
		if got := s.Position(); !got.Same(log.End()) {
			t.Errorf("the position is %v, want %v", got, log.End())
		}
	})
}

func TestNext_NotFollowing_EndsWithEOF(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		f.AddLog("/log", "1", "2", "3")
		s := mustOpen(t, h, hub.Request{Log: "/log", Start: tail.StartAtLastLines(2)})
		wantDrained(t, s, time.Second, "2|3| caught up EOF")
		if _, err := s.Next(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("then %v", err)
		}
	})
}

func TestNext_RefusedByTheTailer_SaysWhy(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		f.Forbid("/secret")
		for log, want := range map[string]error{"/none": tail.ErrNotFound, "/secret/x": tail.ErrNotAllowed} {
			if _, err := mustOpen(t, h, following(log)).Next(t.Context()); !errors.Is(err, want) {
				t.Errorf("%s: %v", log, err)
			}
		}
	})
}

func TestNext_LogThatIsWaitedFor_BeginsWithItsFirstLine(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		r := following("/log")
		r.Wait = true
		s := mustOpen(t, h, r)
		wantDrained(t, s, time.Minute, "")
		f.AddLog("/log", "1")
		if got := drain(t, s, time.Second); !strings.Contains(got, "1|") {
			t.Errorf("got %q", got)
		}
	})
}

func TestNext_Cancelled_LosesNothing(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		log := f.AddLog("/log")
		s := mustOpen(t, h, following("/log"))
		drain(t, s, time.Second)
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		for i := range 100 {
			log.Append(fmt.Sprint(i))
			if _, err := s.Next(cancelled); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		got := strings.ReplaceAll(drain(t, s, time.Second), " ", "")
		if n := strings.Count(got, "|"); n != 100 || !strings.HasSuffix(got, "99|") && !strings.HasSuffix(got, "99|caughtup") {
			t.Errorf("%d lines: %q", n, got)
		}
	})
}

// painted renders lines with the number of the lines before, as a renderer does that knows which colour is on.
func TestClose_WhileReadingPrivately_EndsTheReading(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		f.AddLog("/log", "1")
		s := mustOpen(t, h, following("/log"))
		synctest.Wait()
		if n := f.Followers("/log"); n != 1 {
			t.Fatalf("%d Follow calls", n)
		}
		s.Close()
		synctest.Wait()
		if n := f.Followers("/log"); n != 0 {
			t.Errorf("%d Follow calls are left", n)
		}
		if _, err := s.Next(t.Context()); !errors.Is(err, hub.ErrClosed) {
			t.Errorf("Next returned %v", err)
		}
	})
}

func TestSetFilter_GoesOnAtThePosition(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		log := f.AddLog("/log", "a1", "b1")
		s := mustOpen(t, h, following("/log"))
		drain(t, s, time.Second)
		log.Append("a2", "b2")
		if err := s.SetFilter(t.Context(), tail.Filter{Include: []string{"a"}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Post(t.Context(), []byte("filtered")); err != nil {
			t.Fatal(err)
		}
		got := drain(t, s, time.Second)
		if !strings.HasPrefix(got, "reply filtered a2|") || strings.Contains(got, "b2") {
			t.Errorf("got %q", got)
		}
		if err := s.SetFilter(t.Context(), tail.Filter{Include: []string{"("}}); !errors.Is(err, tail.ErrBadRequest) {
			t.Errorf("a bad pattern: %v", err)
		}
		log.Append("a3", "b3")
		if got := drain(t, s, time.Second); !strings.HasPrefix(got, "a3|") || strings.Contains(got, "b3") {
			t.Errorf("after the bad pattern: %q", got)
		}
	})
}

func TestPost_QueueIsFull_WaitsForRoom(t *testing.T) {
	bubble(t, hub.Options{MaxReplies: 2}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		f.AddLog("/log", "1")
		s := mustOpen(t, h, following("/log"))
		go func() {
			for i := range 5 {
				if err := s.Post(t.Context(), fmt.Append(nil, i)); err != nil {
					t.Error(err)
				}
			}
		}()
		synctest.Wait()
		if !s.More() {
			t.Error("a reply waits, and there is nothing more")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		full := mustOpen(t, h, following("/log"))
		for range 2 {
			_ = full.Post(ctx, nil)
		}
		if err := full.Post(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a third reply: %v", err)
		}
		full.Close()
		if err := full.Post(t.Context(), nil); !errors.Is(err, hub.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		got := drain(t, s, time.Second)
		for i := range 5 {
			if !strings.Contains(got, fmt.Sprint("reply ", i)) {
				t.Errorf("got %q", got)
			}
		}
	})
}

func TestOpen_LimitOfSessions_RefusesAndRecovers(t *testing.T) {
	bubble(t, hub.Options{MaxSessions: 2}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		f.AddLog("/log", "1")
		s := mustOpen(t, h, following("/log"))
		mustOpen(t, h, following("/log"))
		r := following("/log")
		r.Rendering = plainRendering()
		if _, err := h.Open(t.Context(), r); !errors.Is(err, tail.ErrTooMany) {
			t.Errorf("got %v", err)
		}
		s.Close()
		s.Close()
		mustOpen(t, h, following("/log"))
	})
}

func TestOpen_BadRequest_IsRefused(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		for _, r := range []hub.Request{
			{Rendering: plainRendering()},
			{Log: strings.Repeat("x", tail.MaxPath+1), Rendering: plainRendering()},
			{Log: "/log"},
		} {
			if _, err := h.Open(t.Context(), r); !errors.Is(err, tail.ErrBadRequest) {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestRun_HubStops_SessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := tailtest.NewFake()
		f.AddLog("/log", "1")
		h := hub.New(f, hub.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = h.Run(ctx) }()
		inFeed, private := mustOpen(t, h, following("/log")), mustOpen(t, h, following("/log"))
		drain(t, inFeed, time.Second)
		ended := make(chan error, 1)
		go func() {
			_, err := inFeed.Next(t.Context())
			ended <- err
		}()
		synctest.Wait()
		cancel()
		<-done
		if err := <-ended; !errors.Is(err, hub.ErrClosed) {
			t.Errorf("Next returned %v", err)
		}
		if _, err := private.Next(t.Context()); !errors.Is(err, hub.ErrClosed) {
			t.Errorf("Next returned %v", err)
		}
		if _, err := h.Open(t.Context(), hub.Request{Log: "/log", Rendering: plainRendering()}); !errors.Is(err, hub.ErrClosed) {
			t.Errorf("Open returned %v", err)
		}
	})
}
