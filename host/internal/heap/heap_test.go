package heap

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestPacer_CollectionsThatComeFast_LetTheHeapGrow(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := pacer{last: now}
	after := func(d time.Duration, live uint64) int { now = now.Add(d); return p.collected(now, live) }
	if got := after(time.Second, 4<<20); got != usual {
		t.Errorf("after a second: %d", got)
	}
	if got := after(fast/2, 4<<20); got != 800 {
		t.Errorf("fast, 4 MiB live: %d, want so much that %d bytes are spare", got, Spare)
	}
	if got := after(fast*2, 64<<20); got != usual {
		t.Errorf("64 MiB live: %d; there is more to spare already", got)
	}
	if got := after(time.Millisecond, 0); got != 3200 {
		t.Errorf("nothing live: %d, want the bound", got)
	}
	if percent, again := p.rested(now.Add(calm / 2)); percent != 0 || again != calm/2 {
		t.Errorf("too early: %d, again in %v", percent, again)
	}
	if percent, again := p.rested(now.Add(calm)); percent != usual || again != 0 {
		t.Errorf("rested: %d, again in %v", percent, again)
	}
	if got := after(time.Second, 4<<20); got != usual {
		t.Errorf("after a rest: %d", got)
	}
}

var garbage []byte

func TestRelax_UnderLoad_CollectsLessOften(t *testing.T) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		t.Setenv(name, "")
	}
	collections := func() uint32 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 4096 { // 1 GiB
			garbage = make([]byte, 256<<10)
		}
		runtime.ReadMemStats(&after)
		return after.NumGC - before.NumGC
	}
	tight := collections()
	stop := Relax()
	collections() // The keeper learns from the first.
	relaxed := collections()
	stop()
	if relaxed*2 > tight {
		t.Errorf("%d collections for 1 GiB, %d without the rule", relaxed, tight)
	}
	if got := debug.SetGCPercent(usual); got != usual {
		t.Errorf("the percentage is %d afterwards", got)
	}
}

func TestRelax_WhenItIsQuietAfterABurst_HandsMemoryBack(t *testing.T) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		t.Setenv(name, "")
	}
	const settle = 300 * time.Millisecond
	stop := relax(settle)
	defer stop()
	live := make([]byte, 64<<20)
	for quick := false; !quick; { // On a machine that is busy, memory may be handed back in the middle of the burst.
		runtime.GC()
		begin := time.Now()
		for range 48 { // Less than would make the runtime collect it.
			garbage = make([]byte, 1<<20)
		}
		quick = time.Since(begin) < settle/2
	}
	released := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapReleased
	}
	before := released()
	for deadline := time.Now().Add(30 * time.Second); released() < before+32<<20; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was handed back")
		}
	}
	runtime.KeepAlive(live)
}
