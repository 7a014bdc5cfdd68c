package follow

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/livetail/livetail/plugin/tail"
)

// closedTo takes the right to read a file away, and skips the test where that has no effect.
func (w *world) closedTo(name string) {
	w.t.Helper()
	w.must(os.Chmod(w.path(name), 0))
	if f, err := os.Open(w.path(name)); err == nil {
		_ = f.Close()
		w.t.Skip("a file without rights can be read here")
	}
}

// fourGenerations makes app.log.3, .2 and .1 and app.log, of 10 lines each, and makes closed unreadable.
func fourGenerations(t *testing.T, closed string) *world {
	t.Helper()
	w := newWorld(t, nil)
	for i, name := range []string{"app.log.3", "app.log.2", "app.log.1", "app.log"} {
		w.write(name, numbered(i*10, i*10+10))
	}
	w.closedTo(closed)
	return w
}

// wantMissing checks that one generation is declared missing, after what has been read up to a line and before the rest.
func (rd *reading) wantMissing(name string, bytes int64) {
	rd.w.t.Helper()
	g := gaps(rd, tail.CauseUnreadable)
	if len(g) != 1 || count[tail.Gap](rd) != 1 || !g[0].Certain || g[0].Generations == nil || *g[0].Generations != 1 ||
		g[0].MinBytes == nil || *g[0].MinBytes != bytes || !strings.HasPrefix(strings.Join(g[0].Evidence, " "), name+" could not be opened: permission denied") {
		rd.w.t.Errorf("events are %s, want a certain gap for %s", rd, name)
	}
}

const tenLines = 10 * int64(len("line 000000\n"))

func TestStart_RotatedFileCannotBeOpened_IsDeclaredInItsPlace(t *testing.T) {
	if !inNamespace(t, 1000) {
		return
	}
	w := fourGenerations(t, "app.log.2")
	without := numbered(0, 10) + numbered(20, 40)
	for _, start := range []tail.Start{tail.StartAtBeginning(), tail.StartAtLastLines(30), tail.StartAtLastLines(100)} {
		r := w.all(start)
		if got := r.text.String(); got != without {
			t.Errorf("got %s", brief(got))
		}
		r.wantMissing("app.log.2", tenLines)
		if g := gaps(r, tail.CauseUnreadable); len(g) == 1 && (g[0].After.IsZero() || g[0].After.Offset != tenLines) {
			t.Errorf("the gap is after %v", g[0].After)
		}
		r.close()
	}
	r := w.all(tail.StartAtLastLines(20))
	if got := r.text.String(); got != numbered(20, 40) || len(gaps(r, tail.CauseUnreadable)) != 0 {
		t.Errorf("the last 20 lines are %s, %s", brief(got), r)
	}
}

func TestStart_OldestRotatedFileCannotBeOpened_IsDeclaredBeforeTheOthers(t *testing.T) {
	if !inNamespace(t, 1000) {
		return
	}
	for _, name := range []string{"app.log.3", "app.log.4.gz"} {
		w := fourGenerations(t, "app.log.3")
		text, size := numbered(10, 40), tenLines
		if name != "app.log.3" {
			w.must(os.Remove(w.path("app.log.3")))
			w.gzip(name, "hidden\n")
			w.closedTo(name)
			size = 0
		}
		for _, start := range []tail.Start{tail.StartAtBeginning(), tail.StartAtLastLines(100)} {
			r := w.all(start)
			g := gaps(r, tail.CauseUnreadable)
			if got := r.text.String(); got != text || len(g) != 1 || !g[0].Certain || !g[0].After.IsZero() || g[0].Before.IsZero() {
				t.Errorf("got %s, %s", brief(got), r)
			} else if size > 0 {
				r.wantMissing(name, size)
			} else if g[0].MinBytes != nil {
				t.Errorf("%d bytes of an archive that cannot be opened", *g[0].MinBytes)
			}
			r.close()
		}
		if r := w.all(tail.StartAtLastLines(30)); len(gaps(r, tail.CauseUnreadable)) != 0 || r.text.String() != text {
			t.Errorf("got %s, %s", brief(r.text.String()), r)
		}
		if r := w.all(tail.StartAtEnd()); count[tail.Gap](r) != 0 {
			t.Errorf("got %s", r)
		}
	}
}

