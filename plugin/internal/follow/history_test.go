package follow

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// all reads a log to its end without following it.
func (w *world) all(start tail.Start) *reading {
	w.t.Helper()
	r := w.open(tail.FollowRequest{Start: start})
	r.caughtUp()
	return r
}

// rotatedWorld has three plain and three compressed generations and a live one, of 10 lines each, 70 in all.
func rotatedWorld(t *testing.T) *world {
	w := newWorld(t, nil)
	for i := range 3 {
		w.gzip(fmt.Sprintf("app.log.%d.gz", 6-i), numbered(i*10, i*10+10))
	}
	for i := 3; i < 6; i++ {
		w.write(fmt.Sprintf("app.log.%d", 6-i), numbered(i*10, i*10+10))
	}
	w.write("app.log", numbered(60, 70))
	return w
}

// T44
func TestStart_LastLinesOverPlainAndCompressedGenerations_AreExact(t *testing.T) {
	w := rotatedWorld(t)
	for _, n := range []int{0, 1, 9, 10, 11, 35, 40, 41, 45, 69, 70, 1000} {
		r := w.all(tail.StartAtLastLines(int64(n)))
		if got, want := r.text.String(), numbered(max(70-n, 0), 70); got != want {
			t.Errorf("last %d lines: got %s, want %s", n, brief(got), brief(want))
		}
		r.close()
	}
	if got := w.all(tail.StartAtBeginning()).text.String(); got != numbered(0, 70) {
		t.Errorf("from the beginning: %s", brief(got))
	}
}

func TestRead_BackwardAndForwardOverCompressedGenerations(t *testing.T) {
	w := rotatedWorld(t)
	end := w.all(tail.StartAtEnd()).at
	p, err := w.g.Resolve(w.path("app.log"))
	w.must(err)
	text := ""
	for at := end; ; {
		page, err := w.e.Read(t.Context(), p, tail.ReadRequest{At: at, Backward: true, Lines: 7})
		w.must(err)
		text = pageText(page) + text
		if page.AtBeginning {
			break
		}
		at = page.Start
	}
	if text != numbered(0, 70) {
		t.Errorf("backward: %s", brief(text))
	}
}

func pageText(p tail.Page) string {
	var b strings.Builder
	for _, e := range p.Events {
		if l, ok := e.(tail.Lines); ok {
			b.Write(l.Text)
		}
	}
	return b.String()
}

// A position is found again after its generation was renamed, and after it was compressed, also by another process.
func TestResume_GenerationRenamedAndCompressedWhileTheTailerWasDown_GoesOnAtTheByte(t *testing.T) {
	w := newWorld(t, nil)
	old := numbered(0, 20_000)
	w.write("app.log", old)
	r := w.follow(tail.StartAtBeginning())
	r.next(patience)
	at, read := r.at, r.text.String()
	r.close()
	w.e.Close()
	w.gzip("app.log.2.gz", old)
	w.remove("app.log")
	w.write("app.log.1", numbered(20_000, 20_010))
	w.write("app.log", numbered(20_010, 20_020))
	w.start(nil)
	r = w.follow(tail.StartAtPosition(at))
	r.until(numbered(0, 20_020)[len(read):])
	if count[tail.Gap](r) > 0 {
		t.Errorf("events are %s", r)
	}
}

// T45
func TestStart_CompressedGenerationIsDamaged_DeclaresTheRest(t *testing.T) {
	w := newWorld(t, nil)
	w.gzip("app.log.1.gz", strings.Repeat(numbered(0, 1000), 100))
	b, err := os.ReadFile(w.path("app.log.1.gz"))
	w.must(err)
	w.must(os.WriteFile(w.path("app.log.1.gz"), b[:len(b)/2], 0o644))
	w.write("app.log", "end\n")
	r := w.all(tail.StartAtBeginning())
	if g := gaps(r, tail.CauseCorrupt); len(g) != 1 || !g[0].Certain {
		t.Errorf("events are %s", r)
	}
	if !strings.HasPrefix(r.text.String(), numbered(0, 1000)) || !strings.HasSuffix(r.text.String(), "end\n") {
		t.Errorf("got %s", brief(r.text.String()))
	}
}

