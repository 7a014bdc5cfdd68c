package hub_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/plugin/tail"
)

// numbered checks that lines "N\n" come in order, each once.
type numbered struct{ last int }

func (n *numbered) check(payload []byte) error {
	for line := range strings.Lines(string(payload)) {
		i, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
		if err != nil {
			continue // A mark.
		}
		if n.last != 0 && i != n.last+1 {
			return fmt.Errorf("after %d came %d", n.last, i)
		}
		n.last = i
	}
	return nil
}

func TestConcurrent_SessionsOfEverySpeedUnderDeathsAndRotations_GetEveryLineOnce(t *testing.T) {
	const total, viewers = 5000, 40
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		l.maxBatch = 200
		h := hub.New(l, hub.Options{RingBytes: 20_000, Linger: 50 * time.Millisecond})
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() { defer close(ran); _ = h.Run(ctx) }()
		var viewing sync.WaitGroup
		for i := range viewers {
			viewing.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(i)))
				time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
				s, err := h.Open(ctx, hub.Request{
					Log: "/log", Start: tail.StartAtLastLines(100), Follow: true, Heartbeat: i%2 == 0, Rendering: plainRendering(),
				})
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				var lines numbered
				for lines.last < total {
					if i%4 == 0 {
						time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
					}
					if random.IntN(200) == 0 {
						time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
					}
					if random.IntN(500) == 0 {
						if err := s.SetFilter(ctx, tail.Filter{}); err != nil && !errors.Is(err, tail.ErrPluginGone) {
							t.Error(err)
						}
					}
					it, err := s.Next(ctx)
					if err != nil {
						t.Errorf("viewer %d: %v", i, err)
						return
					}
					if f, ok := it.(*hub.Frame); ok {
						if err := lines.check(f.Payload); err != nil {
							t.Errorf("viewer %d: %v", i, err)
							return
						}
					}
					s.More()
				}
			})
		}
		for n := 1; n <= total; n++ {
			l.write(fmt.Sprintf("%d\n", n))
			switch {
			case n%997 == 0:
				l.die()
			case n%313 == 0:
				l.rotate(0)
			}
			if n%10 == 0 {
				time.Sleep(10 * time.Millisecond)
			}
		}
		viewing.Wait()
		t.Logf("%+v", h.Stats())
		cancel()
		<-ran
		if l.open != 0 {
			t.Errorf("%d Follow calls are left", l.open)
		}
	})
}

func TestSetFilter_RightAfterJoiningWithinAFrame_FiltersTheRestOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		h := hub.New(l, hub.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() { defer close(ran); _ = h.Run(ctx) }()
		batches := func(limit int) { l.update(func() { l.perBatch = limit }) }

		batches(1)
		l.write("1\n", "2\n", "3\n")
		s := mustOpen(t, h, hub.Request{Log: "/log", Start: tail.StartAtBeginning(), Follow: true})
		synctest.Wait()
		drain(t, mustOpen(t, h, hub.Request{Log: "/log", Follow: true}), time.Millisecond) // Makes the feed, at the end.
		batches(4)
		l.write("4\n", "5\n", "6\n", "7\n")
		synctest.Wait() // The feed has got all four in one frame.
		if it, err := s.Next(t.Context()); err != nil || say(it) != "1|" {
			t.Fatal(it, err)
		}
		batches(3)
		if it, err := s.Next(t.Context()); err != nil || say(it) != "2|3|4|" {
			t.Fatal(it, err)
		}
		if st := h.Stats(); st.Joined != 2 {
			t.Fatalf("the session did not join within the frame: %+v", st)
		}
		if err := s.SetFilter(t.Context(), tail.Filter{Exclude: []string{"6"}}); err != nil {
			t.Fatal(err)
		}
		wantDrained(t, s, time.Second, "5|7| caught up")
		cancel()
		<-ran
	})
}
