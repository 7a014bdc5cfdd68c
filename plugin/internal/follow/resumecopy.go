package follow

import (
	"context"
	"errors"
	"slices"

	"github.com/livetail/livetail/plugin/tail"
)

// resumeInCopy goes on at p in the copy that was made of g before its file was emptied, if there is one: what stands before p in a copy is what stood
// before it in g.
func (r *Reader) resumeInCopy(ctx context.Context, g *generation, p tail.Position) (bool, error) {
	if err := r.l.awaitCopy(ctx, g, p.Offset); err != nil {
		return false, err
	}
	if err := r.l.wholeChain(ctx); err != nil {
		return false, err
	}
	gens, unpin := r.l.snapshot()
	defer unpin()
	probes := 0
	for _, c := range slices.Backward(gens) {
		known := r.l.isCopyOf(c, g)
		if c.on == g.on || !c.readable(r.l) || !known && (p.Check == "" || p.Offset < overlap) { // Too little evidence: generations may begin alike.
			continue
		}
		if c.packed != nil {
			if probes++; probes > maxProbes {
				continue
			}
		}
		w, err := c.windowAt(ctx, p.Offset)
		switch {
		case errors.Is(err, errRewritten), errors.Is(err, errCorrupt), err == nil && w.check() != p.Check:
			continue
		case err != nil:
			return false, err
		}
		if err := r.enter(ctx, c, p.Offset); err != nil {
			return false, err
		}
		if !known {
			r.copied = c // When g was emptied, nobody saw.
		}
		r.queue = append(r.queue, tail.Boundary{From: p, To: r.position(), How: tail.HowCopied, Order: tail.OrderInferred, Name: r.l.nameNow(c)})
		return true, nil
	}
	return false, nil
}

// leftBehind returns how many of gens were left for good by who comes back, as far as they are found; 0 if none is. What comes after them has not been read, but
// for what its position says.
func (r *Reader) leftBehind(ctx context.Context, gens []*generation) (int, error) {
	probes := 0
	for _, p := range slices.Backward(r.behind) {
		if i := r.l.generationOf(gens, p); i >= 0 {
			return i + 1, nil
		}
		if p.Check == "" || p.Offset < overlap {
			continue
		}
		for i, g := range slices.Backward(gens) {
			if g.packed == nil || !g.readable(r.l) || probes == maxProbes {
				continue
			}
			probes++
			w, err := g.windowAt(ctx, p.Offset)
			switch {
			case err == nil && w.check() == p.Check:
				return i + 1, nil
			case ctx.Err() != nil:
				return 0, ctx.Err()
			}
		}
	}
	return 0, nil
}

// keptTime reports whether an archive has the time of the file that it was made of, and that was written after a time, in ns. One that was last written when it
// was made does not tell how old its content is.
func (h *held) keptTime(t int64) bool {
	written := h.written()
	return written > t && written < h.id.btime
}

// standAt goes to p in g, which something has been written over: nothing of that is read, and what follows g tells how much of it is missing.
func (r *Reader) standAt(g *generation, p tail.Position) {
	r.move(g)
	r.b.packed.shelve()
	r.b.g, r.b.off, r.b.rest, r.b.at, r.b.end, r.b.packed = g, p.Offset, nil, 0, 0, nil
	r.check, r.unseen = p.Check, true
}

// awaitCopy returns when nobody looks for a copy of g any more, of which everything up to off has been read.
func (l *Log) awaitCopy(ctx context.Context, g *generation, off int64) error {
	for {
		v := l.view(g)
		if v.closed {
			return errClosed
		}
		if !v.cut || !v.seeking || v.over && !v.nextOpen || v.sought && g.max.Load() <= off {
			return nil
		}
		select {
		case <-v.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// isCopyOf reports whether c is known to be a copy of g.
func (l *Log) isCopyOf(c, g *generation) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return c.copyOf == g
}

// nameNow returns the last name of g, for display.
func (l *Log) nameNow(g *generation) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return g.name
}
