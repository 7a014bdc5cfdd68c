//go:build soak

package follow

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// ledger checks numbered lines without keeping them.
type ledger struct {
	t          *testing.T
	next       int // number of the line that comes next
	boundaries int
	gaps       int
	late       int
}

func (c *ledger) event(ev tail.Event) {
	c.t.Helper()
	switch ev := ev.(type) {
	case tail.Lines:
		for line := range bytes.Lines(ev.Text) {
			text := bytes.Fields(line)[1]
			if n, err := strconv.Atoi(string(text)); err != nil || n != c.next {
				c.t.Fatalf("line %q comes where %d should", line, c.next)
			}
			c.next++
		}
	case tail.Boundary:
		c.boundaries++
	case tail.Gap:
		c.gaps++
		c.t.Fatalf("gap after line %d: %+v", c.next-1, ev)
	case tail.Late:
		c.late++
	}
}

// rotateOften writes and rotates as lumberjack does, with two backups, one generation each pause. It returns how many lines there are.
func rotateOften(w *world, rotations, linesEach int, pause time.Duration, filler string) int {
	n := 0
	var names []string
	for i := range rotations + 1 {
		start := time.Now()
		var b strings.Builder
		for range linesEach {
			fmt.Fprintf(&b, "line %d%s\n", n, filler)
			n++
		}
		w.write("app.log", b.String())
		time.Sleep(time.Until(start.Add(pause)))
		if i == rotations {
			break
		}
		name := fmt.Sprintf("app-2026-11-23T%02d-%02d-%02d.000.log", i/3600, i/60%60, i%60)
		w.rename("app.log", name)
		if names = append(names, name); len(names) > 2 {
			w.remove(names[0])
			names = names[1:]
		}
	}
	return n
}

// 10,000 rotations of generations that live 50 ms each, under a reader that is three times slower while they last.
func TestSoak_TenThousandRotationsUnderASlowReader_NothingIsLostDoubledOrReordered(t *testing.T) {
	rotations := 10_000
	if n, err := strconv.Atoi(os.Getenv("LIVETAIL_SOAK_ROTATIONS")); err == nil {
		rotations = n
	}
	w := newWorld(t, func(o *Options) { o.Poll, o.MaxHeld, o.MaxHeldBytes = 250*time.Millisecond, rotations+10, 16<<30 })
	w.write("app.log", "")
	r := w.follow(tail.StartAtBeginning())
	var total atomic.Int64
	var writing sync.WaitGroup
	writing.Go(func() { total.Store(int64(rotateOften(w, rotations, 20, 50*time.Millisecond, ""))) })
	c := &ledger{t: t}
	start := time.Now()
	most := 0
	for want := int64(0); want == 0 || int64(c.next) < want; want = total.Load() {
		ev, ok := nextOf(r, time.Second)
		if !ok {
			continue
		}
		c.event(ev)
		if _, isBoundary := ev.(tail.Boundary); isBoundary && total.Load() == 0 {
			time.Sleep(150 * time.Millisecond)
			r.r.l.mu.Lock()
			most = max(most, len(r.r.l.chain))
			r.r.l.mu.Unlock()
		}
	}
	writing.Wait()
	t.Logf("%d rotations in %v, %d lines, %d boundaries, %d gaps, %d late; at most %d generations were held", rotations, time.Since(start).Round(time.Second), c.next, c.boundaries, c.gaps, c.late, most)
	if c.boundaries != rotations || c.late > 0 {
		t.Errorf("%d boundaries, %d late", c.boundaries, c.late)
	}
}

// nextOf is reading.next without keeping what comes.
func nextOf(r *reading, d time.Duration) (tail.Event, bool) {
	ev, ok := r.next(d)
	r.text.Reset()
	r.events = nil
	return ev, ok
}

// A reader stops while 1 GiB is written and rotated 200 times; afterwards it gets all of it.
func TestSoak_ReaderStopsForAGiBAnd200Rotations_CostsNoMemoryAndLosesNothing(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxHeldBytes = 4 << 30 })
	w.write("app.log", "")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	before := heap()
	filler := " " + strings.Repeat("x", 1000)
	total := rotateOften(w, 200, 5300, 50*time.Millisecond, filler)
	grown := heap() - before
	start := time.Now()
	c := &ledger{t: t}
	for c.next < total {
		ev, ok := nextOf(r, patience)
		if !ok {
			t.Fatalf("read %d of %d lines", c.next, total)
		}
		c.event(ev)
	}
	t.Logf("%d lines, %d MiB; the heap grew by %d KiB while the reader stopped, and by %d KiB in all; reading took %v", total, total*1012>>20, grown>>10, (heap()-before)>>10, time.Since(start).Round(time.Millisecond))
	if grown > 16<<20 || c.boundaries != 200 {
		t.Errorf("grew by %d bytes, %d boundaries", grown, c.boundaries)
	}
}

