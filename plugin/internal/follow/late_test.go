package follow

import (
	"os"
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

// late takes events until a late line comes, and checks that it is text.
func (rd *reading) late(text string) tail.Late {
	rd.w.t.Helper()
	for before := count[tail.Late](rd); count[tail.Late](rd) == before; {
		if _, ok := rd.next(patience); !ok {
			rd.w.t.Fatalf("the late line %q never came: %s", text, rd)
		}
	}
	l := rd.events[len(rd.events)-1].(tail.Late)
	if string(l.Text) != text {
		rd.w.t.Fatalf("got late %q, want %q", l.Text, text)
	}
	return l
}

// A reader that goes on in another process, or with another filter, gets the lines that came late meanwhile, and those that do so now, each
// once; a reader that says nothing of what it has left gets none of them.
func TestFollow_GoesOnInAnotherProcess_LateLinesComeOnce(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		f, err := os.OpenFile(w.path("app.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		w.must(err)
		defer f.Close()
		_, _ = f.WriteString("one\n")
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		w.rename("app.log", "app.log.1")
		w.write("app.log", "two\n")
		r.until("one\ntwo\n")
		r.caughtUp()
		_, _ = f.WriteString("late 1\n")
		first := r.late("late 1\n")
		at := r.at
		r.close()
		w.e.Close()

		_, _ = f.WriteString("late 2\n")
		w.start(func(o *Options) { o.NoEvents = w.e.opts.NoEvents })
		foreign := first.End
		foreign.Generation = "no-token"
		gone := first.End
		gone.Offset += 1 << 20
		live := at
		r = w.open(tail.FollowRequest{Start: tail.StartAtPosition(at), Follow: true, Left: []tail.Position{foreign, gone, live, first.Start, first.End, first.Start}})
		other := w.open(tail.FollowRequest{Start: tail.StartAtPosition(at), Follow: true})
		if l := r.late("late 2\n"); !l.Start.Same(first.End) {
			t.Errorf("it begins at %v, want %v", l.Start, first.End)
		}
		_, _ = f.WriteString("late 3\n")
		r.late("late 3\n")
		w.write("app.log", "three\n")
		r.until("three\n")
		other.until("three\n")
		if n := count[tail.Late](other); n > 0 {
			t.Errorf("who has left nothing got %d late lines", n)
		}
		if n := count[tail.Late](r); n != 2 {
			t.Errorf("got %d late lines: %s", n, r)
		}
	})
}
