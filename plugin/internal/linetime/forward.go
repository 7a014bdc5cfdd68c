package linetime

import (
	"bytes"
	"io"
	"math"
	"time"
)

// ForwardBack is how far [Search.FirstForward] goes back at the most, in bytes, if lines with a time are not rare.
const ForwardBack = 2*bufferSize + defaultSlack + lookBack

// FirstForward is [Search.First] for what can be read cheaply in one direction alone, such as an archive, and whose size is not known: it reads
// forward, looking at one line of each 64 KiB, until that is late enough, and then goes back once, about as far as [ForwardBack]. found is
// false if no line is late enough; off is where r ends then.
func (s Search) FirstForward(r io.ReaderAt, t time.Time) (off int64, found bool, err error) {
	l := lines{r: r, size: math.MaxInt64, buf: make([]byte, bufferSize)}
	b := bisect{parser: s.Parser, lines: &l, want: t.UnixNano(), found: math.MaxInt64}
	for b.found == math.MaxInt64 && l.fill() {
		at, block := l.at, l.have
		l.seek(at + int64(len(block)))
		if at > 0 {
			n := bytes.IndexByte(block, '\n') + 1
			if n == 0 {
				continue
			}
			at, block = at+int64(n), block[n:]
		}
		b.sample(at, block)
	}
	if l.err != nil {
		return 0, false, l.err
	}
	size := l.size // Or more, if a line was found.
	b.found = min(b.found, size)
	off, err = s.settle(r, &b, b.found)
	return off, off < size, err
}

// sample looks at the first line with a time in block, which stands at the offset at and begins with a line.
func (b *bisect) sample(at int64, block []byte) {
	for len(block) > 0 {
		n := bytes.IndexByte(block, '\n') + 1
		if n == 0 {
			if n = len(block); n < maxLongLine { // The time may be cut off with the rest.
				return
			}
		}
		ns, ok := b.parser.Nano(block[:n])
		if !ok || b.parser.isFuture(ns) {
			at, block = at+int64(n), block[n:]
			continue
		}
		b.timed = true
		if ns >= b.want {
			b.found = at
		} else {
			b.lo = at
		}
		return
	}
}
