package supervise

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// listen makes a heartbeat call of its own to now, without sessions, and says on now.hung when signs of life are missing. Missing ones
// are counted in turns of this process rather than by the clock, so that a host that was held up itself finds the signs that
// came meanwhile before it counts on. It returns when now is retired.
func (p *Plugin) listen(now *incarnation) {
	ctx, cancel := context.WithCancel(now.retired)
	defer cancel()
	var heard atomic.Bool
	broken := make(chan error, 1)
	p.work.Go(func() { // Ends when ctx is cancelled.
		for _, err := range now.Heartbeat(ctx, noBeats(ctx)) {
			if err != nil {
				broken <- err
				cancel() // The call waits for the sequence of beats to end.
				return
			}
			heard.Store(true)
			p.alive.Store(time.Now().UnixNano())
		}
	})
	tick := time.NewTicker(p.o.AliveInterval)
	defer tick.Stop()
	for missed := 0; ; {
		select {
		case <-now.retired.Done():
			return
		case err := <-broken:
			select {
			case <-now.retired.Done():
			case <-now.Done(): // Then this is why, and Run sees it.
			case <-time.After(p.o.AliveInterval):
				now.hung <- fmt.Errorf("the connection to the plugin broke: %w", err)
			}
			return
		case <-tick.C:
			if heard.Swap(false) {
				missed = 0
				continue
			}
			if missed++; missed > p.o.AliveMisses {
				now.hung <- errHung
				return
			}
		}
	}
}

// errHung is why a process is killed that gives no sign of life.
var errHung = errors.New("the plugin gave no sign of life and was killed")

// noBeats is a sequence without beats that ends with ctx.
func noBeats(ctx context.Context) iter.Seq[tail.Beat] {
	return func(func(tail.Beat) bool) { <-ctx.Done() }
}
