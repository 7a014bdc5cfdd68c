package follow

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// What was left in a generation says nothing about what has been written over it since.
func TestFollow_WhatWasLeftIsWrittenOver_NothingOfItComesLate(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", "one\n")
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		w.rename("app.log", "app.log.1")
		w.write("app.log", "two\n")
		r.until("one\ntwo\n")
		left, at := r.events[0].(tail.Boundary).From, r.at
		r.close()
		w.e.Close()
		w.must(os.WriteFile(w.path("app.log.1"), []byte("other lines, and more of them\n"), 0o644))

		w.start(func(o *Options) { o.NoEvents = w.e.opts.NoEvents })
		r = w.open(tail.FollowRequest{Start: tail.StartAtPosition(at), Follow: true, Left: []tail.Position{left}})
		w.write("app.log", "three\n")
		r.until("three\n")
		if count[tail.Late](r) > 0 {
			t.Errorf("events are %s", r)
		}
	})
}

// The next copytruncate writes over the copy of the one before, which somebody reads. What stands there now is no part of the log that is not
// read elsewhere.
func TestFollow_CopyIsWrittenOverWhileItIsRead_NoLineComesTwice(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", numbered(0, 100_000))
		r := w.follow(tail.StartAtBeginning())
		r.next(patience) // One batch.
		w.copyTruncate("app.log", "app.log.1")
		r.ask()
		w.write("app.log", numbered(100_000, 100_010))
		for count[tail.Boundary](r) == 0 {
			r.next(patience)
		}
		w.must(os.WriteFile(w.path("app.log.1"), []byte(numbered(100_000, 100_010)), 0o644)) // To be emptied next.
		r.ask()
		w.write("app.log", numbered(100_010, 100_020))
		for deadline := time.Now().Add(patience); !strings.HasSuffix(r.text.String(), numbered(100_010, 100_020)); {
			if _, ok := r.next(time.Until(deadline)); !ok {
				t.Fatalf("read %s\nevents: %s", brief(r.text.String()), r)
			}
		}
		last := -1
		for line := range strings.Lines(r.text.String()) {
			n := -1
			if _, err := fmt.Sscanf(line, "line %d", &n); err == nil && n <= last {
				t.Fatalf("line %d comes after %d", n, last)
			}
			last = max(last, n)
		}
		if len(gaps(r, tail.CauseTruncated)) == 0 {
			t.Errorf("events are %s", r)
		}
	})
}

// The file of a position stands under a name that is none of the log's, and is renamed back.
func TestResume_FileStandsElsewhereForAMoment_GoesOnWhenItIsBack(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		for _, older := range []bool{false, true} {
			if older {
				w.write("app.log.1", "zero\n")
				w.must(os.Chtimes(w.path("app.log.1"), time.Time{}, time.Now().Add(-time.Hour)))
			}
			w.write("app.log", "one\n")
			r := w.follow(tail.StartAtLastLines(1))
			r.until("one\n")
			at := r.at
			r.close()
			w.e.Close()
			w.rename("app.log", "away")
			w.start(func(o *Options) { o.NoEvents = w.e.opts.NoEvents })
			r = w.follow(tail.StartAtPosition(at))
			w.rename("away", "app.log")
			w.write("app.log", "two\n")
			r.until("two\n")
			for _, e := range r.events {
				if g, ok := e.(tail.Gap); ok && (g.Certain || !older) {
					t.Errorf("gap %+v", g)
				}
			}
			r.close()
			w.remove("app.log")
		}
	})
}

func TestResume_AnotherFileAppearsInstead_IsReadBehindAPossibleGap(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", "one\n")
		r := w.follow(tail.StartAtBeginning())
		r.until("one\n")
		at := r.at
		r.close()
		w.e.Close()
		w.rename("app.log", "away") // It keeps its inode number.
		w.start(func(o *Options) { o.NoEvents = w.e.opts.NoEvents })
		r = w.follow(tail.StartAtPosition(at))
		w.write("app.log", "two\n")
		r.until("two\n")
		if g := gaps(r, tail.CauseDown); len(g) != 1 || g[0].Certain {
			t.Errorf("events are %s", r)
		}
	})
}

