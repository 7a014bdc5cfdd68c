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
// not depend on its size, and going back means beginning again.
type packed struct {
	limit int64

	mu    sync.Mutex // guards the rest; held during the first count, which others wait for
	known bool
	size  int64
	lines int64
	ended bool // the last line has a newline
}

func newPacked(limit int64) *packed { return &packed{limit: limit} }

// stream reads a compressed generation from the front.
type stream struct {
	gz    *gzip.Reader
	off   int64 // of the next byte, uncompressed
	limit int64
}

// unpack begins to read the content of g.
func (g *generation) unpack() (*stream, error) {
	gz, err := gzip.NewReader(io.NewSectionReader(g.on.file, 0, math.MaxInt64))
	if err != nil {
		return nil, packedError(err)
	}
	return &stream{gz: gz, limit: g.packed.limit}, nil
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

// read fills p as far as there is content. It returns 0 without error at the end.
func (s *stream) read(p []byte) (n int, err error) {
	if s.off+int64(len(p)) > s.limit {
		p = p[:max(s.limit-s.off, 0)]
		if len(p) == 0 {
			return 0, fmt.Errorf("%w unpacks to more than %d bytes", errCorrupt, s.limit)
		}
	}
	for n < len(p) {
		m, err := s.gz.Read(p[n:])
		n += m
		s.off += int64(m)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			if n > 0 {
				return n, nil // The error comes again with the next read.
			}
			return 0, packedError(err)
		}
	}
	return n, nil
}

// skip reads up to off and throws away what it reads.
func (s *stream) skip(ctx context.Context, off int64) error {
	page := backBlocks.Get().(*[backBlock]byte)
	defer backBlocks.Put(page)
	for s.off < off {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := s.read(page[:min(off-s.off, backBlock)])
		if err != nil {
			return err
		}
		if n == 0 {
			return errRewritten // It is shorter than it was.
		}
	}
	return nil
}

// count returns the size of the content and how many lines it has. What cannot be unpacked does not count.
func (g *generation) count(ctx context.Context) (size, lines int64, ended bool, err error) {
	p := g.packed
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known {
		return p.size, p.lines, p.ended, nil
	}
	size, lines, last, err := g.countTo(ctx, math.MaxInt64)
	if err != nil {
		return 0, 0, false, err
	}
	ended = last == '\n' || size == 0
	if !ended {
		lines++
	}
	p.known, p.size, p.lines, p.ended = true, size, lines, ended
	return size, lines, ended, nil
}

// countTo counts the newlines before end, and returns the last byte there.
func (g *generation) countTo(ctx context.Context, end int64) (size, newlines int64, last byte, err error) {
	s, err := g.unpack()
	if errors.Is(err, errCorrupt) {
		return 0, 0, 0, nil
	}
	if err != nil {
		return 0, 0, 0, err
	}
	page := backBlocks.Get().(*[backBlock]byte)
	defer backBlocks.Put(page)
	for s.off < end {
		if err := ctx.Err(); err != nil {
			return 0, 0, 0, err
		}
		n, err := s.read(page[:min(end-s.off, backBlock)])
		if n == 0 || err != nil {
			if err != nil && !errors.Is(err, errCorrupt) {
				return 0, 0, 0, err
			}
			break
		}
		newlines += int64(bytes.Count(page[:n], newline))
		last = page[n-1]
	}
	return s.off, newlines, last, nil
}

// lastPackedLines is lastLines for a compressed generation.
func lastPackedLines(ctx context.Context, g *generation, end, n int64) (off, found int64, err error) {
	size, lines, last, err := g.countTo(ctx, end)
	if err != nil {
		return 0, 0, err
	}
	if size > 0 && last != '\n' {
		lines++
	}
	if lines <= n {
		return 0, lines, nil
	}
	s, err := g.unpack()
	if err != nil {
		return 0, 0, err
	}
	page := backBlocks.Get().(*[backBlock]byte)
	defer backBlocks.Put(page)
	for pass := lines - n; ; {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		at := s.off
		got, err := s.read(page[:])
		if err != nil {
			return 0, 0, err
		}
		if got == 0 {
			return 0, 0, errRewritten
		}
		length, passed := nth(page[:got], int(min(pass, backBlock)))
		if pass -= int64(passed); pass == 0 {
			return at + int64(length), n, nil
		}
	}
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

// load reads the evidence for off in the content of g.
func (g *generation) load(ctx context.Context, w *window, off int64) (*stream, error) {
	if g.packed == nil {
		return nil, w.load(g.on, off)
	}
	s, err := g.unpack()
	if err != nil {
		return nil, err
	}
	var front [2 * overlap]byte
	n, err := s.read(front[:min(off, int64(len(front)))])
	if err != nil {
		return s, err
	}
	w.begin(front[:min(n, overlap)])
	if off <= int64(len(front)) {
		if int64(n) < off {
			return s, errRewritten // It is shorter than it was.
		}
		w.n = copy(w.b[:], front[max(n-overlap, 0):n])
		return s, nil
	}
	if err := s.skip(ctx, off-overlap); err != nil {
		return nil, err
	}
	if w.n, err = s.read(w.b[:]); err == nil && w.n < overlap {
		err = errRewritten
	}
	return s, err
}

// fillPacked is fill for a compressed generation, which never changes.
func (b *block) fillPacked(into []byte) (int, error) {
	if b.packed == nil {
		s, err := b.g.unpack()
		if err == nil {
			err = s.skip(context.Background(), b.off)
		}
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
