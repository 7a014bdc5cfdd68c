package follow

import (
	"os"
	"runtime"
	"strings"
	"testing"

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