// The first file that appears may be lost before it can be opened: that does not answer what comes after the position.
func TestResume_WhatAppearsFirstIsLost_ThePossibleGapIsSaidWithTheNext(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", "one\n")
	r := w.follow(tail.StartAtBeginning())
	r.until("one\n")
	at := r.at
	r.close()
	w.e.Close()
	w.rename("app.log", "away")
	w.start(nil)
	r = w.follow(tail.StartAtPosition(at))
	r.r.entry(t.Context(), &generation{on: &held{}, state: lost})
	w.write("app.log", "two\n")
	r.until("two\n")
	if len(gaps(r, tail.CauseDown)) != 1 {
		t.Errorf("events are %s", r)
	}
}

// A file that is emptied more often than a copy is looked for would never be read again by who lacks the rest of it once.
func TestSeekFor_IsAPartOfTheTimeBetweenTwoTruncations(t *testing.T) {
	w := newWorld(t, nil)
	l := &Log{e: w.e}
	g := &generation{cutAt: time.Now()}
	if d := l.seekFor(g); d != w.e.opts.Rest {
		t.Errorf("the first time %v", d)
	}
	for since, want := range map[time.Duration]time.Duration{40 * time.Millisecond: 10 * time.Millisecond, time.Hour: w.e.opts.Rest} {
		g.made = g.cutAt.Add(-since)
		if d := l.seekFor(g); d != want {
			t.Errorf("%v after the one before %v, want %v", since, d, want)
		}
	}
}

// Emptied, and larger than before when somebody looks: what the old content never had is not missing.
func TestFollow_EmptiedAndLargerAtOnce_NothingCountsAsMissing(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", numbered(0, 1))
		r := w.follow(tail.StartAtBeginning())
		want := numbered(0, 1)
		r.until(want)
		for i := 1; i < 200; i += i {
			text := numbered(i, 2*i)
			w.must(os.WriteFile(w.path("app.log"), []byte(text), 0o644)) // Emptied first.
			want += text
			r.until(want)
		}
		for _, e := range r.events {
			if g, ok := e.(tail.Gap); ok && g.Certain {
				t.Errorf("gap %+v", g)
			}
		}
	})
}

// Whose size it is that is told late is not known once somebody has begun to read.
func TestGrow_SomebodyHasBegunToRead_AnEarlierSizeDoesNotCount(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", "one\n")
	r := w.follow(tail.StartAtLastLines(0))
	r.caughtUp()
	l, g := r.r.l, &generation{on: &held{}}
	g.on.newest = g
	before := g.since()
	if smaller, other := g.admit([]byte("new\n"), 0, 4); smaller || other {
		t.Fatal("it is not taken")
	}
	if _, ok := l.grow(g, 1000, before); ok || g.max.Load() != 4 {
		t.Errorf("it has %d bytes", g.max.Load())
	}
	if grew, ok := l.grow(g, 8, g.since()); !ok || !grew {
		t.Error("a size that was taken since does not count")
	}
	if smaller, _ := g.admit([]byte("new\n"), 0, 7); !smaller {
		t.Error("less than there was is taken for the same")
	}
	if _, other := g.admit([]byte("old\n"), 0, 8); !other {
		t.Error("another beginning is taken for the same")
	}
}

// The tracker notices this by itself, when it looks; a reader does not wait for it.
func TestFill_RegrownWithLinesThatEndAlike_IsRewritten(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.NoEvents, o.Poll = true, time.Hour })
	same := strings.Repeat("x", 2*overlap) + "\n"
	w.write("app.log", "one"+same)
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	w.must(os.WriteFile(w.path("app.log"), []byte("two"+same+"three"+same), 0o644))
	if n, err := r.r.b.fill(0); !errors.Is(err, errRewritten) {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

// As before: the file begins alike, and something else stands before the offset.
func TestFill_OtherBytesStandBeforeTheOffset_IsRewritten(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.NoEvents, o.Poll = true, time.Hour })
	same := strings.Repeat("x", 2*overlap) + "\n"
	w.write("app.log", same+"one\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	w.must(os.WriteFile(w.path("app.log"), []byte(same+"two\nthree\n"), 0o644))
	if n, err := r.r.b.fill(0); !errors.Is(err, errRewritten) {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

// shred writes random bytes over a rotated file, several times, before it is deleted, as logrotate's option of that name has it.
func TestFollow_RotatedFileIsShredded_NothingOfThatIsDelivered(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		for _, successor := range []bool{true, false} {
			if !successor && !w.e.Events() {
				continue // Nothing tells that it has left the path.
			}
			w.write("app.log", numbered(0, 1000))
			r := w.follow(tail.StartAtLastLines(1000))
			r.until(numbered(0, 1000))
			r.caughtUp()
			w.rename("app.log", "app.log.1")
			if successor {
				w.write("app.log", "")
			}
			r.ask()
			f, err := os.OpenFile(w.path("app.log.1"), os.O_WRONLY, 0)
			w.must(err)
			for pass := range 3 {
				_, err = f.WriteAt(bytes.Repeat([]byte{byte(pass + 1), 'x', '\n'}, 8192), 0)
				w.must(err)
				r.ask()
				_, _ = r.next(time.Millisecond)
			}
			w.must(f.Truncate(0))
			w.must(f.Close())
			r.ask()
			w.remove("app.log.1")
			w.write("app.log", "after\n")
			r.until(numbered(0, 1000) + "after\n")
			if count[tail.Gap](r) > 0 || count[tail.Truncated](r) > 0 {
				t.Errorf("successor %v: events are %s", successor, r)
			}
			r.close()
			w.remove("app.log")
		}
	})
}