// pages reads all of a log in pages from a position, and returns the text, and the gaps that it is told of, in the order of the log.
func (w *world) pages(at tail.Position, backward bool, lines int) (text string, found []tail.Gap) {
	w.t.Helper()
	for {
		page := w.page(tail.ReadRequest{At: at, Backward: backward, Lines: lines})
		var here []tail.Gap
		for _, e := range page.Events {
			if g, ok := e.(tail.Gap); ok {
				here = append(here, g)
			}
		}
		if backward {
			text, found, at = pageText(page)+text, append(here, found...), page.Start
		} else {
			text, found, at = text+pageText(page), append(found, here...), page.End
		}
		if page.AtBeginning && backward || page.AtEnd && !backward {
			return text, found
		}
	}
}

func TestRead_RotatedFileCannotBeOpened_IsDeclaredOnceInEitherDirection(t *testing.T) {
	if !inNamespace(t, 1000) {
		return
	}
	for closed, text := range map[string]string{"app.log.3": numbered(10, 40), "app.log.2": numbered(0, 10) + numbered(20, 40), "app.log.1": numbered(0, 20) + numbered(30, 40)} {
		w := fourGenerations(t, closed)
		end := w.all(tail.StartAtEnd()).at
		r := w.open(tail.FollowRequest{Start: tail.StartAtBeginning()})
		var begin tail.Position
		for begin.IsZero() {
			ev, _ := r.next(patience)
			if l, ok := ev.(tail.Lines); ok {
				begin = l.Start
			}
		}
		for _, lines := range []int{1, 3, 5, 7, 10, 30, 1000} {
			got, found := w.pages(end, true, lines)
			if got != text || len(found) != 1 || !found[0].Certain || found[0].Cause != tail.CauseUnreadable {
				t.Errorf("without %s, backward by %d lines: %s, %+v", closed, lines, brief(got), found)
			}
			got, found = w.pages(begin, false, lines)
			want := 1
			if closed == "app.log.3" { // Before the beginning.
				want = 0
			}
			if got != text || len(found) != want {
				t.Errorf("without %s, forward by %d lines: %s, %+v", closed, lines, brief(got), found)
			}
		}
	}
}

func TestResume_RotatedFileCannotBeOpened_DeclaresWhatWasNotRead(t *testing.T) {
	if !inNamespace(t, 1000) {
		return
	}
	const read = 3 * int64(len("line 000000\n"))
	for _, tt := range []struct {
		name   string
		before func(w *world) // while the tailer is down
		text   string
		gaps   []int64 // at least so many bytes; -1 for a possible gap
	}{
		{"the one after it", func(w *world) {
			w.rename("app.log", "app.log.2")
			w.write("app.log.1", numbered(10, 20))
			w.closedTo("app.log.1")
		},
			numbered(3, 10) + numbered(20, 30), []int64{tenLines}},
		{"its own", func(w *world) { w.rename("app.log", "app.log.1"); w.closedTo("app.log.1") },
			numbered(20, 30), []int64{tenLines - read}},
		{"its own and the one after it", func(w *world) {
			w.rename("app.log", "app.log.2")
			w.write("app.log.1", numbered(10, 20))
			w.closedTo("app.log.1")
			w.closedTo("app.log.2")
		}, numbered(20, 30), []int64{tenLines - read, tenLines}},
		{"the one after one that is gone", func(w *world) {
			w.rename("app.log", "x")
			w.write("app.log.1", numbered(10, 20))
			w.closedTo("app.log.1")
		}, numbered(20, 30), []int64{-1, -1}},
		{"one that was there before", func(w *world) { w.rename("app.log", "app.log.1"); w.closedTo("app.log.5") },
			numbered(3, 10) + numbered(20, 30), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.write("app.log.5", "older\n")
			time.Sleep(20 * time.Millisecond) // More than a tick of the clock of the file system.
			w.write("app.log", numbered(0, 10))
			page := w.page(tail.ReadRequest{At: w.all(tail.StartAtEnd()).at, Backward: true, Lines: 7})
			w.e.Close()
			time.Sleep(20 * time.Millisecond)
			tt.before(w)
			w.write("app.log", numbered(20, 30))
			w.start(nil)
			if page.Start.Offset != read {
				t.Fatalf("the page begins at %v", page.Start)
			}
			r := w.open(tail.FollowRequest{Start: tail.StartAtPosition(page.Start), Follow: true})
			r.until(tt.text)
			r.caughtUp()
			var got []int64
			for _, e := range r.events {
				g, ok := e.(tail.Gap)
				switch {
				case !ok:
				case !g.Certain:
					got = append(got, -1)
				case g.MinBytes != nil:
					got = append(got, *g.MinBytes)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.gaps) {
				t.Errorf("gaps are %v, want %v; events are %s", got, tt.gaps, r)
			}
		})
	}
}