func TestStart_PlainAndCompressedFormOfAGeneration_TakesThePlainOne(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log.1", "one\n")
	w.must(os.WriteFile(w.path("app.log.1.gz"), []byte("not complete"), 0o644))
	w.write("app.log", "two\n")
	if r := w.all(tail.StartAtBeginning()); r.text.String() != "one\ntwo\n" || count[tail.Gap](r) > 0 {
		t.Errorf("got %q, %s", r.text.String(), r)
	}
}

func TestStart_ArchiveOfSeveralMembers_IsReadToTheEnd(t *testing.T) {
	w := newWorld(t, nil)
	var b bytes.Buffer
	for i := range 3 {
		z := gzip.NewWriter(&b)
		_, err := z.Write([]byte(numbered(i*10, i*10+10)))
		w.must(err)
		w.must(z.Close())
	}
	w.must(os.WriteFile(w.path("app.log.1.gz"), b.Bytes(), 0o644))
	w.write("app.log", numbered(30, 31))
	if r := w.all(tail.StartAtBeginning()); r.text.String() != numbered(0, 31) {
		t.Errorf("got %s", brief(r.text.String()))
	}
}

// A compressed file that unpacks to more than the limit is not read further.
func TestStart_ArchiveThatUnpacksToTooMuch_IsCutAndDeclared(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxUnpacked = 1 << 20 })
	w.gzip("app.log.1.gz", strings.Repeat(strings.Repeat("0", 99)+"\n", 100_000))
	w.write("app.log", "end\n")
	r := w.all(tail.StartAtBeginning())
	if g := gaps(r, tail.CauseCorrupt); len(g) != 1 || r.text.Len() > 1<<20+100 {
		t.Errorf("%d bytes, events are %s", r.text.Len(), r)
	}
}

// In the pause between two files, the log is its rotated generations.
func TestStart_PathIsMissingButRotatedFilesExist_ReadsThem(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.2026-11-23_07-00-00_000000.log", "one\n")
	r := w.open(tail.FollowRequest{Start: tail.StartAtLastLines(10), Follow: true})
	r.caughtUp()
	w.write("app.log", "two\n")
	r.until("one\ntwo\n")
}

func TestStart_NoSuchLog_IsNotFound(t *testing.T) {
	w := newWorld(t, nil)
	p, err := w.g.Resolve(w.path("app.log"))
	w.must(err)
	if _, err := w.e.Open(t.Context(), p, tail.FollowRequest{}); !errors.Is(err, tail.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	w.must(os.Mkdir(w.path("app.log"), 0o755))
	if _, err := w.e.Open(t.Context(), p, tail.FollowRequest{}); !errors.Is(err, tail.ErrNotRegular) {
		t.Errorf("got %v", err)
	}
}

// T36: a line without an end comes in pieces, whole and in order.
func TestFollow_LineOf64MiB_ComesInPieces(t *testing.T) {
	w := newWorld(t, nil)
	line := strings.Repeat("0123456789abcdef", 4<<20)
	w.write("app.log", "before\n"+line+"\nafter\n")
	r := w.open(tail.FollowRequest{Start: tail.StartAtBeginning()})
	got, pieces := 0, 0
	for {
		ev, ok := r.next(patience)
		if !ok {
			break
		}
		if l, ok := ev.(tail.Lines); ok {
			got += len(l.Text)
			r.text.Reset()
			if l.Piece != tail.PieceNone {
				pieces++
			}
			if l.Piece != tail.PieceNone && len(l.Text) > tail.MaxPiece {
				t.Fatalf("a piece of %d bytes", len(l.Text))
			}
		}
	}
	if want := len("before\nafter\n") + len(line) + 1; got != want || pieces < len(line)/tail.MaxPiece {
		t.Errorf("got %d bytes in %d pieces, want %d", got, pieces, want)
	}
}

// T46: readers that fall behind further than the limits allow are told how much they miss, exactly.
func TestFollow_TooFarBehind_DeclaresWhatWasGivenUp(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"files": func(o *Options) { o.MaxHeld = 5 },
		"bytes": func(o *Options) { o.MaxHeldBytes = 5 * 4096 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, change)
			w.write("app.log", "generation 000000\n")
			r := w.follow(tail.StartAtBeginning())
			for i := 1; i <= 20; i++ {
				w.rename("app.log", "app.log.1")
				w.write("app.log", fmt.Sprintf("generation %06d\n", i))
				time.Sleep(w.e.opts.Poll) // What deleted files take is counted no more often than that.
				r.ask()
			}
			for !strings.HasSuffix(r.text.String(), "generation 000020\n") {
				if _, ok := r.next(patience); !ok {
					t.Fatalf("the end never came: %s", r)
				}
			}
			g := gaps(r, tail.CauseEvicted)
			lines := int64(strings.Count(r.text.String(), "\n"))
			if len(g) != 1 || !g[0].Certain || *g[0].Generations != 21-lines || *g[0].MinBytes != (21-lines)*18 {
				t.Errorf("%d lines came; events are %s", lines, r)
			}
		})
	}
}

