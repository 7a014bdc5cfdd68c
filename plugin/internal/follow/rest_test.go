package follow

import (
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

func TestMeasure_NothingIsHeardOfALog_IsLookedAtMoreAndMoreRarelyUntilSomethingHappens(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Poll = 250 * time.Millisecond })
	w.write("app.log", "one\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	if !w.e.Events() {
		t.Skip("without events it is looked at as often as ever")
	}
	l := r.r.l
	r.unseen(func() {
		for _, c := range []struct {
			idle int
			want time.Duration
		}{
			{0, time.Second},
			{restLooks - 1, time.Second},
			{restLooks, 2 * time.Second},
			{restLooks * restDoublings, time.Second << restDoublings},
			{restLooks * restDoublings * 100, time.Second << restDoublings},
		} {
			l.idle = c.idle
			if got := l.measure(); got != c.want {
				t.Errorf("after %d looks, the next one is in %v, want %v", c.idle, got, c.want)
			}
		}
	})
	w.write("app.log", "two\n")
	r.until("one\ntwo\n")
	r.unseen(func() {
		if l.idle != 0 {
			t.Errorf("%d looks since anything was heard", l.idle)
		}
	})
}