// timedGenerations makes three rotated generations and a live one, of 60 lines each, one a second, and makes app.log.2 unreadable.
func timedGenerations(t *testing.T) (w *world, first time.Time) {
	w = newWorld(t, nil)
	first = time.Date(2026, 11, 23, 10, 0, 0, 0, time.Local)
	for i, name := range []string{"app.log.3", "app.log.2", "app.log.1", "app.log"} {
		for s := range 60 {
			at := first.Add(time.Duration(i*60+s) * time.Second)
			w.write(name, at.Format("2006-01-02 15:04:05")+" | INFO | x\n")
			w.must(os.Chtimes(w.path(name), at, at))
		}
	}
	w.closedTo("app.log.2")
	return w, first
}

func TestStart_ByTimeInARotatedFileThatCannotBeOpened_DeclaresIt(t *testing.T) {
	if !inNamespace(t, 1000) {
		return
	}
	w, first := timedGenerations(t)
	for seconds, want := range map[int]struct{ lines, gaps int }{-10: {180, 1}, 30: {150, 1}, 60: {120, 1}, 90: {120, 1}, 120: {120, 0}, 130: {110, 0}, 200: {40, 0}} {
		r := w.all(tail.StartAtTime(first.Add(time.Duration(seconds) * time.Second)))
		g := gaps(r, tail.CauseUnreadable)
		if n := strings.Count(r.text.String(), "\n"); n != want.lines || len(g) != want.gaps || want.gaps == 1 && !g[0].Certain {
			t.Errorf("from second %d on: %d lines, %s; want %+v", seconds, n, r, want)
		}
		r.close()
		for _, backward := range []bool{false, true} {
			page := w.page(tail.ReadRequest{AtTime: first.Add(time.Duration(seconds) * time.Second), Backward: backward, Lines: 1000})
			found := 0
			for _, e := range page.Events {
				if _, ok := e.(tail.Gap); ok {
					found++
				}
			}
			lines, gap := want.lines, want.gaps
			if backward {
				lines, gap = 180-lines, 0
				if seconds >= 60 { // It lies between the two that the page is from.
					gap = 1
				}
			}
			if n := strings.Count(pageText(page), "\n"); n != lines || found != gap {
				t.Errorf("page from second %d on, backward=%v: %d lines, %d gaps, want %d, %d", seconds, backward, n, found, lines, gap)
			}
		}
	}
}

func TestScan_RotatedFileCannotBeOpened_IsCounted(t *testing.T) {
	if !inNamespace(t, 1000) {
		return
	}
	w, first := timedGenerations(t)
	for _, backward := range []bool{false, true} {
		if s := w.scan(tail.ScanRequest{Backward: backward, Matches: 1000}); len(s.texts) != 180 || s.last.Skipped != 1 {
			t.Errorf("backward=%v: %d lines, %d generations left out", backward, len(s.texts), s.last.Skipped)
		}
		if s := w.scan(tail.ScanRequest{Backward: backward, Matches: 1000, Since: first.Add(130 * time.Second)}); len(s.texts) != 110 || s.last.Skipped != 0 {
			t.Errorf("backward=%v, later: %d lines, %d generations left out", backward, len(s.texts), s.last.Skipped)
		}
		if s := w.scan(tail.ScanRequest{Backward: backward, Matches: 1000, Since: first.Add(70 * time.Second), Until: first.Add(130 * time.Second)}); len(s.texts) != 10 || s.last.Skipped != 1 {
			t.Errorf("backward=%v, there: %d lines, %d generations left out", backward, len(s.texts), s.last.Skipped)
		}
	}
}