// T47
func TestFollow_ManyReadersOfDifferentSpeed_GetEachLineOnce(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", numbered(0, 100))
	var readers []*reading
	for range 30 {
		readers = append(readers, w.follow(tail.StartAtBeginning()))
	}
	want := numbered(0, 100)
	for i := 1; i <= 10; i++ {
		for k, r := range readers {
			for range k % 4 {
				r.next(0)
			}
		}
		w.rename("app.log", fmt.Sprintf("app.log.2026112%d", i-1))
		text := numbered(i*100, i*100+100)
		w.write("app.log", text)
		want += text
	}
	for _, r := range readers {
		r.until(want)
	}
}

// T49: what nobody needs any more is closed.
func TestFollow_AllReadersHaveGoneOn_OldFilesAreClosed(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Linger = 10 * time.Millisecond })
	w.write("app.log", "0\n")
	r := w.follow(tail.StartAtBeginning())
	want := "0\n"
	for i := 1; i <= 5; i++ {
		w.rename("app.log", fmt.Sprintf("app.log.2026112%d", i))
		line := fmt.Sprintf("%d\n", i)
		w.write("app.log", line)
		want += line
	}
	r.until(want)
	for deadline := time.Now().Add(patience); ; {
		r.next(time.Millisecond)
		r.ask()
		l := r.r.l
		l.mu.Lock() // A snapshot would make them used once more.
		held := len(l.chain)
		l.mu.Unlock()
		if held == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d generations are still held", held)
		}
	}
}

func TestEngine_NobodyFollows_TheTrackerEnds(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Grace = time.Millisecond })
	w.write("app.log", "0\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	l := r.r.l
	r.close()
	select {
	case <-l.ended:
	case <-time.After(patience):
		t.Fatal("the tracker goes on")
	}
}

func TestStart_LastLinesWithAFilter_AreThoseThatMatch(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log.1", numbered(0, 50_000))
	w.write("app.log", numbered(50_000, 100_000))
	r := w.open(tail.FollowRequest{Start: tail.StartAtLastLines(7), Filter: tail.Filter{Include: []string{"0000$"}}})
	r.next(patience)
	for _, ok := r.next(patience); ok; _, ok = r.next(patience) {
	}
	want := ""
	for i := 30_000; i < 100_000; i += 10_000 {
		want += numbered(i, i+1)
	}
	if got := r.text.String(); got != want {
		t.Errorf("got %s, want %s", brief(got), brief(want))
	}
}
