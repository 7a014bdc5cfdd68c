package follow

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

// point makes the path lead to another file, as most do, or as klog does.
func (w *world) point(target string, klog bool) {
	w.t.Helper()
	if klog {
		w.remove("app.log")
		w.must(os.Symlink(target, w.path("app.log")))
		return
	}
	w.must(os.Symlink(target, w.path("tmp.link")))
	w.rename("tmp.link", "app.log")
}

// unseen does something between two looks of the tracker of r, and returns after the second one.
func (rd *reading) unseen(do func()) {
	rd.w.t.Helper()
	rd.w.must(rd.r.l.send(rd.w.t.Context(), request{before: do}))
}

func stamped(i int) string { return fmt.Sprintf("app-20261123-0850%02d.%06d.log", i, i*7919%1000000) }

func klogName(i int) string { return fmt.Sprintf("app.host.user.log.INFO.20261123-0850%02d.4711", i) }

// switchMany writes 12 files, each linked to when it is made.
func switchMany(w *world, name func(int) string, klog bool, after func(i int)) {
	w.write(name(0), "first\n")
	w.must(os.Symlink(name(0), w.path("app.log")))
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	want := []string{"first"}
	r.unseen(func() {
		for i := 1; i < 13; i++ {
			w.write(name(i), "")
			w.point(name(i), klog)
			text := fmt.Sprintf("of %d", i)
			w.write(name(i), text+"\n")
			want = append(want, text)
			after(i)
		}
	})
	r.until(strings.Join(want, "\n") + "\n")
	if n := count[tail.Boundary](r); n != 12 || len(r.events) != n {
		w.t.Errorf("events are %s, want 12 boundaries", r)
	}
	for _, e := range r.events {
		if b, ok := e.(tail.Boundary); ok && b.How != tail.HowSwitched {
			w.t.Errorf("boundary is %+v", b)
		}
	}
}

func TestFollow_SymlinkSwitchedManyTimesUnseen_EachTargetIsDeliveredOrDeclared(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) { switchMany(w, stamped, false, func(int) {}) })
}

func TestFollow_KlogLinkSwitchedManyTimesUnseen_EachTargetIsDeliveredOrDeclared(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		switchMany(w, klogName, true, func(i int) {
			w.write(strings.Replace(klogName(i), "INFO", "ERROR", 1), "of another log\n")
		})
	})
}

// When the tracker hears of a link that was renamed to the path, the next one may stand under the other name already.
func TestFollow_NextLinkWaitsUnderTheOtherName_ComesWhenItIsItsTurn(t *testing.T) {
	w := newWorld(t, nil)
	w.write(stamped(0), "first\n")
	w.must(os.Symlink(stamped(0), w.path("app.log")))
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	r.unseen(func() {
		w.write(stamped(1), "one\n")
		w.point(stamped(1), false)
		w.write(stamped(2), "two\n")
		w.must(os.Symlink(stamped(2), w.path("tmp.link")))
	})
	r.until("first\none\n")
	w.write(stamped(1), "more\n")
	r.until("first\none\nmore\n")
	w.rename("tmp.link", "app.log")
	r.until("first\none\nmore\ntwo\n")
	if n := count[tail.Boundary](r); n != 2 || len(r.events) != n {
		t.Errorf("events are %s, want 2 boundaries", r)
	}
}

func TestFollow_SymlinkTargetsDeletedUnseen_DeclaresAPossibleGap(t *testing.T) {
	for _, klog := range []bool{false, true} {
		t.Run(fmt.Sprint("klog=", klog), func(t *testing.T) {
			w := newWorld(t, nil)
			w.write(stamped(0), "first\n")
			w.must(os.Symlink(stamped(0), w.path("app.log")))
			r := w.follow(tail.StartAtBeginning())
			r.caughtUp()
			r.unseen(func() {
				for i := 1; i < 6; i++ {
					w.write(stamped(i), fmt.Sprintf("of %d\n", i))
					w.point(stamped(i), klog)
					if i == 2 || i == 3 {
						w.remove(stamped(i))
					}
				}
			})
			r.until("first\nof 1\nof 4\nof 5\n")
			r.wantPossibleGaps(" 2 more files")
		})
	}
}

func TestFollow_SymlinkSwitchedUnseenToFilesOfAnyName_DeclaresAPossibleGap(t *testing.T) {
	w := newWorld(t, nil)
	for _, name := range []string{"red", "green", "blue"} {
		w.write(name, name+"\n")
	}
	w.must(os.Symlink("red", w.path("app.log")))
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	r.unseen(func() {
		w.point("green", true)
		w.point("blue", true)
	})
	r.until("red\nblue\n")
	r.wantPossibleGaps(" 1 more files")
}

// wantPossibleGaps checks that something was declared, and nothing else than that.
func (rd *reading) wantPossibleGaps(evidence string) {
	rd.w.t.Helper()
	gaps := 0
	for _, e := range rd.events {
		g, ok := e.(tail.Gap)
		if !ok {
			continue
		}
		gaps++
		if g.Certain || !strings.Contains(strings.Join(g.Evidence, "\n"), evidence) {
			rd.w.t.Errorf("gap is %+v, want a possible one about%s", g, evidence)
		}
	}
	if gaps == 0 {
		rd.w.t.Errorf("events are %s, want a gap about%s", rd, evidence)
	}
}

// Each switch that is looked at is known for certain.
func TestFollow_SymlinkSwitchedAndLookedAt_IsObservedAndDeclaresNothing(t *testing.T) {
	w := newWorld(t, nil)
	w.write(stamped(0), "0\n")
	w.must(os.Symlink(stamped(0), w.path("app.log")))
	r := w.follow(tail.StartAtBeginning())
	want := "0\n"
	r.until(want)
	for i := 1; i < 8; i++ {
		// Beside it is one that the link never leads to.
		w.write(strings.Replace(stamped(i), "-", "-x", 1), "other\n")
		w.write(stamped(i), fmt.Sprintln(i))
		w.point(stamped(i), i%2 == 0)
		want += fmt.Sprintln(i)
		r.ask()
		w.point(stamped(i), i%2 == 0) // To the same once more.
		r.ask()
	}
	r.until(want)
	if n := count[tail.Boundary](r); n != 7 || len(r.events) != n {
		t.Errorf("events are %s, want 7 boundaries", r)
	}
}

func TestIsBetween(t *testing.T) {
	for _, c := range []struct {
		from, name, to string
		want           bool
	}{
		{"a-20261123-1.log", "a-20261123-2.log", "a-20261123-10.log", true},
		{"a-9.log", "a-010.log", "a-11.log", true},
		{"a-1.log", "a-1.log", "a-2.log", false},
		{"a-1.log", "b-2.log", "a-3.log", false},
		{"a-1.log", "a-2.log", "a-3.txt", false},
		{"worker-1-5.log", "worker-2-6.log", "worker-1-7.log", false},
		{"a-3.log", "a-2.log", "a-1.log", false},
		{"red", "green", "blue", false},
	} {
		if got := isBetween(c.from, c.name, c.to); got != c.want {
			t.Errorf("isBetween(%q, %q, %q) = %v, want %v", c.from, c.name, c.to, got, c.want)
		}
	}
}