// What could not be opened is read when it can be, although the log is in use all the time.
func TestStart_RotatedFileCanBeOpenedAgain_IsReadInItsPlace(t *testing.T) {
	if !inNamespace(t, 1000) {
		return
	}
	tiers(t, func(t *testing.T, w *world) {
		for i, name := range []string{"app.log.3", "app.log.2", "app.log.1", "app.log"} {
			w.write(name, numbered(i*10, i*10+10))
		}
		w.closedTo("app.log.2")
		w.closedTo("app.log.3")
		follower := w.follow(tail.StartAtBeginning())
		follower.until(numbered(20, 40))
		if g := gaps(follower, tail.CauseUnreadable); len(g) != 1 || *g[0].Generations != 2 {
			t.Fatalf("events are %s", follower)
		}
		for from := 3; from >= 1; from-- {
			w.rename(fmt.Sprintf("app.log.%d", from), fmt.Sprintf("app.log.%d", from+1))
		}
		w.rename("app.log", "app.log.1")
		w.write("app.log", numbered(40, 50))
		follower.until(numbered(20, 50))
		w.must(os.Chmod(w.path("app.log.3"), 0o644))
		r := w.all(tail.StartAtLastLines(1000))
		if g := gaps(r, tail.CauseUnreadable); r.text.String() != numbered(10, 50) || len(g) != 1 || *g[0].Generations != 1 {
			t.Errorf("got %s, %s", brief(r.text.String()), r)
		}
		w.must(os.Chmod(w.path("app.log.4"), 0o644))
		if r := w.all(tail.StartAtBeginning()); r.text.String() != numbered(0, 50) || count[tail.Gap](r) != 0 {
			t.Errorf("got %s, %s", brief(r.text.String()), r)
		}
		if count[tail.Gap](follower) != 1 {
			t.Errorf("the follower heard %s", follower)
		}
	})
}

// What was declared while it was followed is not declared once more when history is looked up.
func TestStart_FileThatWasLostLiveCannotBeOpened_IsDeclaredOnce(t *testing.T) {
	if !inNamespace(t, 1000) {
		return
	}
	w := newWorld(t, nil)
	w.write("app.log", numbered(0, 10))
	r := w.follow(tail.StartAtBeginning())
	r.until(numbered(0, 10))
	w.rename("app.log", "app.log.2")
	w.write("tmp", numbered(10, 20))
	w.closedTo("tmp")
	w.rename("tmp", "app.log")
	r.ask()
	w.rename("app.log", "app.log.1")
	w.write("app.log", numbered(20, 30))
	r.until(numbered(0, 10) + numbered(20, 30))
	if g := gaps(r, tail.CauseUnreadable); len(g) != 1 {
		t.Fatalf("events are %s", r)
	}
	again := w.all(tail.StartAtBeginning())
	if g := gaps(again, tail.CauseUnreadable); again.text.String() != numbered(0, 10)+numbered(20, 30) || len(g) != 1 || *g[0].Generations != 1 {
		t.Errorf("got %s, %s", brief(again.text.String()), again)
	}
	w.must(os.Chmod(w.path("app.log.1"), 0o644))
	again = w.all(tail.StartAtBeginning())
	if again.text.String() != numbered(0, 30) || count[tail.Gap](again) != 0 {
		t.Errorf("got %s, %s", brief(again.text.String()), again)
	}
}

func TestStart_NothingInAFileThatCannotBeOpened_DeclaresNothing(t *testing.T) {
	if !inNamespace(t, 1000) {
		return
	}
	w := newWorld(t, nil)
	w.write("app.log.1", "")
	w.closedTo("app.log.1")
	w.write("app.log", "one\n")
	if r := w.all(tail.StartAtBeginning()); r.text.String() != "one\n" || len(r.events) != 0 {
		t.Errorf("got %q, %s", r.text.String(), r)
	}
}

// What is no file is no generation, whatever its name: nothing is missing.
func TestStart_FoldersFIFOsAndLinksWithNamesOfRotatedFiles_AreNoGenerations(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log.1", "one\n")
	w.must(os.Mkdir(w.path("app.log.2"), 0))
	w.must(unix.Mkfifo(w.path("app.log.3"), 0o644))
	outside := filepath.Join(t.TempDir(), "secret")
	w.must(os.WriteFile(outside, []byte("secret\n"), 0o644))
	w.must(os.Symlink(outside, w.path("app.log.4")))
	w.must(os.Symlink("app.log.1", w.path("app.log.5")))
	w.must(os.Symlink("nowhere", w.path("app.log.6")))
	w.write("app.log", "two\n")
	if r := w.all(tail.StartAtLastLines(10)); r.text.String() != "one\ntwo\n" || count[tail.Gap](r) != 0 {
		t.Errorf("got %q, %s", r.text.String(), r)
	}
}
