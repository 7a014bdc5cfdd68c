package follow

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/livetail/livetail/plugin/tail"
)

// beginPosition begins at p. If what p names is not there any more, it begins with the oldest that came after it, and declares the gap.
func (r *Reader) beginPosition(ctx context.Context, p tail.Position) error {
	t, err := parseToken(p.Generation)
	if err != nil {
		return err
	}
	if ok, err := r.find(ctx, t, p); ok || err != nil {
		return err
	}
	if err := r.l.history(ctx); err != nil {
		return err
	}
	if ok, err := r.find(ctx, t, p); ok || err != nil {
		return err
	}
	gens, unpin := r.l.snapshot()
	defer unpin()
	if ok, err := r.findPacked(ctx, gens, p); ok || err != nil {
		return err
	}
	if g := r.l.lostAt(gens, t); g != nil {
		return r.resumeLost(ctx, g, p)
	}
	// When an archive was made says little, so it counts for older than a file after it that is.
	// Files made within one tick of the clock have the same time: of those, the one that stands at the path is what the log has come to since.
	isNewer := func(i int) bool {
		made := gens[i].on.id.btime
		return made > t.btime || made == t.btime && i == len(gens)-1 && r.l.isLive(gens[i])
	}
	newer := 0
	for i, g := range gens {
		if g.readable(r.l) && g.packed == nil && !isNewer(i) {
			newer = i + 1
		}
	}
	after, err := r.leftBehind(ctx, gens)
	if err != nil {
		return err
	}
	newer = max(newer, after)
	for i, g := range gens[newer:] {
		if g.readable(r.l) && isNewer(newer+i) && (g.packed == nil || after > 0 || g.on.keptTime(t.btime)) {
			r.queue = append(r.queue, downGap(p, g.start()))
			// Of those that cannot be opened it is not known when they were made.
			gone, _ := r.l.lostBefore(g)
			r.declareMaybe(writtenSince(gone, t.btime), p, g.start())
			return r.enter(ctx, g, g.from)
		}
	}
	if !r.follow {
		return fmt.Errorf("nothing after position %s exists: %w", p, tail.ErrPositionGone)
	}
	// Whatever is there is older, and has been read: go on after it.
	at, off, _, err := r.backFrom(ctx, gens, 0)
	if err != nil {
		return err
	}
	if at != nil {
		if !r.l.isLive(at) { // An incomplete line at its end has been read as it is.
			if off, err = at.length(ctx); err != nil {
				return err
			}
		}
		if err := r.enter(ctx, at, off); err != nil {
			return err
		}
	}
	r.sought = &sought{p, at != nil}
	if at != nil { // Or else it is said when the log appears.
		r.queue = append(r.queue, downGap(p, r.position()))
	}
	return nil
}

// sought is a position that was looked for in vain when a reader began.
type sought struct {
	at   tail.Position
	said bool // that something may be missing after it
}

// entry is where to begin in g, which has appeared: at the position that was looked for in vain, if g is the file that it is about. It had been renamed, and
// stands at the path again. Otherwise it is at its beginning, and something may be missing before that.
func (r *Reader) entry(ctx context.Context, g *generation) (off int64, at tail.Position) {
	s := r.sought
	if s == nil || !r.l.isReady(g) {
		return g.from, g.start()
	}
	r.sought = nil
	if t, err := parseToken(s.at.Generation); err == nil && t.matches(g.on.id) && g.from == 0 && g.packed == nil {
		w, err := g.windowAt(ctx, s.at.Offset)
		if err == nil && (s.at.Check == "" || w.check() == s.at.Check) {
			return s.at.Offset, g.position(s.at.Offset, &w)
		}
	}
	if !s.said {
		r.queue = append(r.queue, downGap(s.at, g.start()))
	}
	return g.from, g.start()
}

// isLive reports whether g was last seen at the path itself.
func (l *Log) isLive(g *generation) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return g.packed == nil && g.name == l.path.Name()
}

// find goes to p if its generation is held.
func (r *Reader) find(ctx context.Context, t token, p tail.Position) (bool, error) {
	gens, unpin := r.l.snapshot()
	defer unpin()
	for _, g := range gens {
		if g.token == p.Generation {
			return true, r.resume(ctx, g, p)
		}
	}
	for _, g := range gens {
		// The same file in another process: whether its content is still the same is for the check to say.
		if g.readable(r.l) && t.matches(g.on.id) {
			return true, r.resume(ctx, g, p)
		}
	}
	return false, nil
}

// maxProbes is how many compressed generations are unpacked to find the one of a position.
const maxProbes = 8

// findPacked goes to p if its generation was compressed since: the content tells.
func (r *Reader) findPacked(ctx context.Context, gens []*generation, p tail.Position) (bool, error) {
	if p.Check == "" || p.Offset < overlap { // Too little evidence: generations may begin alike.
		return false, nil
	}
	probes := 0
	for _, g := range slices.Backward(gens) {
		if g.packed == nil || !g.readable(r.l) || probes == maxProbes {
			continue
		}
		probes++
		w, err := g.windowAt(ctx, p.Offset)
		switch {
		case err == nil && w.check() == p.Check:
			return true, r.enter(ctx, g, p.Offset)
		case err != nil && !errors.Is(err, errRewritten) && !errors.Is(err, errCorrupt):
			return false, err
		}
	}
	return false, nil
}

// resume goes on at p in g, if the content before p is what it was.
func (r *Reader) resume(ctx context.Context, g *generation, p tail.Position) error {
	if g.readable(r.l) {
		w, err := g.windowAt(ctx, p.Offset)
		switch {
		case err == nil && (p.Check == "" || w.check() == p.Check) && p.Offset >= g.from:
			return r.enter(ctx, g, p.Offset)
		case errors.Is(err, errRewritten) && p.Check == "":
			return fmt.Errorf("position %s is after the end of its generation: %w", p, tail.ErrPositionGone)
		case err != nil && !errors.Is(err, errRewritten) && !errors.Is(err, errCorrupt):
			return err
		}
	}
	// It was emptied or rewritten since.
	if g.readable(r.l) && r.l.beginsAnew(g) {
		r.l.restart(g) // Nobody has noticed yet.
	}
	if ok, err := r.resumeInCopy(ctx, g, p); ok || err != nil {
		return err
	}
	if r.l.view(g).over {
		r.standAt(g, p)
		return nil
	}
	next, unread := r.l.afterCut(g, p.Offset)
	// Whether it had been read to the end is not known if nobody saw it happen.
	gap := tail.Gap{Cause: tail.CauseTruncated, Certain: unread != nil, After: p, MinBytes: unread,
		Evidence: []string{"the content before this position is not what it was"}}
	if unread != nil && *unread == 0 { // All of it had been read.
		gap = copyWindowGap(p)
	}
	r.queue = append(r.queue, gap, tail.Truncated{From: p, To: next.start()})
	return r.enter(ctx, next, next.from)
}

// afterCut returns the generation that stands in the file of g now, and how much of g nobody can read any more after off, if that is
// known.
func (l *Log) afterCut(g *generation, off int64) (*generation, *int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var unread *int64
	if g.cut {
		n := max(g.max.Load()-off, 0)
		unread = &n
	}
	for (g.cut || g.copyOf != nil) && g.next != nil {
		g = g.next
	}
	return g, unread
}

func downGap(after, before tail.Position) tail.Gap {
	// It may have been read to its end, and nothing may have come between it and the next one: nobody can know.
	return tail.Gap{Cause: tail.CauseDown, After: after, Before: before,
		Evidence: []string{"the generation of this position does not exist any more"}}
}
