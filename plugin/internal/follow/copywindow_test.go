package follow

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// What is written, copied and emptied between two looks was never seen, but it stands in the copy.
func TestFollow_CopyTruncateOfLinesThatNobodyHadSeen_ReadsThemInTheCopy(t *testing.T) {
	for _, packed := range []bool{false, true} {
		w := newWorld(t, func(o *Options) { o.NoEvents, o.Poll = true, time.Hour })
		w.write("app.log", numbered(0, 100))
		r := w.follow(tail.StartAtBeginning())
		r.until(numbered(0, 100))
		r.caughtUp()
		r.unseen(func() {
			w.write("app.log", numbered(100, 150))
			if packed {
				w.gzip("app.log.1.gz", numbered(0, 150))
				w.must(truncate(w.path("app.log")))
			} else {
				w.copyTruncate("app.log", "app.log.1")
			}
		})
		w.write("app.log", numbered(150, 160))
		r.until(numbered(0, 160))
		if g := gaps(r, tail.CauseCopyWindow); len(g) != 1 || g[0].Certain || count[tail.Gap](r) != 1 || count[tail.Truncated](r) != 1 {
			t.Errorf("events are %s", r)
		}
	}
}

// A file of the log that begins alike and ended before is no copy.
func TestFollow_EmptiedBesideAnOlderFileThatBeginsAlike_NoLineComesTwice(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.NoEvents, o.Poll = true, time.Hour })
	header := strings.Repeat("# the same at the beginning of each file\n", 4)
	w.write("app.log.1", header+"old\n")
	long := time.Now().Add(-time.Hour)
	w.must(os.Chtimes(w.path("app.log.1"), long, long))
	w.write("app.log", header)
	r := w.follow(tail.StartAtLastLines(4))
	r.until(header)
	r.caughtUp()
	r.unseen(func() { w.must(truncate(w.path("app.log"))) })
	w.write("app.log", "new\n")
	r.until(header + "new\n")
}

// Who lacks nothing does not wait for a copy for long where none is made.
func TestFollow_EmptiedWithoutACopyWhileCaughtUp_GoesOnAtOnce(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Rest = time.Hour })
	want := ""
	r := w.follow(tail.StartAtBeginning())
	for i := range 5 {
		w.must(os.WriteFile(w.path("app.log"), fmt.Appendf(nil, "content %d\n", i), 0o644))
		want += fmt.Sprintf("content %d\n", i)
		r.until(want)
	}
}

// Somebody comes back with a position in what has been emptied meanwhile.
func TestResume_CopyTruncatedMeanwhile_GoesOnInTheCopy(t *testing.T) {
	text, rest := numbered(0, 50_000), numbered(50_000, 50_010)
	for _, packed := range []bool{false, true} {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprintf("packed %v, restarted %v", packed, restarted), func(t *testing.T) {
				tiers(t, func(t *testing.T, w *world) {
					w.write("app.log", text)
					r := w.follow(tail.StartAtBeginning())
					r.next(patience) // One batch.
					at, had := r.at, r.text.String()
					if restarted {
						r.close()
						w.e.Close()
					}
					if packed {
						w.gzip("app.log.1.gz", text)
						w.must(truncate(w.path("app.log")))
					} else {
						w.copyTruncate("app.log", "app.log.1")
					}
					if restarted {
						w.write("app.log", rest)
						w.start(func(o *Options) { o.NoEvents = w.e.opts.NoEvents })
					} else {
						r.ask()
						w.write("app.log", rest)
					}
					again := w.follow(tail.StartAtPosition(at))
					again.until(strings.TrimPrefix(text, had) + rest)
					if g := gaps(again, tail.CauseCopyWindow); len(g) != 1 || g[0].Certain || count[tail.Gap](again) != 1 {
						t.Errorf("events are %s", again)
					}
				})
			})
		}
	}
}

// The archive of the copy is being made while it is looked for: that it cannot be read yet does not say that there is none.
func TestFollow_CopyIsBeingCompressedWhenItIsLookedFor_IsWaitedFor(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.NoEvents, o.Poll, o.Rest = true, time.Hour, time.Minute })
	w.write("app.log", numbered(0, 100))
	r := w.follow(tail.StartAtBeginning())
	r.until(numbered(0, 100))
	r.caughtUp()
	w.gzip("whole", numbered(0, 150))
	whole, err := os.ReadFile(w.path("whole"))
	w.must(err)
	r.unseen(func() {
		w.must(os.WriteFile(w.path("app.log.1.gz"), whole[:20], 0o644))
		w.must(truncate(w.path("app.log")))
	})
	r.ask()
	if ev, ok := r.next(30 * time.Millisecond); ok {
		t.Fatalf("it went on with %T", ev)
	}
	w.write("app.log", numbered(150, 160))
	w.must(os.WriteFile(w.path("app.log.1.gz"), whole, 0o644))
	r.until(numbered(0, 160))
}
