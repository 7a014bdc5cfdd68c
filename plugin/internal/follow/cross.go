package follow

import (
	"context"
	"slices"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// leave hands out the incomplete line at the end of the generation, which nobody is going to complete.
func (r *Reader) leave() {
	if r.g.state != ready {
		return
	}
	if len(r.b.pending()) > 0 {
		if e, ok := r.unterminated().(tail.Lines); ok {
			e.Text = append([]byte(nil), e.Text...) // It waits in the queue while the block goes on.
			r.queue = append(r.queue, e)
		}
	}
	r.end = r.position()
}

// cross goes on to the generation that follows the one that has been read to its end.
func (r *Reader) cross(ctx context.Context, next *generation) {
	r.leave()
	if r.follow && r.g.state == ready && r.g.packed == nil {
		r.addLate()
	}
	from := r.end
	to := r.l.skipLost(next)
	// Gaps come before what moves the position on: whoever resumes in between hears of them again, instead of never.
	r.queue = append(r.queue, to.gaps(from)...)
	if to.g.state == ready && !from.IsZero() {
		r.queue = append(r.queue, tail.Boundary{From: from, To: to.g.start(), How: to.how, Order: to.order, Name: to.left})
	}
	if to.g.state == lost { // The log ends there for now.
		_ = r.enter(ctx, to.g, 0)
		return
	}
	if err := r.enter(ctx, to.g, to.g.from); err != nil {
		r.l.restart(to.g) // Only a generation that does not begin at 0 can fail so: it was emptied.
	}
}

// crossing is a step in the chain: the lost generations in between, and the one to go to.
type crossing struct {
	g     *generation
	lost  []*generation
	how   tail.How
	order tail.ChainOrder
	left  string // the name of the generation that was left
	maybe []string
}

// skipLost looks for the next generation that can be read, beginning with g; the last one if there is none.
func (l *Log) skipLost(g *generation) crossing {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := crossing{g: g, how: g.how, order: g.order}
	for _, p := range l.chain {
		if p.next == g {
			c.left = p.name
		}
	}
	for c.g.state == lost {
		c.lost = append(c.lost, c.g)
		if c.g.next == nil || c.g.next.state == pending {
			return c
		}
		c.g = c.g.next
		c.order = max(c.order, c.g.order)
	}
	if c.g.cause != 0 {
		c.maybe = c.g.evidence
	}
	return c
}

// gaps declares what is missing between from and c.g, one gap for each run of equal causes. If there is a from, the boundary that
// follows says where the log goes on.
func (c *crossing) gaps(from tail.Position) []tail.Event {
	var before tail.Position
	if c.g.state == ready && from.IsZero() {
		before = c.g.start()
	}
	var out []tail.Event
	for i := 0; i < len(c.lost); {
		gap := tail.Gap{Cause: c.lost[i].cause, Certain: true, After: from, Before: before, Generations: new(int64)}
		for ; i < len(c.lost) && c.lost[i].cause == gap.Cause; i++ {
			*gap.Generations++
			if len(gap.Evidence) < maxEvidence {
				gap.Evidence = append(gap.Evidence, c.lost[i].evidence...)
			}
		}
		out = append(out, gap)
	}
	if c.maybe != nil {
		out = append(out, tail.Gap{Cause: tail.CauseDeleted, After: from, Before: before, Evidence: c.maybe})
	}
	return out
}

// maxEvidence bounds what a gap tells.
const maxEvidence = 8

// crossCut goes on to the new content of a file that was emptied or rewritten.
func (r *Reader) crossCut(ctx context.Context, next *generation) {
	unread := r.g.max.Load() - r.b.off
	r.leave()
	from := r.end
	gap := copyWindowGap(from)
	if unread > 0 {
		gap.Cause, gap.Certain, gap.MinBytes = tail.CauseTruncated, true, &unread
		gap.Evidence = []string{"the file was emptied or rewritten in place before it was read to the end"}
	}
	r.queue = append(r.queue, gap, tail.Truncated{From: from, To: next.start()})
	_ = r.enter(ctx, next, 0)
}

// copyWindowGap says that something may have been written right before a file was emptied.
func copyWindowGap(after tail.Position) tail.Gap {
	return tail.Gap{Cause: tail.CauseCopyWindow, After: after,
		Evidence: []string{"the file was emptied or rewritten in place; what was written just before may be in no file any more"}}
}

// lateReader reads what is written to a generation after the reader has left it.
type lateReader struct {
	b      block
	before window
	pick   *picker
	until  time.Time
}

// addLate goes on holding the generation that is being left, and watching for growth.
func (r *Reader) addLate() {
	const most = 16 // Rotations within the linger time; the oldest are the quietest.
	if len(r.late) == most {
		r.dropLate(0)
	}
	r.l.mu.Lock()
	r.g.readers++
	r.l.mu.Unlock()
	w := r.b.before
	r.late = append(r.late, &lateReader{
		b:      block{g: r.g, off: r.b.off, before: w},
		before: w,
		until:  time.Now().Add(r.l.e.opts.Linger),
		pick:   r.pick.late(),
	})
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
		if n, _ := cut(o.b.pending(), false); n > 0 {
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
	if r.pick != nil {
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
