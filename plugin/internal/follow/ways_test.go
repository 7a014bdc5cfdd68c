package follow

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// release makes another folder with a log, and a link to it the folder of the log.
func (w *world) release(i int, text string) {
	w.t.Helper()
	w.must(os.Mkdir(w.path(fmt.Sprintf("r%d", i)), 0o755))
	w.write(fmt.Sprintf("r%d/app.log", i), text)
	w.must(os.Symlink(fmt.Sprintf("r%d", i), w.path("link")))
	w.rename("link", "current")
}

// Nothing but events makes the tracker look in this time.
func TestFollow_FolderLinkSwitched_IsNoticedByEvents(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Poll = time.Hour })
	if !w.e.Events() {
		t.Skip("no events here")
	}
	w.release(0, "0\n")
	r := w.open(tail.FollowRequest{Log: w.path("current/app.log"), Start: tail.StartAtBeginning(), Follow: true})
	want := "0\n"
	r.until(want)
	for i := 1; i < 5; i++ {
		w.release(i, fmt.Sprintf("%d\n", i))
		want += fmt.Sprintf("%d\n", i)
		r.until(want)
	}
	if count[tail.Gap](r) > 0 || count[tail.Boundary](r) != 4 {
		t.Errorf("events are %s", r)
	}
}

func TestFollow_FolderLinkSwitchedManyTimesUnseen_DeclaresAPossibleGap(t *testing.T) {
	for _, back := range []bool{false, true} {
		w := newWorld(t, nil)
		if !w.e.Events() {
			t.Skip("no events here")
		}
		w.release(0, "0\n")
		r := w.open(tail.FollowRequest{Log: w.path("current/app.log"), Start: tail.StartAtBeginning(), Follow: true})
		r.until("0\n")
		r.caughtUp()
		want := "0\n3\n"
		r.unseen(func() {
			for i := 1; i < 4; i++ {
				w.release(i, fmt.Sprintf("%d\n", i))
			}
			if back {
				w.must(os.Symlink("r0", w.path("link")))
				w.rename("link", "current")
				w.write("current/app.log", "3\n")
			}
		})
		r.until(want)
		g := gaps(r, tail.CauseDeleted)
		if len(g) != 1 || g[0].Certain {
			t.Errorf("back %v: events are %s", back, r)
		}
	}
}

// Nothing tells of a link above the roots.
func TestMeasure_LinkAboveTheRoots_IsLookedAtEachPoll(t *testing.T) {
	w := newWorld(t, nil)
	w.release(0, "0\n")
	w.e.Close()
	dir := w.dir
	w.dir = w.path("current")
	w.start(func(o *Options) { o.Poll = 50 * time.Millisecond })
	r := w.follow(tail.StartAtBeginning())
	r.until("0\n")
	r.caughtUp()
	w.dir = dir
	var wait time.Duration
	r.unseen(func() { r.r.l.idle = restLooks * restDoublings })
	r.unseen(func() { wait = r.r.l.measure() })
	if wait > 50*time.Millisecond {
		t.Errorf("the next look is in %v", wait)
	}
	w.release(1, "1\n")
	r.until("0\n1\n")
}
