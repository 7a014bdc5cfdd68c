package hub_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

func TestFeed_CaughtUpSessions_ShareOneReadingAndOneRendering(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		log := f.AddLog("/log", "1")
		rendered, renderers := 0, 0
		r := following("/log")
		r.Rendering = hub.Rendering{Key: "counted", New: func() hub.Renderer { renderers++; return plain{&rendered} }}
		var sessions []*hub.Session
		for range 20 {
			s := mustOpen(t, h, r)
			drain(t, s, time.Millisecond)
			sessions = append(sessions, s)
		}
		synctest.Wait()
		if st := h.Stats(); st.Private != 0 || st.Feeds != 1 || st.Sessions != 20 || f.Followers("/log") != 1 {
			t.Fatalf("%+v, %d Follow calls", st, f.Followers("/log"))
		}
		rendered, renderers = 0, 0
		log.Append("2")
		built := 0
		for _, s := range sessions {
			it, err := s.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			frame := it.(*hub.Frame)
			got := frame.Prepared(func(payload []byte) any { built++; return string(payload) })
			if got != "2\n" || !frame.Shared() {
				t.Errorf("got %q, shared %v", got, frame.Shared())
			}
		}
		if rendered != 1 || renderers != 0 || built != 1 {
			t.Errorf("rendered %d times by %d new renderers, prepared %d times", rendered, renderers, built)
		}
	})
}

// Whoever joins a feed is told that the end has been reached, also on a log that nobody writes to any more.
func TestFeed_SessionJoinsAQuietFeed_IsToldThatItHasCaughtUp(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		f.AddLog("/log", "1", "2")
		for i := range 3 {
			s := mustOpen(t, h, following("/log"))
			told := 0
			for done := time.Now().Add(time.Second); time.Now().Before(done); {
				ctx, cancel := context.WithDeadline(t.Context(), done)
				it, err := s.Next(ctx)
				cancel()
				if err != nil {
					break
				}
				if frame, ok := it.(*hub.Frame); ok {
					if _, end := frame.Event.(tail.CaughtUp); end {
						told++
					}
				}
			}
			if told != 1 {
				t.Errorf("session %d was told %d times", i, told)
			}
		}
	})
}

func TestFeed_DifferentFilterOrRendering_IsAnotherFeed(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		f.AddLog("/log", "1")
		for _, filter := range []tail.Filter{{}, {Include: []string{"a", "b"}}, {Include: []string{"a,1:b"}}, {Exclude: []string{"a", "b"}}} {
			r := following("/log")
			r.Filter = filter
			drain(t, mustOpen(t, h, r), time.Millisecond)
		}
		r := following("/log")
		r.Rendering = hub.Rendering{Key: "other", New: plainRendering().New}
		drain(t, mustOpen(t, h, r), time.Millisecond)
		if n := h.Stats().Feeds; n != 5 {
			t.Errorf("%d feeds", n)
		}
	})
}

func TestFeed_LastMemberLeaves_EndsAfterTheLinger(t *testing.T) {
	bubble(t, hub.Options{Linger: 3 * time.Second}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		f.AddLog("/log", "1")
		s := mustOpen(t, h, following("/log"))
		drain(t, s, time.Second)
		s.Close()
		time.Sleep(2 * time.Second)
		s = mustOpen(t, h, following("/log"))
		drain(t, s, 2*time.Second)
		if n := h.Stats().Feeds; n != 1 {
			t.Errorf("%d feeds while there is a member", n)
		}
		s.Close()
		time.Sleep(4 * time.Second)
		if n := h.Stats().Feeds; n != 0 || f.Followers("/log") != 0 {
			t.Errorf("%d feeds, %d Follow calls", n, f.Followers("/log"))
		}
	})
}

func TestFeed_LimitReached_SessionsGoOnByThemselves(t *testing.T) {
	bubble(t, hub.Options{MaxFeeds: 1}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		a, b := f.AddLog("/a"), f.AddLog("/b")
		sa, sb := mustOpen(t, h, following("/a")), mustOpen(t, h, following("/b"))
		drain(t, sa, time.Second)
		drain(t, sb, time.Second)
		a.Append("1")
		b.Append("2")
		wantDrained(t, sa, time.Second, "1|")
		wantDrained(t, sb, time.Second, "2| caught up")
		if st := h.Stats(); st.Feeds != 1 || st.Private != 1 {
			t.Errorf("%+v", st)
		}
	})
}

