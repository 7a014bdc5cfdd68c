package follow

import (
	"context"
	"errors"
	"io"
	"math"
	"time"

	"github.com/livetail/livetail/plugin/internal/linetime"
)

// newParser returns a parser for the lines of g.
func (l *Log) newParser(g *generation) *linetime.Parser {
	return &linetime.Parser{Location: l.zone, Reference: l.reference(g)}
}

// reference is about when g was last written, for dates without a year; zero, which is now, for the live one.
func (l *Log) reference(g *generation) time.Time {
	l.mu.Lock()
	live := g.next == nil
	l.mu.Unlock()
	if live {
		return time.Time{}
	}
	_, written, _, err := g.on.size()
	if err != nil {
		return time.Time{}
	}
	return written
}

// begun is when a generation begins, as far as that has been looked up.
type begun struct {
	known bool
	dated bool // it is known; nothing is if no line near the beginning of an archive carries a time
	ns    int64
}

// beginning returns when the first line of g was written. It reads no further than that line, and so unpacks next to nothing.
func (l *Log) beginning(ctx context.Context, g *generation) (begun, error) {
	l.mu.Lock()
	b := g.begun
	l.mu.Unlock()
	if b.known {
		return b, nil
	}
	if g.packed == nil && g.max.Load() <= g.from {
		return begun{}, nil
	}
	stamper := &linetime.Stamper{Parser: l.newParser(g)}
	c := &content{ctx: ctx, g: g}
	defer c.close()
	ns, dated, err := stamper.Begins(io.NewSectionReader(upToDamage{c}, g.from, math.MaxInt64-g.from))
	switch {
	case err != nil:
		return begun{}, err
	case dated:
		b = begun{known: true, dated: true, ns: ns}
	case g.packed != nil:
		b = begun{known: true} // When an archive was made says nothing about its lines.
	default:
		return begun{dated: true, ns: g.on.id.btime}, nil
	}
	l.mu.Lock()
	g.begun = b
	l.mu.Unlock()
	return b, nil
}

// around returns the newest of gens that begins before t, and the oldest one after that which does not; -1 and the number of gens if there is
// none. When those between the two begin is not known. It looks at the beginnings of a few of them, by bisection.
func (l *Log) around(ctx context.Context, gens []*generation, t time.Time) (before, after int, err error) {
	before, after = -1, len(gens)
	for {
		i, b, err := l.datedNear(ctx, gens, before, after)
		switch {
		case err != nil:
			return 0, 0, err
		case i < 0:
			return before, after, nil
		case b.ns < t.UnixNano():
			before = i
		default:
			after = i
		}
	}
}

// datedNear returns that of the generations between two others that is nearest to their middle and of which it is known when it begins; -1
// if there is none.
func (l *Log) datedNear(ctx context.Context, gens []*generation, before, after int) (int, begun, error) {
	middle := before + (after-before)/2
	for i := max(middle, before+1); i < after; i++ {
		if b, err := l.beginning(ctx, gens[i]); err != nil || b.dated {
			return i, b, err
		}
	}
	for i := middle - 1; i > before; i-- {
		if b, err := l.beginning(ctx, gens[i]); err != nil || b.dated {
			return i, b, err
		}
	}
	return -1, begun{}, nil
}

// firstAtTime returns where the first line of g begins whose time is not before t; the size of g if there is none. It unpacks a compressed one up to
// that line.
func (l *Log) firstAtTime(ctx context.Context, g *generation, t time.Time) (off int64, found bool, err error) {
	s := linetime.Search{Parser: l.newParser(g), Base: g.on.id.btime}
	c := &content{ctx: ctx, g: g}
	defer c.close()
	if g.packed != nil {
		return s.FirstForward(upToDamage{c}, t)
	}
	size, err := g.length(ctx)
	if err != nil {
		return 0, false, err
	}
	l.mu.Lock()
	if g.ends > 0 {
		size = min(size, g.ends)
	}
	l.mu.Unlock()
	off, err = s.First(c, size, t)
	return off, off < size, err
}

// upToDamage is content that ends where it cannot be unpacked.
type upToDamage struct{ *content }

func (u upToDamage) ReadAt(p []byte, off int64) (int, error) {
	n, err := u.content.ReadAt(p, off)
	if errors.Is(err, errCorrupt) || errors.Is(err, errRewritten) {
		err = io.EOF
	}
	return n, err
}
