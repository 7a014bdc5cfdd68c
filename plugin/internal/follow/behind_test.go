package follow

import (
	"os"
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

// The generation of the position is in an archive now, and nothing had been read of it that could tell which. Older ones were compressed after it was made.
func TestResume_GenerationOfWhichNothingWasReadIsCompressed_NoOlderOneComesTwice(t *testing.T) {
	for _, left := range []bool{true, false} {
		tiers(t, func(t *testing.T, w *world) {
			old := numbered(0, 100)
			w.write("app.log", old)
			r := w.follow(tail.StartAtBeginning())
			r.until(old)
			w.rename("app.log", "app.log.1")
			w.write("app.log", "")
			for count[tail.Boundary](r) == 0 {
				if _, ok := r.next(patience); !ok {
					t.Fatal("it never goes on")
				}
			}
			at, behind := r.at, []tail.Position{r.events[0].(tail.Boundary).From}
			r.close()
			w.e.Close()
			// What a rotator does that does not keep times.
			w.must(os.Remove(w.path("app.log")))
			w.must(os.Remove(w.path("app.log.1")))
			w.gzip("app.log.3.gz", old)
			w.gzip("app.log.2.gz", numbered(100, 200))
			w.write("app.log", numbered(200, 210))
			w.start(func(o *Options) { o.NoEvents = w.e.opts.NoEvents })
			req := tail.FollowRequest{Start: tail.StartAtPosition(at), Follow: true}
			want := numbered(200, 210)
			if left {
				req.Left, want = behind, numbered(100, 210)
			}
			again := w.open(req)
			again.until(want)
			if g := gaps(again, tail.CauseDown); len(g) != 1 || g[0].Certain {
				t.Errorf("events are %s", again)
			}
		})
	}
}
