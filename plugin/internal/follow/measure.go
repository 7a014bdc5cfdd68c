package follow

import (
	"slices"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// sealPause is how soon a generation that has a successor is looked at again, to see whether it is complete.
const sealPause = 10 * time.Millisecond

// A log of which nothing is heard is looked at half as often after so many looks, up to so many times.
const (
	restLooks     = 8
	restDoublings = 4
)

// written is called when a file of the chain was written, truncated, unlinked or closed by a writer.
func (l *Log) written(h *held) {
	for {
		l.mu.Lock()
		g := h.newest
		draining := g.next != nil && !g.sealed
		l.mu.Unlock()
		seen, since := g.max.Load(), g.since() // Before the size is taken, because readers raise it.
		size, at, _, err := h.size()
		if err != nil {
			return
		}
		if size < seen && !g.shed(size) || g.mayBeginAnew(size > seen, at) && l.beginsAnew(g) {
			l.restart(g)
		} else {
			l.noteHead(g, size)
			if _, ok := l.grow(g, size, since); !ok {
				continue
			}
			raise(&g.wrote, at.UnixNano())
			l.broadcast()
		}
		if draining {
			l.kick()
		}
		return
	}
}

// mayBeginAnew reports whether something has been written to g since it was looked at last.
func (g *generation) mayBeginAnew(grew bool, written time.Time) bool {
	return grew || written.UnixNano() != g.wrote.Load()
}

// grow makes size the largest size seen of g, and reports whether it was less. ok is false if another generation has begun on the file since the
// caller asked for g: then the size may be that of the new one, and what g never had must not count as unread. Nor is it if somebody has begun to read g since
// then: the size may be that of what stood there before, which he has not seen.
func (l *Log) grow(g *generation, size, since int64) (grew, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.on.newest != g {
		return false, false
	}
	g.begins.Lock()
	defer g.begins.Unlock()
	if g.beginnings != since {
		return false, false
	}
	return g.raise(size), true
}

// measure looks at the sizes of the files, wakes readers of what has grown, and seals what is complete. It returns how long to wait until
// the next look.
//
// Generations that are sealed are told of by their marks, so they are looked at no more often than polling would: a reader may be thousands of
// them behind.
func (l *Log) measure() time.Duration {
	l.sweep = time.Since(l.swept) >= l.e.opts.Poll
	if l.sweep {
		l.swept = time.Now()
	}
	l.mu.Lock()
	wait := l.e.opts.Poll
	if l.at.journal != nil && !l.blind && !l.unreadable && !l.ways.unseen {
		wait *= 4
		if len(l.chain) == 1 {
			// The longer nothing happens, the less there is that only a look would find.
			wait <<= min(l.idle/restLooks, restDoublings)
		}
	}
	if l.users == 0 {
		wait = max(l.e.opts.Grace-time.Since(l.unused), time.Millisecond)
	}
	var gens []*generation
	for _, g := range l.chain {
		if g.on.newest == g && g.state == ready && g.packed == nil && (l.sweep || !g.sealed || g.on.mark == nil) {
			gens = append(gens, g)
		}
	}
	l.mu.Unlock()
	for _, g := range gens {
		if g.on.mark == nil && g.on.name == l.at.base {
			wait = min(wait, l.e.opts.Poll) // Nothing tells of its growth.
		}
		if l.measureOne(g) {
			wait = min(wait, sealPause)
		}
	}
	return wait
}

// measureOne reports whether g is to be looked at again soon.
func (l *Log) measureOne(g *generation) (soon bool) {
	seen, since := g.max.Load(), g.since() // Before the size is taken, because readers raise it.
	size, written, _, err := g.on.size()
	if err != nil {
		return false
	}
	if size < seen && !g.shed(size) || g.mayBeginAnew(size > seen, written) && l.beginsAnew(g) {
		l.restart(g)
		return true
	}
	now := time.Now()
	switch {
	case g.grown.IsZero():
		g.size, g.grown = size, now
		if written.Before(now) {
			g.grown = written
		}
	case size != g.size:
		g.size, g.grown = size, now
	}
	l.noteHead(g, size)
	grew, ok := l.grow(g, size, since)
	if !ok {
		return true
	}
	raise(&g.wrote, written.UnixNano())
	if grew {
		l.idle = 0
	}
	away := !g.settled && g.on.name != l.at.base && g.beganWith().n > 0 && !l.beginsAnew(g)
	l.mu.Lock()
	g.settled = g.settled || away
	next := g.next
	undecided := next != nil && next.state != pending && !g.sealed
	l.mu.Unlock()
	if grew {
		l.broadcast()
	}
	if !undecided {
		return false
	}
	if !l.complete(g, next, now) {
		return true
	}
	l.mu.Lock()
	g.sealed = true
	l.broadcastLocked()
	l.mu.Unlock()
	return false
}

// complete reports whether nothing more is to be expected in g, which has a successor.
func (l *Log) complete(g, next *generation, now time.Time) bool {
	// A lease makes a writer that opens the file wait: not at the path that writers use.
	if g.on.name != l.at.base && g.on.noWriter() {
		return true
	}
	quiet := now.Sub(g.grown)
	if next.state == ready && next.max.Load() > next.from && quiet >= l.e.opts.Quiet {
		return true
	}
	return quiet >= l.e.opts.Rest
}

// evict gives up generations although readers need them, if there are too many, or they keep too much deleted content from being freed:
// from the oldest on, and never the newest. Their readers are told how much they miss.
func (l *Log) evict() {
	l.mu.Lock()
	var files []*generation
	for _, g := range l.chain[:max(len(l.chain)-1, 0)] {
		if g.on.file != nil && g.on.newest == g && g.state == ready {
			files = append(files, g)
		}
	}
	l.mu.Unlock()
	files = slices.DeleteFunc(files, func(g *generation) bool { return g.on == l.names[l.at.base] })
	if len(files) <= l.e.opts.MaxHeld && !l.sweep {
		return // What deleted files take is counted now and then.
	}
	var bytes int64
	for _, g := range files {
		bytes += g.on.deletedBytes()
	}
	for _, g := range files {
		if len(files) <= l.e.opts.MaxHeld && bytes <= l.e.opts.MaxHeldBytes {
			return
		}
		files = files[1:]
		bytes -= g.on.deletedBytes()
		l.giveUp(g.on)
	}
}

// giveUp makes all generations on h lost.
func (l *Log) giveUp(h *held) {
	l.mu.Lock()
	for _, g := range l.chain {
		if g.on == h && g.state == ready {
			g.state, g.cause, g.sealed, g.cut, g.known = lost, tail.CauseEvicted, true, false, g.max.Load()
			l.e.tally.missed(tail.CauseEvicted)
			g.evidence = []string{g.name + " was held longer than the limits for held files allow"}
		}
	}
	l.broadcastLocked()
	l.mu.Unlock()
	if l.names[h.name] == h {
		delete(l.names, h.name)
	}
	h.close()
}

// trim gives up generations that no reader needs, from the oldest on. The newest is always held.
func (l *Log) trim() {
	var done []*held
	l.mu.Lock()
	for len(l.chain) > 1 {
		g := l.chain[0]
		if g.readers > 0 || g.next == nil || g.state == pending || !g.sealed ||
			time.Since(g.idle) < l.e.opts.Linger && len(l.chain) <= l.e.opts.MaxHeld {
			break
		}
		l.chain[0] = nil
		l.chain = l.chain[1:]
		l.whole = false
		if g.on.refs--; g.on.refs == 0 {
			done = append(done, g.on)
		}
	}
	l.mu.Unlock()
	for _, h := range done {
		if l.names[h.name] == h {
			delete(l.names, h.name)
		}
		h.close()
	}
}
