package follow

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/livetail/livetail/plugin/internal/linetime"
	"github.com/livetail/livetail/plugin/tail"
)

// picker is what a reader does with each line, if anything: filter it and find out its time. Without either, lines are not looked at.
type picker struct {
	match *matcher
	stamp *linetime.Stamper // nil if times are not wanted

	open     bool  // the piece of a long line that comes next belongs to a line that is wanted
	openTime int64 // the time of that line
	rest     time.Duration
}

// pick is what of some lines is wanted.
type pick struct {
	length  int // how many bytes of the input were looked at
	text    []byte
	offsets []uint32 // nil if text is the input itself
	times   []int64
	lines   int
}

// lines picks from whole lines, or one unfinished line at their end. at is the offset of the first; most, how many are wanted, negative for all. The text of the
// result stands where the input was.
func (p *picker) lines(data []byte, at int64, most int) pick {
	var out pick
	begun := time.Now()
	all := true
	kept := data[:0]
	for out.length < len(data) && out.lines != most {
		start := out.length
		n, _ := nth(data[start:], 1)
		line := data[start : start+n]
		out.length += n
		var t int64
		if p.stamp != nil {
			t = p.stamp.Stamp(line, at+int64(start))
		}
		if !p.match.pass(line) {
			all = false
			continue
		}
		out.lines++
		kept = append(kept, line...) // In place: it never overtakes the line.
		out.offsets = append(out.offsets, uint32(start))
		if p.stamp != nil {
			out.times = append(out.times, t)
		}
	}
	out.text = kept
	if all {
		out.offsets = nil
	}
	if p.match != nil {
		p.rest = p.match.charge(time.Since(begun), out.length)
	}
	return out
}

// piece picks a piece of a long line: all of them or none, as the first one says.
func (p *picker) piece(data []byte, at int64, piece tail.Piece) pick {
	if piece == tail.PieceFirst {
		p.open = p.match.pass(data)
		if p.stamp != nil {
			p.openTime = p.stamp.Stamp(data, at)
		}
	}
	out := pick{length: len(data)}
	if p.open {
		out.text = data
		if piece == tail.PieceLast {
			out.lines = 1
		}
		if p.stamp != nil {
			out.times = []int64{p.openTime}
		}
	}
	return out
}

// enter makes ready for the lines of b, which stands where they begin. long says that this is inside a line.
func (p *picker) enter(ctx context.Context, l *Log, b *block, long bool) {
	p.open = long
	if p.stamp == nil {
		return
	}
	p.stamp.Base = b.g.on.id.btime
	p.stamp.Parser.Location, p.stamp.Parser.Reference = l.zone, l.reference(b.g)
	c := &content{ctx: ctx, g: b.g, s: b.packed, lent: b.packed != nil}
	if err := p.stamp.Prime(c, b.off); err != nil {
		p.stamp.Restart()
	}
	c.close()
	if b.packed != nil && b.packed.to(ctx, b.off) != nil {
		b.packed = nil // The next read says why.
	}
	if long {
		p.openTime = p.stamp.Stamp(nil, b.off)
	}
}

// content is the uncompressed bytes of a generation as an [io.ReaderAt]. Reading a compressed one is cheap only forward. Whoever makes one closes it.
type content struct {
	ctx  context.Context // of the request that c is made for
	g    *generation
	s    *stream
	lent bool // s is somebody else's
}

func (c *content) close() {
	if !c.lent {
		c.s.shelve()
	}
	c.s, c.lent = nil, false
}

func (c *content) ReadAt(p []byte, off int64) (n int, err error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	if c.g.packed == nil {
		n, err = c.g.on.readAt(p, off)
	} else {
		if c.s == nil || !c.s.covers(off) {
			c.close()
			if c.s, err = c.g.stream(c.ctx, off); err != nil {
				return 0, err
			}
		} else if err := c.s.to(c.ctx, off); err != nil {
			return 0, err
		}
		n, err = c.s.read(p)
	}
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// walk calls f for the lines of g between two offsets, each with its offset; of a long line it gets the first piece. f returns false
// to end the walk.
func walk(ctx context.Context, g *generation, c coding, from, to int64, f func(line []byte, off int64) bool) error {
	_, err := walkFrom(ctx, g, c, from, to, false, f)
	return err
}

// walkFrom is walk; fresh says that a line begins at from whatever stands before it. damaged says that the rest cannot be unpacked.
func walkFrom(ctx context.Context, g *generation, c coding, from, to int64, fresh bool, f func(line []byte, off int64) bool) (damaged bool, err error) {
	b := block{wide: c.wide()}
	defer b.drop()
	if err := b.seek(ctx, g, from); err != nil {
		return damaged, err
	}
	long := !fresh && from > g.from+int64(c.mark) && !c.endsLine(&b.before)
	for {
		if err := ctx.Err(); err != nil {
			return damaged, err
		}
		n, piece := c.cut(b.pending(), long)
		if n == 0 {
			m, err := b.fill(to)
			if err != nil && !errors.Is(err, errCorrupt) {
				return damaged, err
			}
			damaged = damaged || err != nil
			if m > 0 {
				continue
			}
			if n = len(b.pending()); n == 0 {
				return damaged, nil
			}
		}
		at := b.from()
		data := b.take(n)
		skip := long
		long = piece == tail.PieceFirst || piece == tail.PieceMiddle
		if skip {
			continue
		}
		var none *picker
		var offsets []uint32
		begin := at
		if !c.plain() {
			p := none.decoded(c, data, at, piece, -1)
			data, offsets = p.text, p.offsets
		}
		for i := 0; len(data) > 0; i++ {
			length, _ := nth(data, 1)
			if offsets != nil {
				at = begin + int64(offsets[min(i, len(offsets)-1)])
			}
			if !f(data[:length], at) {
				return damaged, nil
			}
			data, at = data[length:], at+int64(length)
		}
	}
}

// drop gives back what b holds.
func (b *block) drop() {
	b.packed.shelve()
	b.packed = nil
	if b.page != nil {
		blocks.Put(b.page)
		b.page = nil
	}
}

// lastMatching looks for the beginning of the last n lines between from and end that m wants. It returns how many there are, and where
// the first of them begins; from if there are fewer than n.
func lastMatching(ctx context.Context, g *generation, c coding, m *matcher, from, end, n int64) (off, found int64, err error) {
	ring := make([]int64, 0, min(n, tail.MaxPageLines))
	next := 0
	err = walk(ctx, g, c, from, end, func(line []byte, at int64) bool {
		if m.pass(line) {
			if len(ring) < cap(ring) {
				ring = append(ring, at)
			} else {
				ring[next] = at
				next = (next + 1) % len(ring)
			}
		}
		return true
	})
	if err != nil {
		return 0, 0, err
	}
	if int64(len(ring)) < n {
		return from, int64(len(ring)), nil
	}
	return ring[next], n, nil
}