func TestSoak_ThousandFilesAreIdle_CostLittle(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.e.Close()
		w.start(func(o *Options) { o.Poll = 250 * time.Millisecond; o.NoEvents = !w.e.Events() })
		const files = 1000
		for i := range files {
			w.must(os.MkdirAll(w.path(fmt.Sprintf("d%d", i%10)), 0o755))
			w.write(fmt.Sprintf("d%d/app%d.log", i%10, i), "one\n")
			r := w.open(tail.FollowRequest{Log: w.path(fmt.Sprintf("d%d/app%d.log", i%10, i)), Start: tail.StartAtBeginning(), Follow: true})
			r.caughtUp()
		}
		const rest = 20 * time.Second
		time.Sleep(time.Second)
		if w.e.Events() { // They are looked at more and more rarely.
			time.Sleep(restLooks * (1<<restDoublings - 1) * 4 * w.e.opts.Poll)
		}
		before := cpu(t)
		time.Sleep(rest)
		used := cpu(t) - before
		share := 100 * used.Seconds() / rest.Seconds()
		t.Logf("%d files, %v of processor time in %v: %.2f %% of a core", files, used.Round(time.Millisecond), rest, share)
		if w.e.Events() && share >= 1 {
			t.Errorf("%.2f %% of a core is too much", share)
		}
	})
}

func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// An archive that unpacks to 10 GiB is read up to the limit, and the rest is declared.
func TestSoak_ArchiveOfTenGiB_IsCutAtTheLimit(t *testing.T) {
	w := newWorld(t, nil)
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	line := []byte(strings.Repeat("0", 1023) + "\n")
	for range 100 << 10 { // 100 MiB
		if _, err := z.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	w.must(z.Close())
	f, err := os.Create(w.path("app.log.1.gz"))
	w.must(err)
	for range 103 {
		_, err := f.Write(member.Bytes())
		w.must(err)
	}
	w.must(f.Close())
	w.write("app.log", "end\n")
	before := heap()
	var peak, read int64
	r := w.follow(tail.StartAtBeginning())
	start := time.Now()
	for {
		ev, ok := r.next(5 * time.Minute)
		if !ok {
			t.Fatal("nothing comes")
		}
		if l, isLines := ev.(tail.Lines); isLines {
			read += int64(len(l.Text))
			if string(l.Text) == "end\n" {
				break
			}
			if read>>28 != (read-int64(len(l.Text)))>>28 {
				peak = max(peak, heap()-before)
			}
		}
		r.text.Reset()
	}
	t.Logf("an archive of %d MiB that unpacks to 10 GiB: %d MiB were read in %v, the heap grew by at most %d KiB; events %s", 103*member.Len()>>20, read>>20, time.Since(start).Round(time.Second), peak>>10, r)
	if g := gaps(r, tail.CauseCorrupt); len(g) != 1 || peak > 16<<20 {
		t.Errorf("events are %s", r)
	}
}

func TestSoak_GiBWithoutALineEnd_ComesInPiecesInConstantMemory(t *testing.T) {
	w := newWorld(t, nil)
	block := bytes.Repeat([]byte("x"), 1<<20)
	f, err := os.Create(w.path("app.log"))
	w.must(err)
	for range 1024 {
		_, err := f.Write(block)
		w.must(err)
	}
	_, err = f.WriteString("\n")
	w.must(err)
	w.must(f.Close())
	r := w.follow(tail.StartAtBeginning())
	before := heap()
	start := time.Now()
	var read, peak int64
	pieces := 0
	for read < 1<<30+1 {
		ev, ok := r.next(patience)
		l, isLines := ev.(tail.Lines)
		if !ok || !isLines || l.Piece == tail.PieceNone {
			t.Fatalf("got %T after %d bytes", ev, read)
		}
		read += int64(len(l.Text))
		if pieces++; pieces%2048 == 0 {
			peak = max(peak, heap()-before)
		}
		r.text.Reset()
	}
	t.Logf("1 GiB in %d pieces, %v; the heap grew by at most %d KiB", pieces, time.Since(start).Round(time.Millisecond), peak>>10)
	runtime.KeepAlive(r)
	if peak > 8<<20 {
		t.Errorf("grew by %d bytes", peak)
	}
}
