package follow

import (
	"context"
	"slices"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// declareBefore declares what is missing right before g, with whose first byte reading begins because nothing older could be read. What was last
// written before since is not wanted; if since is zero, everything is.
func (r *Reader) declareBefore(g *generation, since time.Time) {
	gone, first := r.l.lostBefore(g)
	if first {
		r.declareOlder(g, since.IsZero())
	}
	var sure, maybe []*generation
	for _, o := range gone {
		switch f := o.on.missed; {
		case since.IsZero():
			sure = append(sure, o)
		case f == nil || f.info == nil || f.Packed != "": // A compressor may keep the time of the file or not.
			maybe = append(maybe, o)
		case !f.Modified.Before(since):
			sure = append(sure, o)
		}
	}
	c := crossing{g: g, lost: sure}
	r.queue = append(r.queue, c.gaps(tail.Position{})...)
	r.declareMaybe(maybe, tail.Position{}, g.start())
}

// declareMaybe declares that generations that are lost may be missing.
func (r *Reader) declareMaybe(gone []*generation, after, before tail.Position) {
	if len(gone) == 0 {
		return
	}
	gap := tail.Gap{Cause: gone[0].cause, After: after, Before: before}
	for _, g := range gone {
		if len(gap.Evidence) < maxEvidence {
			gap.Evidence = append(gap.Evidence, g.evidence...)
		}
	}
	r.queue = append(r.queue, gap)
}

// declareOlder declares what is known to be older than g, the first generation of the chain, and not to be in it.
func (r *Reader) declareOlder(g *generation, certain bool) {
	tooOld, doubt := r.l.older()
	if tooOld > 0 {
		gap := tail.Gap{Cause: tail.CauseEvicted, Certain: certain, Before: g.start(), Evidence: []string{"there are more rotated files than are held open at a time"}}
		if certain {
			gap.Generations = &tooOld
		}
		r.queue = append(r.queue, gap)
	}
	if doubt != nil {
		r.queue = append(r.queue, tail.Gap{Cause: tail.CauseUnreadable, Certain: doubt.certain && certain, Before: g.start(), Evidence: []string{doubt.why}})
	}
}

// older returns how many generations are too old to be held, and whether there may be others.
func (l *Log) older() (tooOld int64, d *doubt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tooOld, l.doubt
}

// lostBefore returns the generations that are lost between g and the one before it that can be read. first means that there is none.
func (l *Log) lostBefore(g *generation) (gone []*generation, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first = true
	for _, o := range l.chain {
		switch {
		case o == g:
			return gone, first
		case o.state == lost:
			gone = append(gone, o)
		case o.state == ready && !o.cut:
			gone, first = nil, false
		}
	}
	return nil, false
}

// lostAt returns the generation of t, if that is one of gens that could not be opened; nil otherwise.
func (l *Log) lostAt(gens []*generation, t token) *generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range gens {
		if f := g.on.missed; g.state == lost && f != nil && f.info != nil && f.Packed == "" {
			if _, ino, ok := statInode(f.info); ok && ino == t.ino {
				return g
			}
		}
	}
	return nil
}

// resumeLost goes on after g, the generation of p, which cannot be opened, and declares what of it had not been read.
func (r *Reader) resumeLost(ctx context.Context, g *generation, p tail.Position) error {
	gap := tail.Gap{Cause: g.cause, After: p, Evidence: g.evidence}
	if rest := g.known - p.Offset; rest > 0 {
		gap.Certain, gap.MinBytes = true, &rest
	}
	r.queue = append(r.queue, gap)
	r.end = p
	if next := r.l.opened(g); next != nil {
		return r.goTo(ctx, p, r.l.skipLost(next))
	}
	return r.enter(ctx, g, 0) // The log ends there for now.
}

// opened returns what follows g, if that has been opened or lost; nil otherwise.
func (l *Log) opened(g *generation) *generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.next == nil || g.next.state == pending {
		return nil
	}
	return g.next
}

// writtenSince leaves those of gens that may have been written after a time, in ns.
func writtenSince(gens []*generation, t int64) []*generation {
	return slices.DeleteFunc(gens, func(g *generation) bool {
		f := g.on.missed
		return f != nil && f.info != nil && f.Packed == "" && f.Modified.UnixNano() < t
	})
}
