package follow

import (
	"context"
	"errors"

	"github.com/livetail/livetail/plugin/tail"
)

// enterFirst waits for the log to appear, and begins with its first byte.
func (r *Reader) enterFirst(ctx context.Context, v view) error {
	g, err := r.l.oldest()
	switch {
	case g != nil:
		to := r.l.skipLost(g)
		off, _ := r.entry(ctx, to.g)
		r.queue = append(r.queue, to.gaps(tail.Position{})...)
		return r.enter(ctx, to.g, off)
	case err != nil && (!r.wait || !errors.Is(err, tail.ErrNotFound)):
		return err
	}
	return r.pause(ctx, v.wake)
}

// oldest returns the oldest generation of the chain if it can be read or is lost, or why there is none.
func (l *Log) oldest() (*generation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.chain) > 0 && l.chain[0].state != pending {
		return l.chain[0], nil
	}
	return nil, l.trouble
}

// leave hands out the incomplete line at the end of the generation, which nobody is going to complete.
func (r *Reader) leave() {
	if r.b.g != r.g { // It is lost.
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
	if r.g.copyOf != nil && next.on == r.g.copyOf.on {
		r.leaveCopy(ctx, next)
		return
	}
	given := r.givenUp()
	r.leave()
	if r.copied == r.g {
		r.queue = append(r.queue, copyWindowGap(r.end))
	}
	if r.follow && r.g.state == ready && r.g.packed == nil {
		r.addLate()
	}
	from := r.end
	to := r.l.skipLost(next)
	// Gaps come before what moves the position on: whoever resumes in between hears of them again, instead of never.
	if given != nil {
		to.lost = append([]*generation{given}, to.lost...)
	} else if tailOf := r.unread(); r.g.state == ready && r.g.packed == nil && r.g.ends == 0 && tailOf > 0 && r.bad != r.g {
		r.queue = append(r.queue, tail.Gap{Cause: tail.CauseHole, After: from, Bytes: &tailOf, // It may have been reserved and never used.
			Evidence: []string{"the file ends in NUL bytes, which nobody wrote"}})
	}
	if err := r.goTo(ctx, from, to); err != nil {
		r.l.restart(to.g) // Only a generation that does not begin at 0 can fail so: it was emptied.
	}
}

// goTo declares what lies between a position and the generation at the end of a step, and goes there.
func (r *Reader) goTo(ctx context.Context, from tail.Position, to crossing) error {
	r.queue = append(r.queue, to.gaps(from)...)
	if to.g.state == lost { // The log ends there for now.
		return r.enter(ctx, to.g, 0)
	}
	off, at := r.entry(ctx, to.g)
	if !from.IsZero() {
		r.queue = append(r.queue, tail.Boundary{From: from, To: at, How: to.how, Order: to.order, Name: to.left})
	}
	err := r.enter(ctx, to.g, off)
	r.noted = 0
	return err
}

// givenUp stands for the rest of the generation that is being read, if that was given up; nil otherwise.
func (r *Reader) givenUp() *generation {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	if g := r.g; g.state == lost && g.cause == tail.CauseEvicted && r.b.g == g {
		return &generation{cause: g.cause, evidence: g.evidence, known: max(g.known-r.b.off, 0)}
	}
	return nil
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
			if n := c.lost[i].known; n > 0 {
				if gap.MinBytes == nil {
					gap.MinBytes = new(int64)
				}
				*gap.MinBytes += n
			}
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

// unread is how much of the generation had been seen to be there and has not been read.
func (r *Reader) unread() int64 { return max(r.g.max.Load()-r.b.off, 0) }

// crossCut goes on after the content of the file that is being read is gone: in the copy that was made of it, if there is more in that than has been
// read, or with what stands in the file now.
func (r *Reader) crossCut(ctx context.Context) {
	copied, next := r.l.afterCutOf(r.g)
	unread := r.unread()
	if copied != nil && (unread > 0 || copied.packed != nil || copied.max.Load() > r.b.off) && r.enterCopy(ctx, copied) {
		return
	}
	r.leave()
	from := r.end
	gap := copyWindowGap(from)
	if unread > 0 {
		gap.Cause, gap.Certain, gap.MinBytes = tail.CauseTruncated, true, &unread
		gap.Evidence = []string{"the file was emptied or rewritten in place before it was read to the end"}
	}
	r.queue = append(r.queue, gap, tail.Truncated{From: from, To: next.start()})
	_ = r.enter(ctx, next, next.from)
}

// crossOver goes on after a rotated file that something else has been written over.
func (r *Reader) crossOver(ctx context.Context, next *generation) {
	if r.g.copyOf != nil {
		r.leaveCopy(ctx, next)
		return
	}
	unread := r.unread()
	if r.l.isCopyOf(next, r.g) {
		if unread > 0 && r.enterCopy(ctx, next) {
			return
		}
		_, next = r.l.afterCutOf(r.g)
	}
	r.leave()
	if unread > 0 {
		r.queue = append(r.queue, tail.Gap{Cause: tail.CauseOverwritten, Certain: true, After: r.end, MinBytes: &unread,
			Evidence: []string{"something else was written over the rotated file before it was read to the end"}})
	}
	if to := r.l.skipLost(next); r.goTo(ctx, r.end, to) != nil {
		r.l.restart(to.g) // As in cross.
	}
}

// afterCutOf returns the copy of g, if there is one, and the generation that stands in its file now.
func (l *Log) afterCutOf(g *generation) (copied, next *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next = g.next
	if next.copyOf == g {
		copied, next = next, next.next
	}
	return copied, next
}

// enterCopy goes on in the copy at the same offset, if its content before that is the same.
func (r *Reader) enterCopy(ctx context.Context, copied *generation) bool {
	w, err := copied.windowAt(ctx, r.b.off)
	if err != nil || (r.unseen && w.check() != r.check || !r.unseen && !w.same(&r.b.before)) {
		return false
	}
	// What is pending was read from the file itself and stands in the copy too.
	from, off := r.position(), r.b.from()
	before, check, long, unseen := r.before, r.check, r.long, r.unseen
	if err := r.enter(ctx, copied, off); err != nil {
		return false
	}
	if !unseen {
		r.before, r.check, r.long = before, check, long
	}
	r.queue = append(r.queue, tail.Boundary{From: from, To: r.position(), How: tail.HowCopied, Order: tail.OrderInferred, Name: copied.name})
	return true
}

// leaveCopy goes on from the end of a copy to what stands in the file that was copied now.
func (r *Reader) leaveCopy(ctx context.Context, next *generation) {
	missing := r.g.copyOf.max.Load() - r.b.off
	r.leave()
	from := r.end
	gap := copyWindowGap(from)
	if missing > 0 {
		gap.Cause, gap.Certain, gap.MinBytes = tail.CauseTruncated, true, &missing
		gap.Evidence = []string{"the copy that was made of the file before it was emptied is shorter than the file was"}
	}
	r.queue = append(r.queue, gap, tail.Truncated{From: from, To: next.start()})
	_ = r.enter(ctx, next, next.from)
}

// copyWindowGap says that something may have been written right before a file was emptied.
func copyWindowGap(after tail.Position) tail.Gap {
	return tail.Gap{Cause: tail.CauseCopyWindow, After: after,
		Evidence: []string{"the file was emptied or rewritten in place; what was written just before may be in no file any more"}}
}
