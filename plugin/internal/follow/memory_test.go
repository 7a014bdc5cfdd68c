package follow

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// A reader that does not read costs nothing, however much is written; and a line without an end is not kept in memory.
func TestFollow_ReaderThatRests_CostsNoMemory(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", "one\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	before := heap()
	block := []byte(strings.Repeat("x", 1<<20))
	f, err := os.OpenFile(w.path("app.log"), os.O_WRONLY|os.O_APPEND, 0)
	w.must(err)
	defer f.Close()
	for range 64 {
		_, err = f.Write(block)
		w.must(err)
	}
	if grown := heap() - before; grown > 2<<20 {
		t.Errorf("it grew by %d bytes while the reader rested", grown)
	}
	for range 64<<20/tail.MaxPiece - 1 {
		ev, ok := r.next(patience)
		if l, is := ev.(tail.Lines); !ok || !is || l.Piece == tail.PieceNone {
			t.Fatalf("got %T", ev)
		}
		r.text.Reset()
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("it grew by %d bytes while a line without an end was read", grown)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// What is handed out at a time may have to be held for long, by somebody who takes nothing more: it is no more than half a batch, until it is known that it is taken.
func TestFollow_ReaderThatIsSlow_GetsHalfABatchAtATime(t *testing.T) {
	w := newWorld(t, nil)
	w.write("app.log", strings.Repeat(strings.Repeat("x", 119)+"\n", 3*briskSize/120))
	r := w.follow(tail.StartAtBeginning())
	largest := func(bytes int) (most int) {
		for got := 0; got < bytes; {
			ev, ok := r.next(patience)
			l, is := ev.(tail.Lines)
			if !ok || !is {
				t.Fatalf("got %T", ev)
			}
			got += len(l.Text)
			most = max(most, len(l.Text))
			r.text.Reset()
		}
		return most
	}
	if most := largest(briskSize - 2*blockSize); most > modestSize {
		t.Errorf("in the beginning, %d bytes came at once", most)
	}
	r.r.b.brisk = briskSize // However long this test took so far.
	r.r.b.filled = time.Now().Add(time.Hour)
	if most := largest(blockSize); most <= modestSize {
		t.Errorf("to one that takes it, %d bytes came at once", most)
	}
	r.r.b.filled = time.Now().Add(-2 * modestRest) // It rests.
	if most := largest(2 * blockSize); most > modestSize {
		t.Errorf("to one that rests, %d bytes came at once", most)
	}
}
