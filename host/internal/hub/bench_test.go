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

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/plugin/tail"
)

// source is a tailer of one log whose events are whatever is sent to it, for any one reader.
type source struct {
	*fakeLog
	events chan tail.Event
}

func (s source) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		if _, joined := req.Start.Position(); !joined {
			yield(tail.CaughtUp{At: tail.Position{Generation: "g"}}, nil)
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
func benchHub(b *testing.B, n int) (events chan tail.Event, sessions []*hub.Session) {
	b.Helper()
	src := source{newFakeLog(), make(chan tail.Event)}
	h := hub.New(src, hub.Options{KeepEvents: true})
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
		sessions = append(sessions, s)
	}
	return src.events, sessions
}

// BenchmarkBroadcast is one batch of 20 lines, from the tailer to all sessions.
func BenchmarkBroadcast(b *testing.B) {
	text := []byte(strings.Repeat(strings.Repeat("x", 119)+"\n", 20))
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("sessions=%d", n), func(b *testing.B) {
			events, sessions := benchHub(b, n)
			var delivered atomic.Int64
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
							delivered.Add(1)
						}
					}
				})
			}
			at := tail.Position{Generation: "g"}
			for range b.N {
				end := at.Add(int64(len(text)))
				events <- tail.Lines{Start: at, End: end, Text: text}
				at = end
			}
			readers.Wait()
			b.ReportMetric(float64(delivered.Load())/float64(b.N), "frames/op")
		})
	}
}

// BenchmarkIdleSession measures what one session costs the hub while nothing happens, its caller's goroutine included.
func BenchmarkIdleSession(b *testing.B) {
	const n = 10_000
	for b.Loop() {
		var before, after runtime.MemStats
		goroutines := runtime.NumGoroutine()
		runtime.GC()
		runtime.ReadMemStats(&before)
		_, sessions := benchHub(b, n)
		ctx, cancel := context.WithCancel(context.Background())
		runtime.GC()
		runtime.ReadMemStats(&after)
		hubs := runtime.NumGoroutine() - goroutines
		var waiting sync.WaitGroup
		for _, s := range sessions {
			waiting.Go(func() { _, _ = s.Next(ctx) })
		}
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/n, "heap-B/session")
		b.ReportMetric(float64(hubs), "hub-goroutines")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(int64(after.Sys)-int64(before.Sys))/n, "sys-B/session")
		cancel()
		waiting.Wait()
		for _, s := range sessions {
			s.Close()
		}
	}
}
