package follow

import (
	"context"
	"slices"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// lateReader reads what is written to a generation after the reader has left it.
type lateReader struct {
	b      block
	before window
	pick   *picker
	coding coding
	until  time.Time
}

// mostLate is in how many generations a reader that has left them looks for late lines; the oldest are the quietest.
const mostLate = tail.MaxLeft

// addLate goes on holding the generation that is being left, and watching for growth.
func (r *Reader) addLate() { r.watchLate(r.g, r.b.off, r.b.before, r.coding) }

// watchLate holds a generation that has been left at off, with the window w before it, and watches it for growth.
func (r *Reader) watchLate(g *generation, off int64, w window, c coding) {
	if len(r.late) == mostLate {
		r.dropLate(0)
	}
	r.l.mu.Lock()
	g.readers++
	r.l.mu.Unlock()
	r.late = append(r.late, &lateReader{
		b:      block{g: g, off: off, before: w, wide: c.wide()},
		before: w,
		until:  time.Now().Add(r.l.e.opts.Linger),
		pick:   r.pick.late(),
		coding: c,
	})
}

// goOnLate watches the generations before the present one that were left in another call, which read them up to left. What does not exist any
// more, or not as it was, can have no late lines that anybody could know of.
func (r *Reader) goOnLate(ctx context.Context, left []tail.Position) error {
	if !r.follow || r.g == nil || len(left) == 0 {
		return nil
	}
	left = left[max(0, len(left)-mostLate):]
	gens, unpin := r.l.snapshot()
	defer func() { unpin() }()
	if slices.ContainsFunc(left, func(p tail.Position) bool { return r.l.generationOf(gens, p) < 0 }) && !r.l.isWhole() {
		if err := r.l.history(ctx); err != nil {
			return err
		}
		unpin()
		gens, unpin = r.l.snapshot()
	}
	here := slices.Index(gens, r.g)
	type place struct {
		g   *generation
		off int64
		w   window
	}
	var places []place
	for _, p := range left {
		i := r.l.generationOf(gens, p)
		if i < 0 || i >= here {
			continue
		}
		g := gens[i]
		if g.packed != nil || p.Offset < g.from {
			continue
		}
		w, err := g.windowAt(ctx, p.Offset)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && p.Check != "" && w.check() != p.Check {
			continue // Rewritten since, as the copies are that copytruncate makes.
		}
		// A generation may have had another name in another process; it is watched once.
		k := slices.IndexFunc(places, func(o place) bool { return o.g == g })
		switch {
		case err != nil:
		case k < 0:
			places = append(places, place{g, p.Offset, w})
		case places[k].off < p.Offset:
			places[k] = place{g, p.Offset, w}
		}
	}
	for _, o := range places {
		r.watchLate(o.g, o.off, o.w, codingOf(ctx, o.g, r.l.encoding()))
	}
	return nil
}

// generationOf returns which of gens p lies in, if that can be read, or -1.
func (l *Log) generationOf(gens []*generation, p tail.Position) int {
	t, err := parseToken(p.Generation)
	if err != nil {
		return -1
	}
	i := slices.IndexFunc(gens, func(g *generation) bool { return g.token == p.Generation })
	if i < 0 { // The same file in another process.
		i = slices.IndexFunc(gens, func(g *generation) bool { return g.readable(l) && t.matches(g.on.id) })
	}
	if i >= 0 && !gens[i].readable(l) {
		return -1
	}
	return i
}

// readLate returns the next late lines, or nil.
func (r *Reader) readLate() tail.Event {
	for len(r.late) > 0 && time.Now().After(r.late[0].until) {
		old := r.late[0]
		if n := len(old.b.pending()); n > 0 {
			if e := r.lateLines(old, n); e != nil {
				return e
			}
		}
		r.dropLate(0)
	}
	for i, o := range r.late {
		if o.b.g.max.Load() > o.b.off {
			if _, err := o.b.fill(o.b.g.ends); err != nil { // Emptied: there is nothing more to come.
				r.dropLate(i)
				return nil
			}
		}
		if n, _ := o.coding.cut(o.b.pending(), false); n > 0 {
			if e := r.lateLines(o, n); e != nil {
				return e
			}
		}
		o.b.park()
	}
	return nil
}

// lateLines hands out the first n bytes of what is pending in o; nil if none of it is wanted.
func (r *Reader) lateLines(o *lateReader, n int) tail.Event {
	at := func() tail.Position { return o.b.g.position(o.b.from(), &o.before) }
	e := tail.Lines{Start: at()}
	from := o.b.from()
	data := o.b.take(n)
	o.before.push(data)
	e.End = at()
	e.Text = data
	if !o.coding.plain() {
		p := o.pick.decoded(o.coding, data, from, tail.PieceNone, -1)
		e.Text, e.Offsets, e.Times = p.text, p.offsets, p.times
	} else if o.pick != nil {
		p := o.pick.lines(data, from, -1)
		e.Text, e.Offsets, e.Times = p.text, p.offsets, p.times
	}
	if len(e.Text) == 0 {
		return nil
	}
	r.atEnd = false
	return tail.Late{Lines: e}
}

// dropLate stops watching one of the generations that have been left.
func (r *Reader) dropLate(i int) {
	old := r.late[i]
	r.late = slices.Delete(r.late, i, i+1)
	old.b.drop()
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	r.l.leaveLocked(old.b.g)
}

// late returns a picker that goes on in a generation that has been left.
func (p *picker) late() *picker {
	if p == nil {
		return nil
	}
	c := *p
	if p.stamp != nil {
		stamp, parser := *p.stamp, *p.stamp.Parser
		stamp.Parser = &parser
		c.stamp = &stamp
	}
	return &c
}
