package follow

import (
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

// svlogd's processors compress what it rotates, and leave the name as it is.
func TestStart_ArchiveWithoutTheNameOfOne_IsReadAsWhatItIs(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.gzip("@4000000067417d3a2b8e6c1c.s", numbered(0, 1000))
		w.write("@4000000067417d3b2b8e6c1c.s", "\xfd7zXZ\x00\x00\x04what follows")
		w.write("@4000000067417d3c2b8e6c1c.s", numbered(1000, 2000))
		w.write("current", numbered(2000, 2010))
		r := w.open(tail.FollowRequest{Log: w.path("current"), Start: tail.StartAtBeginning(), Follow: true})
		r.until(numbered(0, 2010))
		if g := gaps(r, tail.CauseUnreadable); len(g) != 1 || !g[0].Certain || count[tail.Gap](r) != 1 {
			t.Errorf("events are %s", r)
		}
	})
}

// Without events, such an archive is not taken for a generation that came in between.
func TestFollow_ArchiveWithoutTheNameOfOneComesInBetween_IsNotReadTwice(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.NoEvents = true })
	w.write("current", numbered(0, 10))
	r := w.open(tail.FollowRequest{Log: w.path("current"), Start: tail.StartAtBeginning(), Follow: true})
	r.until(numbered(0, 10))
	r.caughtUp()
	r.unseen(func() {
		w.gzip("@4000000067417d3a2b8e6c1c.s", numbered(0, 10))
		w.remove("current")
		w.write("current", numbered(10, 20))
	})
	r.until(numbered(0, 20))
}
