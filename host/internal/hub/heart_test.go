package hub_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

// beating opens a session with a heartbeat that has caught up.
func beating(t *testing.T, f *tailtest.Fake, h *hub.Hub) (*tailtest.FakeLog, *hub.Session) {
	t.Helper()
	log := f.AddLog("/log")
	r := following("/log")
	r.Heartbeat = true
	s := mustOpen(t, h, r)
	drain(t, s, time.Millisecond)
	return log, s
}

func TestHeartbeat_PeerAnswers_IsPingedAgainEachInterval(t *testing.T) {
	bubble(t, hub.Options{HeartbeatInterval: 10 * time.Second}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		_, s := beating(t, f, h)
		for range 3 {
			before := time.Now()
			it, err := s.Next(t.Context())
			if _, ok := it.(hub.Ping); !ok || err != nil {
				t.Fatalf("got %v, %v", it, err)
			}
			if d := time.Since(before); d < 7*time.Second || d > 10*time.Second {
				t.Errorf("a ping came after %v", d)
			}
			s.Pinged()
			time.Sleep(time.Second)
			s.Answered()
		}
	})
}

func TestHeartbeat_PeerIsSilent_IsDeadAfterTheTimeout(t *testing.T) {
	bubble(t, hub.Options{HeartbeatTimeout: 3 * time.Second}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		log, s := beating(t, f, h)
		wantDrained(t, s, 10*time.Second+time.Millisecond, "Ping")
		time.Sleep(time.Second)
		s.Pinged() // The time runs from here.
		log.Append("content goes on flowing")
		wantDrained(t, s, 2900*time.Millisecond, "content goes on flowing|")
		ctx := t.Context()
		it, err := s.Next(ctx)
		if d, ok := it.(hub.Dead); !ok || d.Wrong || err != nil {
			t.Errorf("got %#v, %v", it, err)
		}
	})
}

// moment is longer than what a session did may wait for what others do.
const moment = 21 * time.Millisecond

func TestHeartbeat_PeerAnswersWrongly_IsDeadAtOnce(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		_, s := beating(t, f, h)
		before := time.Now()
		s.Wrong()
		it, err := s.Next(t.Context())
		if d, ok := it.(hub.Dead); !ok || !d.Wrong || err != nil || time.Since(before) > moment {
			t.Errorf("got %#v, %v after %v", it, err, time.Since(before))
		}
	})
}

func TestHeartbeat_NoContentYet_PingsAllTheSame(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		r := following("/not/yet")
		r.Wait, r.Heartbeat = true, true
		s := mustOpen(t, h, r)
		wantDrained(t, s, 11*time.Second, "Ping")
	})
}

func TestHeartbeat_PluginDiesWhileAnAnswerIsAwaited_ForgivesThePing(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		_, s := beating(t, f, h)
		wantDrained(t, s, 10*time.Second+time.Millisecond, "Ping")
		s.Pinged()
		f.Crash()
		wantDrained(t, s, 9*time.Second, "status restarting status up")
		s.Answered() // Late, and nobody waits for it.
		wantDrained(t, s, 2*time.Second, "Ping")
		s.Pinged()
		s.Answered()
		wantDrained(t, s, 9*time.Second, "")
	})
}

func TestHeartbeat_PluginDiesBeforeThePingIsWritten_DoesNotCountIt(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		_, s := beating(t, f, h)
		wantDrained(t, s, 10*time.Second+time.Millisecond, "Ping")
		f.Crash()
		time.Sleep(time.Second)
		s.Pinged() // Ordered by a plugin that is gone: the new one must not wait for the answer.
		wantDrained(t, s, 8*time.Second, "status restarting status up")
	})
}

func TestHeartbeat_PluginDiesBeforeThePingIsHandedOut_TakesTheOrderBack(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		_, s := beating(t, f, h)
		time.Sleep(10*time.Second + time.Millisecond)
		f.Crash()
		time.Sleep(100 * time.Millisecond)
		if got := drain(t, s, 5*time.Second); got != "status restarting status up" && got != "status up" && got != "" {
			t.Errorf("got %q", got)
		}
		wantDrained(t, s, 6*time.Second, "Ping")
	})
}

func TestHeartbeat_PluginHangs_CallIsMadeAnew(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		beating(t, f, h)
		f.Hang()
		time.Sleep(11 * time.Second)
		f.Resume()
		time.Sleep(time.Second)
		if n := h.Stats().HeartbeatCalls; n < 2 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestHeartbeat_ManySessionsAtOnce_AreToldOfTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		h := hub.New(l, hub.Options{})
		done := make(chan struct{})
		go func() { defer close(done); _ = h.Run(t.Context()) }()
		var all []*hub.Session
		for range 100 {
			all = append(all, mustOpen(t, h, hub.Request{Log: "/log", Follow: true, Heartbeat: true}))
		}
		begun := time.Now()
		time.Sleep(time.Second)
		for _, s := range all {
			s.Wrong()
			time.Sleep(100 * time.Microsecond)
		}
		time.Sleep(moment)
		if when := l.beatTimes(tail.BeatWrong); len(when) > 2 {
			t.Errorf("beats came at %v after %v", when, begun)
		}
	})
}

func TestHeartbeat_FloodOfBeats_QueuesAFewOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		h := hub.New(l, hub.Options{})
		done := make(chan struct{})
		go func() { defer close(done); _ = h.Run(t.Context()) }()
		s := mustOpen(t, h, hub.Request{Log: "/log", Follow: true, Heartbeat: true})
		for range 1000 {
			s.Answered()
			s.Pinged()
			s.Wrong()
		}
		time.Sleep(moment)
		s.Close()
		time.Sleep(moment)
		got := l.beatKinds(s.ID())
		if len(got) != 3 || got[0] != tail.BeatOpened || got[1] != tail.BeatWrong || got[2] != tail.BeatClosed {
			t.Errorf("the plugin was told %v", got)
		}
	})
}

func TestNotify_TellsEverySessionOnce(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		_, s := beating(t, f, h)
		h.Notify(hub.Status{State: hub.StateDown})
		h.Notify(hub.Status{State: hub.StateDown})
		wantDrained(t, s, time.Second, "status down")
		f.Crash() // Now Notify alone says how the plugin is.
		wantDrained(t, s, 5*time.Second, "")
		h.Notify(hub.Status{State: hub.StateUp})
		wantDrained(t, s, time.Second, "status up")
		late := mustOpen(t, h, following("/log"))
		wantDrained(t, late, time.Second, "caught up")
	})
}
