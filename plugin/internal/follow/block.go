package follow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/livetail/livetail/plugin/tail"
)

// errRewritten says that the content of a generation is not what it was.
var errRewritten = errors.New("rewritten in place")

const (
	// blockSize is the most that is read at a time: one batch.
	blockSize = tail.MaxBatch
	// modestSize is how much is read at a time for who has not yet taken briskSize without a rest of modestRest: that much is held for him somewhere on the
	// way, if he takes nothing more. Sockets take a few MiB from anybody. Reading always like this would cost a sixth more processor time.
	modestSize = blockSize / 2
	modestRest = 500 * time.Millisecond
	briskSize  = 8 << 20
)

// blocks are buffers of blockSize. A reader that has nothing to read has none.
var blocks = sync.Pool{New: func() any { return new([blockSize]byte) }}

// block is what a reader has read of a generation and not handed out yet.
type block struct {
	g      *generation
	off    int64  // where the next read begins
	before window // the bytes before off
	page   *[blockSize]byte
	at     int // what is not handed out is page[at:end], or rest while page is nil
	end    int
	rest   []byte // a short incomplete line, kept without a page

	brisk  int64     // how much has been taken without a rest
	filled time.Time // when that which has been taken was read, if more was there then; zero otherwise

	wide   bool  // NUL bytes are part of ordinary text
	nulsTo int64 // NUL bytes before this offset are content

	call   preadv
	packed *stream // of a compressed generation
}

// preadv is one read of a file and its result. It is part of a reader so that a read allocates nothing.
type preadv struct {
	iov  [2][]byte
	off  int64
	n    int
	size int64
	err  error
	read func(fd uintptr)

	again window // what [preadv.unchanged] reads
	check func(fd uintptr)
}

func (c *preadv) do(fd uintptr) {
	c.n, c.err = retry(func() (int, error) { return unix.Preadv(int(fd), c.iov[:], c.off) })
	var st unix.Stat_t
	if c.err == nil {
		c.err = unix.Fstat(int(fd), &st)
		c.size = st.Size
	}
}

// run reads into two buffers from off on, and then takes the size of the file.
func (c *preadv) run(h *held, a, b []byte, off int64) (n int, size int64, err error) {
	if c.read == nil {
		c.read = c.do
	}
	c.iov, c.off = [2][]byte{a, b}, off
	if err := h.raw.Control(c.read); err != nil {
		return 0, 0, err
	}
	c.iov = [2][]byte{}
	return c.n, c.size, c.err
}

func (c *preadv) doCheck(fd uintptr) {
	c.n, c.err = retry(func() (int, error) { return unix.Pread(int(fd), c.again.b[:c.again.n], c.off) })
	if head := c.again.first(); c.err == nil && c.n == c.again.n && len(head) > 0 {
		var n int
		n, c.err = retry(func() (int, error) { return unix.Pread(int(fd), head, 0) })
		c.again.hn = n
	}
}

// unchanged reports whether what stands in the file is still the evidence for off.
func (c *preadv) unchanged(h *held, before *window, off int64) bool {
	if c.check == nil {
		c.check = c.doCheck
	}
	c.again.n, c.again.hn, c.off = before.n, before.hn, off-int64(before.n)
	err := h.raw.Control(c.check)
	return err == nil && c.err == nil && c.n == before.n && c.again.same(before)
}

func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// pending returns what has been read and not been handed out.
func (b *block) pending() []byte {
	if b.page == nil {
		return b.rest
	}
	return b.page[b.at:b.end]
}

// from is the offset of the first byte of pending.
func (b *block) from() int64 { return b.off - int64(len(b.pending())) }

// take hands out the first n bytes of pending. They are valid until the next fill.
func (b *block) take(n int) []byte {
	if b.page == nil {
		out := b.rest[:n]
		b.rest = b.rest[n:]
		return out
	}
	b.at += n
	return b.page[b.at-n : b.at]
}

// park gives the page back while there is nothing to read, and keeps what is pending in as little memory as it takes.
func (b *block) park() {
	if b.page == nil {
		return
	}
	b.rest = append([]byte(nil), b.pending()...)
	blocks.Put(b.page)
	b.page, b.at, b.end = nil, 0, 0
}

// most is how much of the page is to be used for who comes for more now.
func (b *block) most() int {
	if !b.filled.IsZero() && time.Since(b.filled) > modestRest {
		b.brisk = 0
	}
	if b.brisk < briskSize && b.end < modestSize {
		return modestSize
	}
	return blockSize
}

// took notes that n bytes have been read, and whether there is more.
func (b *block) took(n int, more bool) {
	b.brisk += int64(n)
	if b.filled = (time.Time{}); more {
		b.filled = time.Now()
	}
}

