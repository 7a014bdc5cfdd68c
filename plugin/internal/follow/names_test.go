package follow

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/livetail/livetail/plugin/tail"
)

// T13: the writer keeps writing to the renamed file for a while, which is normal with logrotate.
func TestFollow_WriterSwitchesLate_StaysInOrder(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Quiet, o.Rest = time.Minute, time.Minute }) // Only the kernel can tell.
	f, err := os.OpenFile(w.path("app.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	w.must(err)
	_, _ = f.WriteString("one\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	w.rename("app.log", "app.log.1")
	w.write("app.log", "")
	r.ask()
	if ev, ok := r.next(50 * time.Millisecond); ok {
		t.Fatalf("it went on with %T while a writer has the old file open", ev)
	}
	_, _ = f.WriteString("two\n")
	r.until("one\ntwo\n")
	w.must(f.Close())
	w.write("app.log", "three\n")
	r.until("one\ntwo\nthree\n")
	if len(r.events) != 1 {
		t.Errorf("events are %s, want one boundary", r)
	}
}

// T14: another writer never lets go of the old file.
func TestFollow_WriterKeepsTheOldFileForEver_ItsLinesComeLate(t *testing.T) {
	w := newWorld(t, nil)
	f, err := os.OpenFile(w.path("app.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	w.must(err)
	defer f.Close()
	_, _ = f.WriteString("one\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	w.rename("app.log", "app.log.1")
	w.write("app.log", "two\n")
	r.until("one\ntwo\n")
	_, _ = f.WriteString("late\n")
	for count[tail.Late](r) == 0 {
		if _, ok := r.next(patience); !ok {
			t.Fatalf("the late line never came: %s", r)
		}
	}
	if l := r.events[1].(tail.Late); string(l.Text) != "late\n" || l.Start.Generation != r.events[0].(tail.Boundary).From.Generation {
		t.Errorf("late is %+v", l)
	}
	w.write("app.log", "three\n")
	r.until("one\ntwo\nthree\n")
}

// T25
func TestFollow_DeletedAndMadeAgainManyTimes_DeliversEach(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", "0\n")
		r := w.follow(tail.StartAtBeginning())
		want := "0\n"
		for i := range 20 {
			r.ask()
			w.remove("app.log")
			line := fmt.Sprintf("%d\n", i+1)
			w.write("app.log", line)
			want += line
		}
		r.ask()
		r.until(want)
		if count[tail.Gap](r) > 0 || count[tail.Boundary](r) != 20 {
			t.Errorf("events are %s", r)
		}
	})
}

// T26: an inode number that is given again is another file.
func TestResume_InodeReusedWhileTheTailerWasDown_IsNotTheSameFile(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", "one\ntwo\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	at := r.at
	r.close()
	w.e.Close()
	w.remove("app.log")
	w.write("app.log", "one\ntwo\nthree\n")
	w.start(nil)
	r = w.follow(tail.StartAtPosition(at))
	r.until("one\ntwo\nthree\n")
	if g := gaps(r, tail.CauseDown); len(g) != 1 {
		t.Errorf("events are %s", r)
	}
}

// T27, T28
func TestFollow_GenerationsThatBeginAlikeOrAreEmpty_AreTold(t *testing.T) {
	w := newWorld(t, nil)
	head := strings.Repeat("the same header\n", 5000)
	w.write("app.log", head)
	r := w.follow(tail.StartAtBeginning())
	want := head
	for i := range 6 {
		w.rename("app.log", fmt.Sprintf("app.log.2026-11-2%d", i))
		w.write("app.log", "")
		if i%2 == 0 {
			w.write("app.log", head)
			want += head
		}
	}
	r.until(want)
	r.caughtUp()
	if count[tail.Boundary](r) != 6 || len(r.events) != 6 {
		t.Errorf("events are %s", r)
	}
}

// T29
func TestFollow_ReplacedAtomically_EachReplacementIsAGeneration(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", "0\n")
		r := w.follow(tail.StartAtBeginning())
		want := "0\n"
		for i := range 10 {
			r.ask()
			line := fmt.Sprintf("%d\n", i+1)
			w.write("tmp", line)
			w.rename("tmp", "app.log")
			want += line
		}
		r.until(want)
		for _, e := range r.events {
			if b, ok := e.(tail.Boundary); !ok || w.e.Events() && b.How != tail.HowReplaced {
				t.Errorf("got %+v", e)
			}
		}
	})
}

// T30
func TestFollow_RenamedAwayAndBack_DoublesNothing(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", "one\n")
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		w.rename("app.log", "app.log.20261123-070000")
		r.ask()
		w.rename("app.log.20261123-070000", "app.log")
		r.ask()
		w.write("app.log", "two\n")
		r.until("one\ntwo\n")
		if len(r.events) > 0 {
			t.Errorf("events are %s", r)
		}
	})
}

// A file that comes back over its successor goes on after it.
func TestFollow_OldFileComesBackOverItsSuccessor_GoesOnWithWhatIsNew(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", "one\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	w.rename("app.log", "app.log.1")
	w.write("app.log", "two\n")
	r.ask()
	w.rename("app.log.1", "app.log")
	r.ask()
	w.write("app.log", "three\n")
	r.until("one\ntwo\nthree\n")
}

