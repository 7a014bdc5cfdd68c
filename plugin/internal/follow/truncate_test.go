package follow

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/livetail/livetail/plugin/tail"
)

// gaps returns the gaps of a cause.
func gaps(r *reading, c tail.Cause) (out []tail.Gap) {
	for _, e := range r.events {
		if g, ok := e.(tail.Gap); ok && g.Cause == c {
			out = append(out, g)
		}
	}
	return out
}

// ask makes the tracker look.
func (rd *reading) ask() {
	rd.w.t.Helper()
	rd.w.must(rd.r.l.ask(rd.w.t.Context()))
}

func (w *world) copyTruncate(name, to string) {
	w.t.Helper()
	b, err := os.ReadFile(w.path(name))
	w.must(err)
	w.must(os.WriteFile(w.path(to), b, 0o644))
	w.must(truncate(w.path(name)))
}

// T16
func TestFollow_CopyTruncateWhileCaughtUp_LosesNothingAndSaysWhatCannotBeKnown(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", numbered(0, 100))
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		w.copyTruncate("app.log", "app.log.1")
		r.ask()
		w.write("app.log", numbered(100, 110))
		r.until(numbered(0, 110))
		if g := gaps(r, tail.CauseCopyWindow); len(g) != 1 || g[0].Certain || count[tail.Truncated](r) != 1 {
			t.Errorf("events are %s", r)
		}
	})
}

// T17: 1 MiB is unread when the file is emptied.
func TestFollow_CopyTruncateWithMuchUnread_GoesOnInTheCopy(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.write("app.log", numbered(0, 100_000))
		r := w.follow(tail.StartAtBeginning())
		r.next(patience) // One batch.
		w.copyTruncate("app.log", "app.log.1")
		r.ask()
		w.write("app.log", numbered(100_000, 100_010))
		r.until(numbered(0, 100_010))
		for _, e := range r.events {
			if g, ok := e.(tail.Gap); ok && g.Certain {
				t.Errorf("gap %+v", g)
			}
		}
		if b, ok := r.events[0].(tail.Boundary); !ok || b.How != tail.HowCopied {
			t.Errorf("events are %s", r)
		}
	})
}

// T18: the copy is compressed at once, and nothing else is left of it.
func TestFollow_CopyTruncateWithTheCopyCompressed_GoesOnInTheArchive(t *testing.T) {
	w := newWorld(t, nil)
	text := numbered(0, 50_000)
	w.write("app.log", text)
	r := w.follow(tail.StartAtBeginning())
	r.next(patience)
	w.gzip("app.log.1.gz", text)
	w.must(truncate(w.path("app.log")))
	r.ask()
	w.write("app.log", numbered(50_000, 50_010))
	r.until(numbered(0, 50_010))
	if len(gaps(r, tail.CauseTruncated)) > 0 {
		t.Errorf("events are %s", r)
	}
}

func (w *world) gzip(name, text string) {
	w.t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	w.must(err)
	w.must(z.Close())
	w.must(os.WriteFile(w.path(name), b.Bytes(), 0o644))
}

// T19
func TestFollow_TruncatedWithoutACopy_DeclaresHowMuchIsMissing(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		text := numbered(0, 100_000)
		w.write("app.log", text)
		r := w.follow(tail.StartAtBeginning())
		r.next(patience)
		read := r.text.String()
		w.must(truncate(w.path("app.log")))
		r.ask()
		w.write("app.log", "after\n")
		for !strings.HasSuffix(r.text.String(), "after\n") {
			if _, ok := r.next(patience); !ok {
				t.Fatal("nothing came after the truncation")
			}
		}
		g := gaps(r, tail.CauseTruncated)
		if len(g) != 1 || !g[0].Certain || g[0].MinBytes == nil {
			t.Fatalf("events are %s", r)
		}
		// The unfinished line that had been read is handed out, so what is missing begins after it.
		delivered := int64(len(strings.TrimSuffix(r.text.String(), "after\n")))
		if *g[0].MinBytes != int64(len(text))-delivered || delivered < int64(len(read)) {
			t.Errorf("%d bytes are declared, missing are %d", *g[0].MinBytes, int64(len(text))-delivered)
		}
	})
}

// T20: between two looks, the file is emptied and grows larger than it was.
func TestFollow_TruncatedAndRegrownBetweenLooks_IsNoticedByItsContent(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.NoEvents, o.Poll = true, time.Hour })
	w.write("app.log", "old one\nold two\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	w.must(truncate(w.path("app.log")))
	w.write("app.log", "new one\nnew two\nnew three\nnew four\n")
	r.ask() // Its size alone does not tell.
	r.until("old one\nold two\nnew one\nnew two\nnew three\nnew four\n")
	if count[tail.Truncated](r) != 1 {
		t.Errorf("events are %s", r)
	}
}

