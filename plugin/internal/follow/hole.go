package follow

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/livetail/livetail/plugin/tail"
)

// minHole is how many NUL bytes in a row are taken for a hole: bytes that were never written. At the beginning of a generation, where a
// writer that does not append leaves one after the file was emptied, any number is.
const minHole = 4096

// hole is the error of a fill that has come to a hole.
type hole struct{ from, to int64 }

func (h *hole) Error() string { return fmt.Sprintf("%d bytes that were never written", h.to-h.from) }

// beforeHole returns how much of data, which was read at off, comes before what may be a hole. fresh says that off is the beginning of the
// generation. A run of NUL bytes that reaches the end of data may go on, so it counts as one.
func beforeHole(data []byte, fresh bool) int {
	if !mayHaveHole(data) {
		return len(data)
	}
	for at := 0; ; {
		i := bytes.IndexByte(data[at:], 0)
		if i < 0 {
			return len(data)
		}
		at += i
		run := nuls(data[at:])
		if run >= minHole || at+run == len(data) || fresh && at == 0 {
			return at
		}
		at += run
	}
}

// mayHaveHole looks at one byte in minHole, because a hole covers at least one of them, the first, or the last.
func mayHaveHole(data []byte) bool {
	for i := 0; i < len(data); i += minHole {
		if data[i] == 0 {
			return true
		}
	}
	return len(data) > 0 && data[len(data)-1] == 0
}

// nuls returns how many NUL bytes data begins with.
func nuls(data []byte) int {
	for i, c := range data {
		if c != 0 {
			return i
		}
	}
	return len(data)
}

// endOfNuls returns where the NUL bytes end that stand at off in g; the size of the file if nothing else follows.
func (g *generation) endOfNuls(off int64) (end int64, atEnd bool, err error) {
	size, _, _, err := g.on.size()
	if err != nil {
		return 0, false, err
	}
	// The file system knows about holes; within the pages that it has, one has to look.
	_ = g.on.raw.Control(func(fd uintptr) {
		if data, err := unix.Seek(int(fd), off, unix.SEEK_DATA); err == nil && data > off {
			off = data
		} else if errors.Is(err, unix.ENXIO) {
			off = size
		}
	})
	page := backBlocks.Get().(*[backBlock]byte)
	defer backBlocks.Put(page)
	for off < size {
		n, err := g.on.readAt(page[:], off)
		if err != nil {
			return 0, false, err
		}
		if n == 0 {
			break
		}
		run := nuls(page[:n])
		off += int64(run)
		if run < n {
			return off, false, nil
		}
	}
	return off, true, nil
}

// shed makes size the size of g, if that is smaller because space was given back that was reserved and never written.
func (g *generation) shed(size int64) bool {
	from := g.reserve.Load() - 1
	if from < 0 || size < from {
		return false
	}
	h := g.beganWith()
	var now [overlap]byte
	if n, err := g.on.readAt(now[:h.n], 0); err != nil || !h.begins(now[:n]) {
		return false
	}
	g.begins.Lock()
	defer g.begins.Unlock()
	if size < g.max.Load() {
		g.max.Store(size)
	}
	return true
}

// stillReserved reports whether nothing has been written yet where the reader came to NUL bytes that reach to the end of the file.
func (r *Reader) stillReserved() bool {
	var b [1]byte
	n, err := r.g.on.readAt(b[:], r.b.off)
	return err == nil && n == 1 && b[0] == 0
}

// skipHole hands out what stands before a hole as a line without an end, declares the hole, and goes on after it.
func (r *Reader) skipHole(h *hole) {
	r.leave()
	if err := r.b.seekPlain(h.to); err != nil {
		return // It was emptied meanwhile; the next fill says so.
	}
	r.before = r.b.before
	r.check = r.before.check()
	r.long = false
	size := h.to - h.from
	r.queue = append(r.queue, tail.Gap{Cause: tail.CauseHole, After: r.end, Before: r.position(), Bytes: &size,
		Evidence: []string{"the file holds NUL bytes there, which nobody wrote"}})
}

// seekPlain goes to another offset of the same generation.
func (b *block) seekPlain(off int64) error {
	var w window
	if err := w.load(b.g.on, off); err != nil {
		return err
	}
	b.before, b.off, b.rest, b.at, b.end = w, off, nil, 0, 0
	return nil
}