// T31
func TestFollow_SymlinkSwitched_ReadsTheOldFileToItsEndFirst(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.must(os.Mkdir(w.path("a"), 0o755))
		w.must(os.Mkdir(w.path("b"), 0o755))
		w.write("a/1.log", "one\n")
		w.must(os.Symlink("a/1.log", w.path("app.log")))
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		w.write("a/1.log", "two\n")
		w.write("b/2.log", "three\n")
		w.must(os.Symlink("b/2.log", w.path("tmp")))
		w.rename("tmp", "app.log")
		r.until("one\ntwo\nthree\n")
		if b, ok := r.events[0].(tail.Boundary); !ok || b.How != tail.HowSwitched || len(r.events) != 1 {
			t.Errorf("events are %s", r)
		}
	})
}

// T32
func TestFollow_WriterUsesAHardLinkElsewhere_IsNoticed(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", "one\n")
	w.must(os.Mkdir(w.path("other"), 0o755))
	w.must(os.Link(w.path("app.log"), w.path("other/x")))
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	w.write("other/x", "two\n")
	r.until("one\ntwo\n")
}

// T43
func TestFollow_FolderRemovedAndMadeAgain_GoesOn(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.must(os.Mkdir(w.path("d"), 0o755))
		w.write("d/app.log", "one\n")
		r := w.open(tail.FollowRequest{Log: w.path("d/app.log"), Start: tail.StartAtBeginning(), Follow: true})
		r.caughtUp()
		w.must(os.RemoveAll(w.path("d")))
		w.must(os.Mkdir(w.path("d"), 0o755))
		w.write("d/app.log", "two\n")
		r.until("one\ntwo\n")
		w.rename("d", "e")
		w.must(os.Mkdir(w.path("d"), 0o755))
		w.write("d/app.log", "three\n")
		r.until("one\ntwo\nthree\n")
	})
}

// What is no file is no generation either.
func TestFollow_FolderOrFIFOInThePlaceOfTheFile_IsWaitedOut(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", "one\n")
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		w.rename("app.log", "app.log.1")
		w.must(unix.Mkfifo(w.path("app.log"), 0o644))
		r.ask()
		w.remove("app.log")
		w.must(os.Mkdir(w.path("app.log"), 0o755))
		r.ask()
		w.remove("app.log")
		w.write("app.log", "two\n")
		r.until("one\ntwo\n")
		if len(r.events) != 1 {
			t.Errorf("events are %s", r)
		}
	})
}

// A link that leads nowhere, or to what is no log, is no generation that anything could be missing of.
func TestFollow_LinkThatLeadsAstrayInThePlaceOfTheFile_IsWaitedOut(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", "one\n")
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		w.rename("app.log", "app.log.1")
		for _, to := range []string{"nowhere", os.DevNull, "app.log"} {
			w.must(os.Symlink(to, w.path("app.log")))
			r.ask()
			w.remove("app.log")
			r.ask()
		}
		w.write("app.log", "two\n")
		r.until("one\ntwo\n")
		if len(r.events) != 1 {
			t.Errorf("events are %s", r)
		}
	})
}

// T37: events are lost, and rotations with them.
func TestFollow_EventsAreLost_FindsWhatHappenedByLooking(t *testing.T) {
	w := newWorld(t, nil)
	if !w.e.Events() {
		t.Skip("no events here")
	}
	w.write("app.log", "0\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	resume := r.r.l.at.journal.Interrupt()
	want := "0\n"
	for i := 1; i <= 8; i++ {
		w.rename("app.log", fmt.Sprintf("app.log-2026-11-23T07-00-0%d.000", i))
		line := fmt.Sprintf("%d\n", i)
		w.write("app.log", line)
		want += line
	}
	resume()
	r.until(want)
	inferred := 0
	for _, e := range r.events {
		if b, ok := e.(tail.Boundary); ok && b.Order == tail.OrderInferred {
			inferred++
		}
	}
	if inferred != 8 || count[tail.Boundary](r) != 8 {
		t.Errorf("%d inferred; events are %s", inferred, r)
	}
	// From now on, it is observed again.
	r.ask()
	w.rename("app.log", "app.log-2026-11-23T07-00-09.000")
	w.write("app.log", "9\n")
	r.until(want + "9\n")
	if b := r.events[len(r.events)-1].(tail.Boundary); b.Order != tail.OrderObserved {
		t.Errorf("boundary is %+v", b)
	}
}

// A program that moves the log away and back for a moment, again and again, while it is written, ends nothing.
func TestFollow_RenamedAwayAndBackWhileItIsWritten_GoesOn(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		f, err := os.OpenFile(w.path("app.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		w.must(err)
		defer f.Close()
		r := w.follow(tail.StartAtBeginning())
		var want strings.Builder
		write := func(n int) {
			for range n {
				line := fmt.Sprintf("%d\n", want.Len())
				want.WriteString(line)
				_, err := f.WriteString(line)
				w.must(err)
			}
		}
		for i := range 40 {
			write(20)
			w.rename("app.log", "app.log.away")
			if i%2 == 0 {
				time.Sleep(10 * time.Millisecond)
			}
			w.rename("app.log.away", "app.log")
		}
		write(20)
		r.until(want.String())
	})
}
