package follow

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/livetail/livetail/plugin/tail"
)

// Some loggers reserve space and write into it through memory, of which no event tells; what they have not used they give back.
func TestFollow_WrittenThroughMemory_IsDeliveredAndNothingIsMissingWhenTheRestIsGivenBack(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		f, err := os.Create(w.path("app.log"))
		w.must(err)
		defer f.Close()
		w.must(f.Truncate(1 << 20))
		at, err := unix.Mmap(int(f.Fd()), 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		w.must(err)
		defer func() { w.must(unix.Munmap(at)) }()
		r := w.follow(tail.StartAtBeginning())
		r.caughtUp()
		n := 0
		for i := range 5 {
			n += copy(at[n:], numbered(i, i+1))
			r.until(numbered(0, i+1))
		}
		w.must(f.Truncate(int64(n)))
		r.ask()
		w.write("app.log", numbered(5, 6))
		r.until(numbered(0, 6))
		if len(r.events) > 0 {
			t.Errorf("events are %s", r)
		}
	})
}

// Space that was never used may be what a crash has lost, or not.
func TestFollow_ReservedSpaceIsLeftAtARotation_DeclaresAPossibleHole(t *testing.T) {
	w := newWorld(t, nil)
	f, err := os.Create(w.path("app.log"))
	w.must(err)
	_, err = f.WriteString("one\n")
	w.must(err)
	w.must(f.Truncate(1 << 16))
	r := w.follow(tail.StartAtBeginning())
	r.until("one\n")
	r.caughtUp()
	w.must(f.Close())
	w.rename("app.log", "app.log.1")
	w.write("app.log", "two\n")
	r.until("one\ntwo\n")
	if g := gaps(r, tail.CauseHole); len(g) != 1 || g[0].Certain || g[0].Bytes == nil || *g[0].Bytes != 1<<16-4 {
		t.Errorf("events are %s", r)
	}
}
