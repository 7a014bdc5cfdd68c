package follow

import (
	"fmt"
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

// T01
func TestFollow_RenamedAndCreatedWhileIdle_GoesOnInTheNewFile(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", "one\n")
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		w.rename("app.log", "app.log.1")
		w.write("app.log", "two\n")
		r.until("one\ntwo\n")
		if n := count[tail.Boundary](r); n != 1 || len(r.events) != 1 {
			t.Errorf("events are %s, want one boundary", r)
		}
		if b := r.events[0].(tail.Boundary); b.How != tail.HowRenamed || w.e.Events() && b.Order != tail.OrderObserved {
			t.Errorf("boundary is %+v", b)
		}
	})
}

// T02, T03
func TestFollow_ChainOfRotationsWhileTheReaderRests_DeliversAll(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", numbered(0, 10))
	r := w.follow(tail.StartAtBeginning())
	want := numbered(0, 10)
	for i := 1; i <= 100; i++ {
		w.rename("app.log", fmt.Sprintf("app.log.%03d", i))
		text := numbered(i*10, i*10+10)
		want += text
		w.write("app.log", text)
	}
	r.until(want)
	if n := count[tail.Boundary](r); n != 100 || len(r.events) != 100 {
		t.Errorf("%d boundaries, want 100; events %s", n, r)
	}
}

func TestFollow_CaughtUpAndPartialLines(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", "one\ntw")
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		r.until("one\n")
		w.write("app.log", "o\nthree\n")
		r.until("one\ntwo\nthree\n")
		r.caughtUp()
		w.write("app.log", "no newline")
		w.rename("app.log", "app.log.1")
		w.write("app.log", "four\n")
		r.until("one\ntwo\nthree\nno newlinefour\n")
	})
}

func TestFollow_DeletedAndMadeAgain_IsANewGeneration(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", "one\n")
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		w.write("app.log", "last words\n")
		w.remove("app.log")
		w.write("app.log", "two\n")
		r.until("one\nlast words\ntwo\n")
	})
}

func TestFollow_Truncated_GoesOnAtItsBeginning(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", numbered(0, 10))
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		w.must(truncate(w.path("app.log")))
		w.write("app.log", numbered(10, 12))
		r.until(numbered(0, 12))
		if count[tail.Truncated](r) != 1 || count[tail.Gap](r) != 1 {
			t.Errorf("events are %s", r)
		}
	})
}

func TestFollow_LogThatAppearsLater(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		r := w.open(tail.FollowRequest{Log: w.path("deep/er/app.log"), Start: tail.StartAtLastLines(3), Follow: true, Wait: true})
		w.must(mkdirAll(w.path("deep/er")))
		w.write("deep/er/app.log", "one\n")
		r.until("one\n")
	})
}