// fill reads on. It returns 0 at the end. errRewritten means that the content before the offset is not what it was; nothing is taken
// over then, and what is pending is still from the old content.
//
// The bytes before the offset are read again with each read, which tells whether this is still the same content; and once more afterwards,
// together with those at the beginning of the file, because a read is not atomic and may have got half of the new content.
func (b *block) fill(limit int64) (int, error) {
	if b.page == nil {
		b.page = blocks.Get().(*[blockSize]byte)
		b.at, b.end = 0, copy(b.page[:], b.rest)
		b.rest = nil
	} else if b.at > 0 {
		b.end = copy(b.page[:], b.page[b.at:b.end])
		b.at = 0
	}
	into := b.page[b.end:b.most()]
	if limit > 0 {
		into = into[:max(min(int64(len(into)), limit-b.off), 0)]
	}
	if b.g.packed != nil {
		return b.fillPacked(into)
	}
	var again [overlap]byte
	w := b.before.n
	seen := b.g.max.Load()
	n, size, err := b.call.run(b.g.on, again[:w], into, b.off-int64(w))
	switch {
	case errors.Is(err, os.ErrClosed):
		return 0, errClosed
	case err != nil:
		return 0, fmt.Errorf("read %s: %w: %w", b.g.name, tail.ErrUnreadable, err)
	case n < w, size < seen && !b.g.shed(size), !b.before.holds(again[:w]):
		return 0, errRewritten
	case n == w:
		return 0, nil
	}
	if w > 0 && !b.call.unchanged(b.g.on, &b.before, b.off) {
		return 0, errRewritten
	}
	n -= w
	if w > 0 {
		b.g.raise(size)
	} else if size, err = b.begin(into[:n], size); err != nil {
		return 0, err
	}
	if b.wide {
		// UTF-16 has no holes that could be told from text.
	} else if end := beforeHole(into[:n], b.off == b.g.from); end < n && b.off+int64(end) >= b.nulsTo {
		if n = end; n == 0 {
			return b.atNuls()
		}
	}
	b.before.push(into[:n])
	b.end += n
	b.off += int64(n)
	b.took(n, b.off < size)
	raise(&b.g.read, b.off)
	return n, nil
}

// begin makes data, read with nothing before it to compare, content of the generation, and returns its size. size was taken after data was read.
func (b *block) begin(data []byte, size int64) (int64, error) {
	for {
		smaller, other := b.g.admit(data, b.off, size)
		if !smaller && !other {
			return size, nil
		}
		most := b.g.max.Load() // It has grown since its size was taken, or there is less now than there was.
		var err error
		if size, _, _, err = b.g.on.size(); err != nil || other || size < most {
			return 0, errRewritten
		}
	}
}

// atNuls decides about NUL bytes at the offset: a hole, which is an error of that type; not written yet, which is the end for now; or
// content, which the next fill reads.
func (b *block) atNuls() (int, error) {
	end, atEnd, err := b.g.endOfNuls(b.off)
	switch {
	case err != nil:
		return 0, err
	case atEnd:
		raise(&b.g.reserve, b.off+1)
		return 0, nil
	case end-b.off >= minHole || b.off == b.g.from:
		return 0, &hole{b.off, end}
	}
	b.nulsTo = end
	return b.fill(end)
}

// seek moves b to an offset of a generation and reads the bytes before it as evidence. What is pending is forgotten.
func (b *block) seek(ctx context.Context, g *generation, off int64) (err error) {
	b.packed.shelve()
	b.g, b.off, b.rest, b.at, b.end, b.nulsTo = g, off, nil, 0, 0, 0
	raise(&g.read, off)
	b.packed, err = g.load(ctx, &b.before, off)
	return err
}

// load reads the evidence for off.
func (w *window) load(h *held, off int64) error {
	w.n = int(min(off, overlap))
	var head [overlap]byte
	for _, part := range []struct {
		into []byte
		at   int64
	}{{w.b[:w.n], off - int64(w.n)}, {head[:w.n], 0}} {
		n, err := h.readAt(part.into, part.at)
		if err != nil {
			return err
		}
		if n < len(part.into) {
			return errRewritten
		}
	}
	w.begin(head[:w.n])
	return nil
}

// readAt is like [os.File.ReadAt] but takes a short read at the end for what it is.
func (h *held) readAt(p []byte, off int64) (n int, err error) {
	err2 := h.raw.Control(func(fd uintptr) {
		n, err = retry(func() (int, error) { return unix.Pread(int(fd), p, off) })
	})
	if errors.Is(err2, os.ErrClosed) {
		return 0, errClosed
	}
	if err != nil {
		return 0, fmt.Errorf("read a generation: %w: %w", tail.ErrUnreadable, err)
	}
	return n, nil
}
