package follow

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/livetail/livetail/plugin/internal/linetime"
)

const (
	// streamBack is how far a stream can go back without beginning again: as far as the search for a time does, and as far as the next page
	// lies before the end of what was read for the one before it.
	streamBack = 512 << 10
	// streamFirst is how much a stream has room for at first, which takes the first line; it grows with what has been unpacked. streamChunk is how much is
	// unpacked at a time after that.
	streamFirst = 4 << 10
	streamChunk = 64 << 10
	// maxShelf is how many streams an engine keeps for whoever goes on where they are, and shelfTime for how long.
	maxShelf  = 4
	shelfTime = 10 * time.Second
)

// stream reads a compressed generation from the front. What it has unpacked last stays, so that going back a little costs nothing.
type stream struct {
	g       *generation
	gz      *gzip.Reader
	off     int64  // of the next byte, uncompressed
	buf     []byte // what has been unpacked last
	at      int    // buf[at:] comes next
	head    [overlap]byte
	headEnd int  // how much of head, the first bytes of all, is known
	forward bool // nobody is going to go back
	bad     bool // reading has failed
	shelved time.Time
}

// stream returns a stream of g at an offset: one from the shelf that is before it, or a new one.
func (g *generation) stream(ctx context.Context, off int64) (*stream, error) {
	s := g.packed.shelf.take(g, off)
	if s == nil {
		var err error
		if s, err = g.unpack(); err != nil {
			return nil, err
		}
	}
	if err := s.to(ctx, off); err != nil {
		return nil, err
	}
	return s, nil
}

// unpack begins to read the content of g.
func (g *generation) unpack() (*stream, error) {
	gz, err := gzip.NewReader(io.NewSectionReader(g.packed.from, 0, math.MaxInt64))
	if err != nil {
		return nil, packedError(err)
	}
	g.packed.tally.archives.Add(1)
	return &stream{g: g, gz: gz}, nil
}

// read fills p as far as there is content. It returns 0 without error at the end.
func (s *stream) read(p []byte) (n int, err error) {
	for n < len(p) {
		have, err := s.more()
		if err != nil && n > 0 {
			return n, nil // The error comes again with the next read.
		}
		if have == 0 || err != nil {
			return n, err
		}
		m := copy(p[n:], s.buf[s.at:])
		n += m
		s.pass(m)
	}
	return n, nil
}

func (s *stream) pass(n int) {
	s.at += n
	s.off += int64(n)
}

// more makes sure that something is there to be read, and returns how many bytes are; 0 without error at the end.
func (s *stream) more() (int, error) {
	for s.at == len(s.buf) {
		left := s.g.packed.limit - s.off
		if left <= 0 {
			return 0, fmt.Errorf("%w unpacks to more than %d bytes", errCorrupt, s.g.packed.limit)
		}
		if len(s.buf) == cap(s.buf) {
			s.makeRoom()
		}
		into := s.buf[len(s.buf):cap(s.buf)]
		n, err := s.gz.Read(into[:min(int64(len(into)), left)])
		s.buf = s.buf[:len(s.buf)+n]
		s.headEnd += copy(s.head[s.headEnd:], into[:n])
		s.g.packed.tally.unpacked.Add(int64(n))
		switch {
		case n > 0: // An error comes again.
		case errors.Is(err, io.EOF):
			return 0, nil
		case err != nil:
			s.bad = true
			return 0, packedError(err)
		}
	}
	return len(s.buf) - s.at, nil
}

// makeRoom forgets what is too far back.
func (s *stream) makeRoom() {
	keep, size := min(len(s.buf), streamBack), min(max(2*cap(s.buf), streamFirst), streamBack+4*streamChunk)
	if s.forward {
		keep, size = 0, streamChunk
	}
	last := s.buf[len(s.buf)-keep:]
	if cap(s.buf) != size {
		s.buf = make([]byte, keep, size)
	}
	s.buf = s.buf[:copy(s.buf[:keep], last)]
	s.at = len(s.buf)
}

// covers reports whether off is not too far back.
func (s *stream) covers(off int64) bool { return off >= s.off-int64(s.at) }

// to goes to an offset, which s covers. errRewritten means that there is less content.
func (s *stream) to(ctx context.Context, off int64) error {
	if off < s.off {
		s.pass(int(off - s.off))
	}
	for s.off < off {
		if err := ctx.Err(); err != nil {
			return err
		}
		have, err := s.more()
		if err != nil {
			return err
		}
		if have == 0 {
			return errRewritten // It is shorter than it was.
		}
		s.pass(int(min(int64(have), off-s.off)))
	}
	return nil
}

// shelve gives s back when nobody needs it any more; it may be nil.
func (s *stream) shelve() {
	// What is near the front is soon there again.
	if s != nil && !s.bad && !s.forward && s.off >= streamBack {
		s.g.packed.shelf.put(s)
	}
}

// shelf holds streams that nobody reads at the moment. One page of history follows the other, and each would have to unpack everything before it.
type shelf struct {
	mu      sync.Mutex
	streams []*stream // what was put there last is at the end
}

func (f *shelf) put(s *stream) {
	s.shelved = time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.streams) == maxShelf {
		f.streams = slices.Delete(f.streams, 0, 1)
	}
	f.streams = append(f.streams, s)
}

// take takes the stream of g from which off is nearest; nil if there is none.
func (f *shelf) take(g *generation, off int64) *stream {
	f.mu.Lock()
	defer f.mu.Unlock()
	best := -1
	for i, s := range f.streams {
		if s.g == g && s.covers(off) && (best < 0 || s.off > f.streams[best].off) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	s := f.streams[best]
	f.streams = slices.Delete(f.streams, best, best+1)
	return s
}

// sweep drops what has been there for long, and the streams of the files in gone.
func (f *shelf) sweep(gone map[*held]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.streams = slices.DeleteFunc(f.streams, func(s *stream) bool { return gone[s.g.on] || time.Since(s.shelved) > shelfTime })
}

const _ = uint(streamBack - linetime.ForwardBack) // The search for a time does not begin again.