// T21
func TestFollow_RewrittenWithTheSameSize_IsNoticed(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", "old one\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	f, err := os.OpenFile(w.path("app.log"), os.O_WRONLY, 0)
	w.must(err)
	_, err = f.WriteString("new one\n")
	w.must(err)
	w.must(f.Close())
	r.until("old one\nnew one\n")
}

// Lines of one length that end alike leave the same bytes before the offset; the beginning of the file tells.
func TestFollow_RegrownWithLinesThatEndAlike_IsNoticedByTheBeginningOfTheFile(t *testing.T) {
	alike := func(from, to int) string {
		var b strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&b, "2026-11-26 10:%02d:00.000 | %s\n", i, strings.Repeat("x", 2*overlap))
		}
		return b.String()
	}
	regrow := func(w *world) {
		w.must(truncate(w.path("app.log")))
		w.write("app.log", alike(2, 6))
	}
	want := alike(0, 6)
	t.Run("while it is followed", func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.NoEvents, o.Poll = true, time.Hour })
		w.write("app.log", alike(0, 2))
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		regrow(w)
		r.ask()
		r.until(want)
		if count[tail.Truncated](r) != 1 {
			t.Errorf("events are %s", r)
		}
	})
	t.Run("while the tailer was down", func(t *testing.T) {
		w := newWorld(t, nil)
		w.write("app.log", alike(0, 2))
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		at := r.at
		r.close()
		w.e.Close()
		regrow(w)
		w.start(nil)
		r = w.follow(tail.StartAtPosition(at))
		r.until(alike(2, 6))
		if count[tail.Truncated](r) != 1 {
			t.Errorf("events are %s", r)
		}
	})
}

// T22: this is a limit: a rewrite that leaves the same bytes cannot be told from none.
func TestFollow_RewrittenWithTheSameBytes_DoesNotDouble(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", "one\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	f, err := os.OpenFile(w.path("app.log"), os.O_WRONLY, 0)
	w.must(err)
	_, err = f.WriteString("one\n")
	w.must(err)
	w.must(f.Close())
	w.write("app.log", "two\n")
	r.until("one\ntwo\n")
}

// T23: a writer that does not append goes on at its old offset after the file was emptied.
func TestFollow_HoleAfterTruncation_IsSkippedAndDeclared(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		f, err := os.Create(w.path("app.log"))
		w.must(err)
		defer f.Close()
		_, err = f.WriteString(numbered(0, 5000))
		w.must(err)
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		w.must(truncate(w.path("app.log")))
		r.ask()
		_, err = f.WriteString(numbered(5000, 5010))
		w.must(err)
		r.until(numbered(0, 5010))
		g := gaps(r, tail.CauseHole)
		if len(g) != 1 || g[0].Certain || g[0].Bytes == nil || *g[0].Bytes != int64(len(numbered(0, 5000))) {
			t.Errorf("events are %s", r)
		}
	})
}

// T24: space that was reserved and not written is no content.
func TestFollow_PreallocatedFile_DeliversWhatIsWritten(t *testing.T) {
	w := newWorld(t, nil)
	f, err := os.Create(w.path("app.log"))
	w.must(err)
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, 1<<20); err != nil {
		t.Skipf("no fallocate here: %v", err)
	}
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	_, err = f.WriteString("one\n")
	w.must(err)
	r.until("one\n")
	_, err = f.WriteString("two\n")
	w.must(err)
	r.until("one\ntwo\n")
	if len(r.events) > 0 {
		t.Errorf("events are %s", r)
	}
}

// Short runs of NUL are content like any other.
func TestFollow_NULsInText_AreContent(t *testing.T) {
	w := newWorld(t, nil)
	text := "a\x00\x00b\n" + strings.Repeat("\x00", 100) + "x\n"
	w.write("app.log", text[:3])
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	w.write("app.log", text[3:])
	r.until(text)
	if len(r.events) > 0 {
		t.Errorf("events are %s", r)
	}
}

// A size that is told late belongs to what stands in the file by then: nothing of it counts as unread in what stood there before.
func TestGrow_AnotherContentHasBegunInTheFile_IsNotThatOfTheOldOne(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", "one\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	old := r.r.g
	r.r.l.restart(old)
	if _, ok := r.r.l.grow(old, 1000, old.since()); ok || old.max.Load() != 4 {
		t.Errorf("the old content has %d bytes", old.max.Load())
	}
}