// Who has not read it to the end yet is told how much is missing, or goes on in the archive that was made of it.
func TestFollow_RotatedFileIsShreddedUnread_DeclaresTheRestOrReadsTheArchive(t *testing.T) {
	for _, packed := range []bool{false, true} {
		tiers(t, func(t *testing.T, w *world) {
			text := numbered(0, 50_000)
			w.write("app.log", text)
			r := w.follow(tail.StartAtBeginning())
			r.next(patience) // One batch.
			w.rename("app.log", "app.log.1")
			w.write("app.log", "after\n")
			r.ask()
			if packed {
				w.gzip("app.log.1.gz", text)
			}
			f, err := os.OpenFile(w.path("app.log.1"), os.O_WRONLY, 0)
			w.must(err)
			_, err = f.WriteAt(bytes.Repeat([]byte{1, 'x', '\n'}, len(text)/3+100), 0)
			w.must(err)
			w.must(f.Close())
			w.remove("app.log.1")
			r.ask()
			for deadline := time.Now().Add(patience); !strings.HasSuffix(r.text.String(), "after\n"); {
				if _, ok := r.next(time.Until(deadline)); !ok {
					t.Fatalf("read %s\nevents: %s", brief(r.text.String()), r)
				}
			}
			missing := int64(len(text+"after\n") - r.text.Len())
			g := gaps(r, tail.CauseOverwritten)
			switch {
			case packed && (missing != 0 || count[tail.Gap](r) > 0):
				t.Errorf("%d bytes are missing, events are %s", missing, r)
			case !packed && (len(g) != 1 || !g[0].Certain || g[0].MinBytes == nil || *g[0].MinBytes != missing):
				t.Errorf("%d bytes are missing, events are %s", missing, r)
			}
		})
	}
}

func TestResume_RotatedFileWasShreddedMeanwhile_DeclaresTheRestOrReadsTheArchive(t *testing.T) {
	for _, packed := range []bool{false, true} {
		tiers(t, func(t *testing.T, w *world) {
			text := numbered(0, 50_000)
			w.write("app.log", text)
			r := w.follow(tail.StartAtBeginning())
			r.next(patience) // One batch.
			w.rename("app.log", "app.log.1")
			w.write("app.log", "")
			r.ask()
			if packed {
				w.gzip("app.log.1.gz", text)
			}
			f, err := os.OpenFile(w.path("app.log.1"), os.O_WRONLY, 0)
			w.must(err)
			_, err = f.Write(bytes.Repeat([]byte{1, 'x', '\n'}, len(text)/3+100))
			w.must(err)
			w.must(f.Close())
			r.ask()
			w.remove("app.log.1")
			again := w.follow(tail.StartAtPosition(r.at))
			w.write("app.log", "after\n")
			for deadline := time.Now().Add(patience); !strings.HasSuffix(again.text.String(), "after\n"); {
				if _, ok := again.next(time.Until(deadline)); !ok {
					t.Fatalf("read %s\nevents: %s", brief(again.text.String()), again)
				}
			}
			missing := int64(len(text+"after\n") - len(r.text.String()) - again.text.Len())
			g := gaps(again, tail.CauseOverwritten)
			switch {
			case packed && (missing != 0 || len(g) > 0):
				t.Errorf("%d bytes are missing, events are %s", missing, again)
			case !packed && (len(g) != 1 || !g[0].Certain || g[0].MinBytes == nil || *g[0].MinBytes != missing):
				t.Errorf("%d bytes are missing, events are %s", missing, again)
			}
		})
	}
}
