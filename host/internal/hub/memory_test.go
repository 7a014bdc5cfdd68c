package hub_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/plugin/tail"
)

// copied renders lines into the memory that it is given, as renderers do that change something: "N…" becomes "<N…".
type copied struct{}

func (copied) RenderInto(into []byte, e tail.Event) []byte {
	l, ok := e.(tail.Lines)
	if !ok {
		return nil
	}
	for line := range bytes.Lines(l.Text) {
		into = append(append(into, '<'), line...)
	}
	return into
}

// wideLine is the line of a number, of 4 KiB that nothing else is like.
func wideLine(n int) string { return strings.Repeat(fmt.Sprintf("%d.", n), 4<<10/8) + "\n" }

// Frames of more than 64 KiB share memory with later ones. Whatever becomes of them meanwhile, whoever has one may look at it as long as it
// likes; with the race detector, memory that was let go of too early is spoilt at once.
func TestMemory_LargeFrames_StayWholeUntilEveryViewerHasGoneOn(t *testing.T) {
	const total, viewers = 1800, 10
	for _, r := range []struct {
		rendering hub.Rendering
		mark      string
	}{
		{plainRendering(), ""},
		{hub.Rendering{Key: "copied", New: func() hub.Renderer { return copied{} }}, "<"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newFakeLog()
			l.maxBatch = 220 << 10
			h := hub.New(l, hub.Options{RingBytes: 2 << 20, Linger: 50 * time.Millisecond})
			ctx, cancel := context.WithCancel(t.Context())
			ran := make(chan struct{})
			go func() { defer close(ran); _ = h.Run(ctx) }()
			var viewing sync.WaitGroup
			var mu sync.Mutex
			large := 0
			for i := range viewers {
				viewing.Go(func() {
					random := rand.New(rand.NewPCG(2, uint64(i)))
					time.Sleep(time.Duration(random.IntN(1000)) * time.Millisecond)
					s, err := h.Open(ctx, hub.Request{Log: "/log", Start: tail.StartAtBeginning(), Follow: true, Rendering: r.rendering})
					if err != nil {
						t.Error(err)
						return
					}
					defer s.Close()
					for last := 0; last < total; {
						it, err := s.Next(ctx)
						if err != nil {
							t.Errorf("viewer %d: %v", i, err)
							return
						}
						f, ok := it.(*hub.Frame)
						if !ok {
							continue
						}
						text, ok := f.Event.(tail.Lines)
						if !ok {
							continue
						}
						if random.IntN(10) == 0 {
							time.Sleep(time.Duration(random.IntN(600)) * time.Millisecond) // Others go on meanwhile, and frames leave the ring.
						}
						payload := string(f.Payload)
						if r.mark+strings.ReplaceAll(strings.TrimSuffix(string(text.Text), "\n"), "\n", "\n"+r.mark)+"\n" != payload {
							t.Errorf("viewer %d: the payload after line %d is not that of its text", i, last)
							return
						}
						if len(payload) > 64<<10 && f.Lasting() {
							t.Error("a large frame is said to last")
						}
						if len(payload) > 64<<10 {
							mu.Lock()
							large++
							mu.Unlock()
						}
						for line := range strings.Lines(payload) {
							last++
							if line != r.mark+wideLine(last) {
								t.Errorf("viewer %d: line %d is damaged: %.40q", i, last, line)
								return
							}
						}
					}
				})
			}
			for n := 1; n <= total; n++ {
				l.write(wideLine(n))
				switch {
				case n%997 == 0:
					l.die()
				case n%313 == 0:
					l.rotate(0)
				}
				if n%60 == 0 {
					time.Sleep(60 * time.Millisecond)
				}
			}
			viewing.Wait()
			st := h.Stats()
			if large < total/10 || st.Joined == 0 || st.FellOut == 0 {
				t.Errorf("%d large frames, %+v: the test does not see what it is about", large, st)
			}
			cancel()
			<-ran
		})
	}
}
