package follow

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// list returns the names in the folder that begin with prefix and have no counter yet.
func (w *world) list(prefix string) []string {
	w.t.Helper()
	entries, err := os.ReadDir(w.dir)
	w.must(err)
	var out []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && !strings.HasPrefix(e.Name(), "app.log.2026-11-23_07-00-") {
			out = append(out, e.Name())
		}
	}
	return out
}

// T09: loguru gives files of the same moment counters, which sort wrongly as text.
func TestStart_LoguruNamesWithCounters_AreInTheOrderOfTheNumbers(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		want := ""
		for i := range 12 {
			name := "app.2020-09-17_08-59-00_123456.log"
			if i > 0 {
				name = fmt.Sprintf("app.2020-09-17_08-59-00_123456.%d.log", i+1)
			}
			w.write(name, fmt.Sprintln(i))
			want += fmt.Sprintln(i)
		}
		w.write("app.log", "live\n")
		r := w.follow(tail.StartAtBeginning())
		r.until(want + "live\n")
	})
}

// T07: in the night in which clocks are set back, names with local time repeat an hour. The time at which files were made tells better, and
// the boundaries say that it is not certain.
func TestStart_LumberjackNamesOfTheHourThatComesTwice_AreInferred(t *testing.T) {
	w := newWorld(t, nil)
	want := ""
	for i, stamp := range []string{"02-30-00.000", "02-59-00.000", "02-10-00.000"} { // The last one is of the second time.
		name := "app-2026-10-25T" + stamp + ".log"
		w.write(name, fmt.Sprintln(i))
		w.must(os.Chtimes(w.path(name), time.Time{}, time.Now().Add(time.Duration(i-10)*time.Hour)))
		want += fmt.Sprintln(i)
	}
	w.write("app.log", "live\n")
	r := w.follow(tail.StartAtBeginning())
	for !strings.Contains(r.text.String(), "live\n") {
		if _, ok := r.next(patience); !ok {
			t.Fatalf("read only %q", r.text.String())
		}
	}
	inferred := 0
	for _, e := range r.events {
		if b, ok := e.(tail.Boundary); ok && b.Order == tail.OrderInferred {
			inferred++
		}
	}
	if len(r.text.String()) != len(want)+len("live\n") || inferred == 0 {
		t.Errorf("read %q; %d boundaries say inferred", r.text.String(), inferred)
	}
}

// T12: whoever comes in the middle of a cascade finds no file twice and misses none.
func TestStart_InTheMiddleOfACascade_ReadsEachGenerationOnce(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		for i := 5; i >= 1; i-- {
			w.write(fmt.Sprintf("app.log.%d", i), fmt.Sprintf("of %d\n", i))
		}
		w.write("app.log", "live\n")
		steps := [][2]string{{"app.log.5", "app.log.6"}, {"app.log.4", "app.log.5"}, {"app.log.3", "app.log.4"}, {"app.log.2", "app.log.3"}, {"app.log.1", "app.log.2"}, {"app.log", "app.log.1"}}
		const want = "of 5\nof 4\nof 3\nof 2\nof 1\nlive\n"
		var readers []*reading
		for _, s := range steps {
			readers = append(readers, w.follow(tail.StartAtBeginning()))
			w.rename(s[0], s[1])
			readers = append(readers, w.follow(tail.StartAtBeginning()))
		}
		w.write("app.log", "new\n")
		readers = append(readers, w.follow(tail.StartAtBeginning()))
		for _, r := range readers {
			r.until(want + "new\n")
			if n := count[tail.Gap](r); n > 0 {
				t.Errorf("events are %s", r)
			}
		}
	})
}

// T15: the next generation begins as soon as no writer has the old one open, and not before; no time has to pass.
func TestFollow_LastWriterCloses_HandsOverAtOnce(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Quiet, o.Rest = time.Hour, time.Hour })
	f, err := os.OpenFile(w.path("app.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	w.must(err)
	defer f.Close()
	_, err = f.WriteString("one\n")
	w.must(err)
	r := w.follow(tail.StartAtBeginning())
	r.until("one\n")
	w.rename("app.log", "app.log.1")
	w.write("app.log", "three\n")
	for range 5 {
		r.ask()
	}
	if ev, ok := r.next(20 * time.Millisecond); ok {
		if _, caught := ev.(tail.CaughtUp); !caught {
			t.Fatalf("the old file is left while a writer has it open: %+v", ev)
		}
	}
	_, err = f.WriteString("two\n")
	w.must(err)
	r.until("one\ntwo\n")
	w.must(f.Close())
	r.until("one\ntwo\nthree\n")
}

// T43: the folder of the log is renamed and another takes its place.
func TestFollow_FolderRenamed_FollowsThePath(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.must(os.Mkdir(w.path("a"), 0o755))
		w.write("a/app.log", "one\n")
		r := w.open(tail.FollowRequest{Log: w.path("a/app.log"), Start: tail.StartAtBeginning(), Follow: true})
		r.until("one\n")
		w.rename("a", "b")
		w.must(os.Mkdir(w.path("a"), 0o755))
		w.write("a/app.log", "two\n")
		r.until("one\ntwo\n")
		w.write("a/app.log", "three\n")
		r.until("one\ntwo\nthree\n")
	})
}

// A file that was made in the same tick of the clock as the one that a position was in, which is gone: it is read from its beginning.
func TestResume_SuccessorMadeInTheSameTick_IsReadFromItsBeginning(t *testing.T) {
	for range 20 { // The clock may tick in between.
		w := newWorld(t, nil)
		w.write("app.log", "one\n")
		r := w.follow(tail.StartAtBeginning())
		r.until("one\n")
		at := r.at
		r.close()
		w.e.Close()
		w.remove("app.log")
		w.write("app.log", "two\nhal")
		w.start(nil)
		r = w.follow(tail.StartAtPosition(at))
		r.until("two\n")
		w.write("app.log", "f\n")
		r.until("two\nhalf\n")
		r.close()
		w.e.Close()
	}
}

// What stands before a position is not what it was: the file was written anew in place while nobody looked.
func TestResume_RewrittenWhileTheTailerWasDown_BeginsAnewAndSaysSo(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", numbered(0, 100))
	r := w.follow(tail.StartAtBeginning())
	r.until(numbered(0, 100))
	at := r.at
	r.close()
	w.e.Close()
	w.must(os.WriteFile(w.path("app.log"), []byte(numbered(500, 700)), 0o644)) // On the same inode, and longer.
	w.start(nil)
	r = w.follow(tail.StartAtPosition(at))
	r.until(numbered(500, 700))
	if g := gaps(r, tail.CauseTruncated); len(g) != 1 || count[tail.Truncated](r) != 1 {
		t.Errorf("events are %s", r)
	}
}

// The file of a position is gone, and what is left is older: its last line, which has no end, is not read once more.
func TestResume_OnlyAnOlderFileIsLeft_IsNotReadAgain(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", "no end")
	w.rename("app.log", "app.log.1")
	w.write("app.log", "")
	r := w.follow(tail.StartAtBeginning())
	r.until("no end")
	for r.at.Offset != 0 { // Until it is in the empty file.
		if _, ok := r.next(patience); !ok {
			t.Fatalf("it stays at %v", r.at)
		}
	}
	at := r.at
	r.close()
	w.e.Close()
	w.remove("app.log")
	w.start(nil)
	r = w.follow(tail.StartAtPosition(at))
	if _, ok := r.next(patience); !ok { // The gap.
		t.Fatal("nothing comes")
	}
	w.write("app.log", "new\n")
	r.until("new\n")
}
