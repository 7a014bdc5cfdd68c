// Package heap keeps the garbage collector from eating the processor while logs are read fast.
//
// A front door's live heap is a few megabytes, so by default the collector would run after every few megabytes of log: hundreds of times a
// second at full speed, each time followed by handing memory back to the system that is wanted again at once. While collections come
// that fast, the heap may grow by [Spare]; when they have become rare again, it is as small as ever.
//
// Ten thousand viewers who come at once leave as much garbage as they are large. Left to itself, it would stay until the next collection, which
// among idle viewers is minutes away; so one is made, and what is free handed back, when no collection has come for [Settle]. After that, the
// runtime has its way until its own next collection.
package heap

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// Spare is how much garbage may gather while collections come fast, in bytes.
	Spare = 32 << 20
	// Settle is how long after a collection, if no other comes, garbage is collected that is worth it.
	Settle = 5 * time.Second
	// worth is how much it has to be, in bytes, and at least a quarter of what is live: less is cheaper to keep than to collect.
	worth = 8 << 20
	// fast is the time between two collections below which they come fast.
	fast = 100 * time.Millisecond
	// calm is how long no collection has come fast when the heap becomes small again.
	calm = 2 * time.Second
	// usual is the runtime's own percentage.
	usual = 100
)

// pacer decides how large the heap may become, as a percentage of what is live.
type pacer struct {
	last    time.Time // the last collection
	hurried time.Time // the last one that came fast; zero if the percentage is the usual one
}

// collected takes note of a collection that left live bytes, and returns the percentage that is to hold from now on.
func (p *pacer) collected(now time.Time, live uint64) (percent int) {
	if now.Sub(p.last) < fast {
		p.hurried = now
	}
	p.last = now
	if p.hurried.IsZero() {
		return usual
	}
	return max(usual, int(100*Spare/max(live, 1<<20)))
}

// rested returns the percentage that is to hold from now on, and how long it is good for; 0: until the next collection.
func (p *pacer) rested(now time.Time) (percent int, again time.Duration) {
	if left := calm - now.Sub(p.hurried); !p.hurried.IsZero() && left > 0 {
		return 0, left
	}
	p.hurried = time.Time{}
	return usual, 0
}

// Relax applies the rule above to this process, until stop is called. It does nothing if the user has decided about the collector, by GOGC
// or GOMEMLIMIT.
func Relax() (stop func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	return relax(Settle)
}

func relax(settle time.Duration) (stop func()) {
	k := &keeper{percent: usual, pacer: pacer{last: time.Now()}, settle: settle}
	k.rest = time.AfterFunc(time.Hour, k.rested)
	k.rest.Stop()
	k.quiet = time.AfterFunc(settle, k.settled)
	k.arm()
	return k.stop
}

// keeper carries out what its pacer says. It is called by the runtime after each collection, and by its timer.
type keeper struct {
	mu      sync.Mutex // guards the rest
	pacer   pacer
	percent int
	rest    *time.Timer
	settle  time.Duration
	quiet   *time.Timer // runs since the last collection, unless that was our own
	own     bool        // the next collection is our own
	ended   bool
}

// sentinel is garbage from the beginning: that it has been collected tells of a collection.
type sentinel struct{ _ [64]byte }

func (k *keeper) arm() { runtime.AddCleanup(new(sentinel), (*keeper).collected, k) }

func (k *keeper) collected() {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended {
		return
	}
	k.set(k.pacer.collected(time.Now(), sample[0].Value.Uint64()))
	if k.percent != usual {
		k.rest.Reset(calm)
	}
	if !k.own {
		k.quiet.Reset(k.settle)
	}
	k.own = false
	k.arm()
}

// settled collects what has gathered since the last collection, which is long ago.
func (k *keeper) settled() {
	enough := worthIt()
	k.mu.Lock()
	k.own = enough && !k.ended
	own := k.own
	if !enough && !k.ended {
		k.quiet.Reset(k.settle)
	}
	k.mu.Unlock()
	if own {
		debug.FreeOSMemory()
	}
}

// worthIt reports whether there is enough that a collection could hand back: garbage, and what is free.
func worthIt() bool {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	all, live := samples[0].Value.Uint64()+samples[1].Value.Uint64(), samples[2].Value.Uint64()
	return all > live+max(worth, live/4)
}

func (k *keeper) rested() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended {
		return
	}
	percent, again := k.pacer.rested(time.Now())
	if again > 0 {
		k.rest.Reset(again)
		return
	}
	k.set(percent)
}

// set changes the percentage, unless the difference is not worth stopping the world.
func (k *keeper) set(percent int) {
	if percent == k.percent || percent != usual && 10*max(percent, k.percent) < 12*min(percent, k.percent) {
		return
	}
	k.percent = percent
	debug.SetGCPercent(percent)
}

func (k *keeper) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = true
	k.rest.Stop()
	k.quiet.Stop()
	k.set(usual)
}
