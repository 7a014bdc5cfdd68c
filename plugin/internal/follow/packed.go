package follow

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"github.com/livetail/livetail/plugin/tail"
)

// errCorrupt says that a compressed generation is damaged, or larger than may be unpacked.
var errCorrupt = errors.New("compressed generation")

// packed is what is known about the content of a compressed generation. The content is read from the front as a stream, so memory does
// not depend on its size, and going back far means beginning again.
type packed struct {
	from  io.ReaderAt // the archive
	limit int64
	shelf *shelf
	tally *tally

	mu    sync.Mutex // guards the rest; held during the first count, which others wait for
	known bool
	size  int64
	lines int64
	ended bool // the last line has a newline
}

func newPacked(e *Engine, from io.ReaderAt) *packed {
	return &packed{from: from, limit: e.opts.MaxUnpacked, shelf: &e.shelf, tally: &e.tally}
}

func packedError(err error) error {
	switch {
	case errors.Is(err, os.ErrClosed):
		return errClosed
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w ends in the middle", errCorrupt)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return fmt.Errorf("%w is damaged: %w", errCorrupt, err)
	default:
		return fmt.Errorf("%w cannot be read: %w", errCorrupt, err)
	}
}

// count returns the size of the content and how many lines it has. What cannot be unpacked does not count.
func (g *generation) count(ctx context.Context) (size, lines int64, ended bool, err error) {
	p := g.packed
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known {
		return p.size, p.lines, p.ended, nil
	}
	s, lines, last, err := g.countTo(ctx, math.MaxInt64)
	if err != nil {
		return 0, 0, false, err
	}
	if s != nil {
		size = s.off
	}
	s.shelve() // The last lines are likely to be wanted next.
	ended = last == '\n' || size == 0
	if !ended {
		lines++
	}
	p.known, p.size, p.lines, p.ended = true, size, lines, ended
	return size, lines, ended, nil
}

// countTo counts the newlines before end. It returns a stream that stands there, or at the end of what can be unpacked, nil if nothing can be, and
// the last byte before it.
func (g *generation) countTo(ctx context.Context, end int64) (s *stream, newlines int64, last byte, err error) {
	s, err = g.unpack()
	if errors.Is(err, errCorrupt) {
		return nil, 0, 0, nil
	}
	if err != nil {
		return nil, 0, 0, err
	}
	for s.off < end {
		if err := ctx.Err(); err != nil {
			return nil, 0, 0, err
		}
		n, err := s.more()
		if n == 0 || err != nil {
			if err != nil && !errors.Is(err, errCorrupt) {
				return nil, 0, 0, err
			}
			break
		}
		n = int(min(int64(n), end-s.off))
		newlines += int64(bytes.Count(s.buf[s.at:s.at+n], newline))
		last = s.buf[s.at+n-1]
		s.pass(n)
	}
	return s, newlines, last, nil
}

// lastPackedLines is lastLines for a compressed generation. What has been unpacked last mostly holds them.
func lastPackedLines(ctx context.Context, g *generation, end, n int64) (off, found int64, err error) {
	if n == 0 {
		return end, 0, nil
	}
	if s := g.packed.shelf.take(g, end); s != nil {
		defer s.shelve()
		if s.to(ctx, end) == nil {
			if off, ok := s.lastLines(n); ok {
				return off, n, nil
			}
		}
	}
	s, lines, last, err := g.countTo(ctx, end)
	if err != nil {
		return 0, 0, err
	}
	defer s.shelve()
	if s != nil && s.off > 0 && last != '\n' {
		lines++
	}
	if lines <= n {
		return 0, lines, nil
	}
	if off, ok := s.lastLines(n); ok {
		return off, n, nil
	}
	if s, err = g.unpack(); err != nil {
		return 0, 0, err
	}
	for pass := lines - n; ; {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		have, err := s.more()
		if err != nil {
			return 0, 0, err
		}
		if have == 0 {
			return 0, 0, errRewritten
		}
		length, passed := nth(s.buf[s.at:], int(min(pass, int64(have))))
		s.pass(length)
		if pass -= int64(passed); pass == 0 {
			s.shelve()
			return s.off, n, nil
		}
	}
}

// lastLines returns where the last n lines before s begin, if that has not been forgotten.
func (s *stream) lastLines(n int64) (off int64, ok bool) {
	text := s.buf[:s.at]
	if len(text) == 0 {
		return 0, false
	}
	end := len(text) - 1 // The newline that ends the last line, or its last byte.
	for range n {
		if end = bytes.LastIndexByte(text[:end], '\n'); end < 0 {
			return 0, false
		}
	}
	return s.off - int64(len(text)-end-1), true
}

// length returns the size of the content of g.
func (g *generation) length(ctx context.Context) (int64, error) {
	if g.packed != nil {
		size, _, _, err := g.count(ctx)
		return size, err
	}
	size, _, _, err := g.on.size()
	return size, err
}

// load reads the evidence for off in the content of g. Of a compressed one it returns a stream that stands at off, which the caller shelves.
func (g *generation) load(ctx context.Context, w *window, off int64) (*stream, error) {
	if g.packed == nil {
		return nil, w.load(g.on, off)
	}
	w.n = int(min(off, overlap))
	s, err := g.stream(ctx, off-int64(w.n))
	if err != nil {
		return nil, err
	}
	n, err := s.read(w.b[:w.n])
	if err == nil && n < w.n {
		err = errRewritten
	}
	w.begin(s.head[:w.n])
	return s, err
}

// windowAt is load for who wants nothing more.
func (g *generation) windowAt(ctx context.Context, off int64) (w window, err error) {
	s, err := g.load(ctx, &w, off)
	s.shelve()
	return w, err
}

// fillPacked is fill for a compressed generation, which never changes.
func (b *block) fillPacked(into []byte) (int, error) {
	if b.packed == nil {
		s, err := b.g.stream(context.Background(), b.off)
		if err != nil {
			return 0, err
		}
		b.packed = s
	}
	n, err := b.packed.read(into)
	if err != nil {
		return 0, err
	}
	b.before.push(into[:n])
	b.end += n
	b.off += int64(n)
	b.took(n, n == len(into))
	return n, nil
}

// corruptGap is the gap for the rest of a generation that cannot be read.
func corruptGap(err error, after tail.Position) tail.Gap {
	cause := tail.CauseUnreadable
	if errors.Is(err, errCorrupt) {
		cause = tail.CauseCorrupt
	}
	return tail.Gap{Cause: cause, Certain: true, After: after, Evidence: []string{err.Error()}}
}