func TestStalledSession_SlowsNobodyAndLosesNothing(t *testing.T) {
	bubble(t, hub.Options{RingBytes: 8 << 10}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		log := f.AddLog("/log", "0")
		slow, quick := mustOpen(t, h, following("/log")), mustOpen(t, h, following("/log"))
		drain(t, slow, time.Second)
		drain(t, quick, time.Second)
		for i := 1; i <= 1000; i++ {
			log.Append(fmt.Sprintf("%d %s", i, strings.Repeat("x", 100)))
			before := time.Now()
			it, err := quick.Next(t.Context())
			if err == nil && say(it) == "caught up" {
				it, err = quick.Next(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			if text := say(it); !strings.HasPrefix(text, fmt.Sprint(i, " ")) || time.Since(before) > 0 {
				t.Fatalf("line %d: %q after %v", i, text, time.Since(before))
			}
		}
		if st := h.Stats(); st.RingBytes > 8<<10 {
			t.Errorf("the ring holds %d bytes", st.RingBytes)
		}
		got := drain(t, slow, time.Second)
		for i := 1; i <= 1000; i++ {
			if strings.Count(got, fmt.Sprintf("%d x", i)) < 1 {
				t.Fatalf("line %d never came", i)
			}
		}
		if st := h.Stats(); st.FellOut != 1 || st.Private != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestFeed_AllMembersStall_ReadingStops(t *testing.T) {
	bubble(t, hub.Options{RingBytes: 64 << 10}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		f.SetBatch(10)
		log := f.AddLog("/log", "0")
		s := mustOpen(t, h, following("/log"))
		drain(t, s, time.Second)
		for range 10_000 {
			log.Append(strings.Repeat("x", 100))
		}
		time.Sleep(time.Minute)
		if st := h.Stats(); st.RingBytes > 48<<10 {
			t.Errorf("the feed holds %d bytes for nobody", st.RingBytes)
		}
		if n := strings.Count(drain(t, s, time.Minute), "|"); n != 10_000 {
			t.Errorf("%d lines came", n)
		}
		if st := h.Stats(); st.FellOut != 0 {
			t.Errorf("the only member fell out: %+v", st)
		}
	})
}

func TestPark_SessionThatDoesNotAskForMore_HoldsNoReading(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		f.SetBatch(1)
		f.AddLog("/log", "1", "2", "3", "4", "5")
		s := mustOpen(t, h, following("/log"))
		if it, err := s.Next(t.Context()); err != nil || say(it) != "1|" {
			t.Fatal(it, err)
		}
		time.Sleep(2 * time.Second)
		if n := f.Followers("/log"); n != 0 || h.Stats().Parked != 1 {
			t.Errorf("%d Follow calls, %+v", n, h.Stats())
		}
		wantDrained(t, s, time.Second, "2| 3| 4| 5| caught up")
	})
}

func TestCoalesce_MembersAreBusy_LinesComeInLargerFrames(t *testing.T) {
	bubble(t, hub.Options{Coalesce: 20 * time.Millisecond}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		log := f.AddLog("/log")
		a, b := mustOpen(t, h, following("/log")), mustOpen(t, h, following("/log"))
		drain(t, a, time.Second)
		drain(t, b, time.Second)
		go func() { // The members wait for the first line.
			for i := range 5 {
				log.Append(fmt.Sprint(i))
				time.Sleep(time.Millisecond)
			}
		}()
		var got []string
		for _, s := range []*hub.Session{a, b} {
			it, err := s.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, say(it))
		}
		time.Sleep(10 * time.Millisecond) // Both are busy.
		synctest.Wait()
		for _, s := range []*hub.Session{a, b} {
			got = append(got, drain(t, s, time.Second))
		}
		if s := fmt.Sprint(got); s != "[0| 0| 1|2|3|4| 1|2|3|4|]" {
			t.Errorf("got %s", s)
		}
	})
}

func TestCoalesce_BusyMemberLeaves_HoldsNobodyUp(t *testing.T) {
	bubble(t, hub.Options{Coalesce: time.Hour}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		log := f.AddLog("/log")
		var sessions []*hub.Session
		for range 3 {
			s := mustOpen(t, h, following("/log"))
			drain(t, s, time.Millisecond)
			sessions = append(sessions, s)
		}
		log.Append("1")
		wantDrained(t, sessions[0], time.Second, "1|")
		log.Append("2")
		wantDrained(t, sessions[0], time.Second, "") // The other two are busy.
		sessions[1].Close()
		wantDrained(t, sessions[0], time.Second, "2|")
	})
}

func TestFeed_EverybodyHasGotEverything_KeepsLittle(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		f.SetBatch(10)
		log := f.AddLog("/log")
		s := mustOpen(t, h, following("/log"))
		drain(t, s, time.Second)
		for range 5000 {
			log.Append(strings.Repeat("x", 100))
		}
		drain(t, s, time.Second)
		if n := h.Stats().RingBytes; n == 0 || n > 64<<10 {
			t.Errorf("the ring holds %d bytes", n)
		}
	})
}

type painted struct{ lines int }

func (p *painted) RenderInto(_ []byte, e tail.Event) []byte {
	l, ok := e.(tail.Lines)
	if !ok {
		return nil
	}
	out := fmt.Appendf(nil, "%d:%s", p.lines, l.Text)
	p.lines += strings.Count(string(l.Text), "\n")
	return out
}

func TestFeed_StateOfTheRenderer_GoesOverFromTheFirstSession(t *testing.T) {
	bubble(t, hub.Options{}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		log := f.AddLog("/log", "a", "b", "c")
		r := following("/log")
		r.Rendering = hub.Rendering{Key: "painted", New: func() hub.Renderer { return &painted{} }}
		s := mustOpen(t, h, r)
		wantDrained(t, s, time.Second, "0:a|b|c|")
		log.Append("d")
		wantDrained(t, s, time.Second, "3:d|")
	})
}

func TestCatchUps_OneThatHangs_HoldsUpTheOthersForAShortTime(t *testing.T) {
	bubble(t, hub.Options{MaxCatchUps: 1}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		f.AddLog("/log", "1")
		r := following("/not/yet")
		r.Wait = true
		mustOpen(t, h, r)
		synctest.Wait()
		s := mustOpen(t, h, following("/log"))
		wantDrained(t, s, 1900*time.Millisecond, "")
		wantDrained(t, s, 200*time.Millisecond, "1| caught up")
	})
}

func TestCatchUps_OneThatHasCaughtUp_HoldsUpNobody(t *testing.T) {
	bubble(t, hub.Options{MaxCatchUps: 1, MaxFeeds: 1}, func(t *testing.T, f *tailtest.Fake, h *hub.Hub) {
		for _, log := range []string{"/a", "/b", "/c"} { // All but the first stay private.
			f.AddLog(log, "1")
			wantDrained(t, mustOpen(t, h, following(log)), time.Millisecond, "1| caught up")
		}
	})
}
