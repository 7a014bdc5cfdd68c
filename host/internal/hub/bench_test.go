package hub_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/plugin/tail"
)

// source is a tailer of one log whose events are whatever is sent to it, for the first reader, with whose reading the feed goes on.
type source struct {
	*fakeLog
	events chan tail.Event
	taken  *atomic.Bool
}

func (s source) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		if !yield(tail.CaughtUp{At: tail.Position{Generation: "g"}}, nil) {
			return
		}
		if !req.Follow || !s.taken.CompareAndSwap(false, true) {
			<-ctx.Done()
			return
		}
		for {
			select {
			case e := <-s.events:
				if !yield(e, nil) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// benchHub runs a hub with n sessions that have joined the feed.
func benchHub(b *testing.B, n int) (h *hub.Hub, events chan tail.Event, sessions []*hub.Session) {
	b.Helper()
	src := source{newFakeLog(), make(chan tail.Event), new(atomic.Bool)}
	h = hub.New(src, hub.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-done })
	for range n {
		s, err := h.Open(ctx, hub.Request{Log: "/log", Follow: true, Heartbeat: true, Rendering: plainRendering()})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Next(ctx); err != nil { // Caught up.
			b.Fatal(err)
		}
		if len(sessions) == 0 {
			// The first one joins now, so that the feed goes on with the reading that gets the events.
			joining, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			_, _ = s.Next(joining) // Nothing comes.
			cancel()
		}
		sessions = append(sessions, s)
	}
	return h, src.events, sessions
}

// BenchmarkBroadcast is one batch of 20 lines, from the tailer to all sessions.
func BenchmarkBroadcast(b *testing.B) {
	text := []byte(strings.Repeat(strings.Repeat("x", 119)+"\n", 20))
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("sessions=%d", n), func(b *testing.B) {
			_, events, sessions := benchHub(b, n)
			var delivered, total atomic.Int64
			var readers sync.WaitGroup
			all := int64(b.N) * int64(len(text))
			b.SetBytes(int64(len(text) * n))
			b.ReportAllocs()
			b.ResetTimer()
			for _, s := range sessions {
				readers.Go(func() {
					for got := int64(0); got < all; {
						it, err := s.Next(context.Background())
						if err != nil {
							b.Error(err)
							return
						}
						if f, ok := it.(*hub.Frame); ok {
							got += int64(len(f.Payload))
							total.Add(int64(len(f.Payload)))
							delivered.Add(1)
						}
					}
				})
			}
			at := tail.Position{Generation: "g"}
			for i := range b.N {
				// Nobody may fall out of the feed, for this tailer has no history to read again.
				for total.Load() < int64(i-64)*int64(len(text)*n) {
					runtime.Gosched()
				}
				end := at.Add(int64(len(text)))
				events <- tail.Lines{Start: at, End: end, Text: text}
				at = end
			}
			readers.Wait()
			b.ReportMetric(float64(delivered.Load())/float64(b.N), "frames/op")
		})
	}
}

// BenchmarkIdleSession measures what one session costs the hub while nothing happens: memory, goroutines beyond the caller's own, and
// allocations in a second without content. A ping every 10 s is all that it does then.
func BenchmarkIdleSession(b *testing.B) {
	const n = 10_000
	for b.Loop() {
		goroutines := runtime.NumGoroutine()
		before := settled()
		h, _, sessions := benchHub(b, n)
		ctx, cancel := context.WithCancel(context.Background())
		var waiting sync.WaitGroup
		for _, s := range sessions {
			waiting.Go(func() { _, _ = s.Next(ctx) })
		}
		for runtime.NumGoroutine() > goroutines+n+20 {
			runtime.Gosched() // The private readings end.
		}
		after := settled()
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/n, "heap-B/session")
		b.ReportMetric(float64(int64(after.StackInuse)-int64(before.StackInuse))/n, "caller-stack-B/session")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines-n), "hub-goroutines")
		time.Sleep(time.Second)
		var later runtime.MemStats
		runtime.ReadMemStats(&later)
		b.ReportMetric(float64(later.Mallocs-after.Mallocs)/n, "allocs/session/s")
		if st := h.Stats(); st.Private != 0 || st.Feeds != 1 {
			b.Errorf("%+v", st)
		}
		cancel()
		waiting.Wait()
		for _, s := range sessions {
			s.Close()
		}
	}
}

// settled is the state of memory after all garbage is gone.
func settled() (m runtime.MemStats) {
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}
