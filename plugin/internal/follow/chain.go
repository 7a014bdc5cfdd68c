package follow

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/tail"
)

func errNoFolder(p guard.Path) error { return fmt.Errorf("%s: %w", p, tail.ErrNotFound) }

// setTrouble notes why the path cannot be opened now, for those who come while there is nothing to read.
func (l *Log) setTrouble(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trouble = err
}

func (l *Log) empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.chain) == 0
}

// appendPending notes a new generation that has appeared at the path, to be opened.
func (l *Log) appendPending(name string) {
	if old := l.names[name]; old != nil {
		if old.file == nil && old.name == name {
			// Created and not opened yet, and created again without having been removed: the removal was lost.
			l.blind = true
		}
		l.loseName(old, deleted)
	}
	var lack []string
	if l.links.turned && name == l.at.base { // A link that led there before the file was made.
		_, lack = l.passTargets(&held{id: identity{btime: math.MaxInt64}})
	}
	h := &held{name: name}
	l.names[name] = h
	g := &generation{on: h, how: l.howLeft(), order: l.orderNow()}
	g.lacks(lack)
	l.lacksEvents(g)
	l.append(g)
}

// howLeft says what made the next generation necessary, and forgets it.
func (l *Log) howLeft() tail.How {
	how := l.leftBy
	l.leftBy = 0
	if how == 0 {
		how = tail.HowRenamed // It had left before anybody looked.
	}
	return how
}

// orderNow says how it is known that what is appended now follows what is there.
func (l *Log) orderNow() tail.ChainOrder {
	if l.blind {
		return tail.OrderInferred
	}
	return tail.OrderObserved
}

// append puts g at the end of the chain.
func (l *Log) append(g *generation) {
	l.count++
	g.on.seq = l.count
	l.mu.Lock()
	defer l.mu.Unlock()
	g.idle = time.Now()
	if n := len(l.chain); n > 0 {
		l.chain[n-1].next = g
		l.e.tally.rotated(g.how)
	}
	g.on.newest = g
	g.on.refs++
	l.chain = append(l.chain, g)
	l.broadcastLocked()
}

// adopt makes the pending file h the open file o.
func (l *Log) adopt(h, o *held) {
	h.file, h.fd, h.raw, h.id = o.file, o.fd, o.raw, o.id
	l.publish(h)
}

// publish makes the newest generation on h readable.
func (l *Log) publish(h *held) {
	h.mark, _ = l.e.watch.Mark(h.fd, func() { l.written(h) })
	size, _, _, _ := h.size() // After the mark, so that no growth is missed.
	l.mu.Lock()
	g := h.newest
	l.mu.Unlock()
	l.noteHead(g, size)
	l.mu.Lock()
	defer l.mu.Unlock()
	g.token = h.id.token(0).String()
	g.state = ready
	g.name = h.name
	g.raise(size)
	l.broadcastLocked()
}

// unexplained appends a file that stands at the path, or did, and of which the journal says nothing: the first one, or one that came while
// there were no events.
func (l *Log) unexplained(h *held) {
	order := tail.OrderInferred
	sure, lack := l.passTargets(h)
	before := l.newestHeld()
	l.infer(h)
	if before == nil || sure && l.newestHeld() == before {
		order = tail.OrderObserved
	}
	if old := l.names[l.at.base]; old != nil {
		l.seeWhereItWent(old)
	}
	h.name, h.fate = l.at.base, present
	l.names[h.name] = h
	g := &generation{on: h, how: l.howLeft(), order: order}
	g.lacks(lack)
	l.lacksEvents(g)
	l.append(g)
	l.publish(h)
}

// lacksEvents notes what of lost events has to be said before g, which is about to be appended.
func (l *Log) lacksEvents(g *generation) {
	if l.lossy != "" && !l.empty() {
		g.lacks([]string{l.lossy})
		l.lossy = ""
	}
}

// seeWhereItWent finds out what became of a file that stood at the path, without a journal.
func (l *Log) seeWhereItWent(old *held) {
	l.leftBy = tail.HowDeleted
	if old.file == nil {
		l.loseName(old, deleted)
		return
	}
	switch at := l.nameOf(old.fd); {
	case at.gone:
		l.loseName(old, deleted)
	case at.name == "" || at.name == l.at.base:
		l.leftBy = tail.HowRenamed
		l.loseName(old, movedAway)
	default:
		l.leftBy = tail.HowRenamed
		l.rename(old, at.name)
	}
}

// setLost declares that h can never be opened.
func (l *Log) setLost(h *held) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := h.newest
	g.state = lost
	g.sealed = true
	if h.missed != nil {
		l.whole = false // It is tried again when history is looked up.
	}
	g.cause = h.fate.cause()
	l.e.tally.missed(g.cause)
	what := "was deleted"
	switch h.fate {
	case overwritten:
		what = "was overwritten by a rename"
	case unreadable:
		what = "could not be read"
	case movedAway:
		what = "was moved to another folder"
	}
	if h.fate != unreadable {
		what += " before it could be opened"
	}
	g.evidence = []string{h.was + " " + what}
	if h.vague {
		g.evidence = append(g.evidence, "others came and went in the same moment: which of them it was, cannot be known")
	}
	l.broadcastLocked()
}

// hasSuccessor reports whether the log has gone on after h.
func (l *Log) hasSuccessor(h *held) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return h.newest.next != nil && h.newest.next.state == ready
}

// dropPending takes a pending generation out of the chain that turned out to be none.
func (l *Log) dropPending(h *held) {
	delete(l.names, h.name)
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.chain, h.newest)
	if i < 0 {
		return
	}
	if i > 0 {
		l.chain[i-1].next = h.newest.next
	}
	l.chain = slices.Delete(l.chain, i, i+1)
	l.broadcastLocked()
}

// dropAstray drops a pending generation at the path where a link stands that leads nowhere, or to what is no file of a log: nothing is in it. The journal
// has been read since, so it is no file that was there before the link.
func (l *Log) dropAstray() {
	h := l.names[l.at.base]
	if h == nil || h.file != nil {
		return
	}
	if _, linked := l.linkAt(l.at.real); !linked {
		return
	}
	if _, err := l.e.guard.Stat(l.at.real); err != nil && (!errors.Is(err, tail.ErrUnreadable) || errors.Is(err, unix.ELOOP)) {
		l.dropPending(h)
	}
}

// comeBack is called when a file of the chain stands at the path again.
func (l *Log) comeBack(h *held) {
	l.mu.Lock()
	last := l.chain[len(l.chain)-1]
	if last.on == h || h.file == nil {
		l.mu.Unlock()
		return
	}
	// The log had gone on to other files. What is written from now on follows those.
	old := h.newest
	g := &generation{on: h, from: old.max.Load(), how: tail.HowReplaced, order: l.orderNow(), idle: time.Now()}
	g.max.Store(g.from)
	g.token = h.id.token(newEpoch()).String()
	g.state = ready
	g.name = h.name
	old.ends = g.from
	old.sealed = true
	last.next = g
	h.newest = g
	h.refs++
	l.chain = append(l.chain, g)
	l.e.tally.rotated(g.how)
	l.broadcastLocked()
	l.mu.Unlock()
}

// newEpoch is a number that tells the content of a file from what stood there before.
func newEpoch() uint64 { return uint64(time.Now().UnixMilli()) & epochMask }

// restart is called when the content of g turns out to be gone: the file was emptied or rewritten. It begins another generation on the
// same file, and returns it. Whoever notices calls it; the first one wins.
//
// What is written over a rotated file is no part of the log that is not read elsewhere: nothing begins on it, and its next generation is returned. The next
// copytruncate does that with the copy of the one before, which was found by its name; and shred, with what logrotate deletes, once it was seen to be as it
// was since it left the path. A file that is emptied later is another matter, for its writer may go on in it.
func (l *Log) restart(g *generation) *generation {
	shrank := g.shrank()
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.cut {
		return g.next
	}
	if g.on.newest != g {
		// The rest of it belongs to the generation that came after it on the same file.
		g = g.on.newest
	}
	if g.found && g.next != nil || g.settled && !shrank {
		g.cut, g.over, g.sealed = true, true, true
		g.seeking, g.cutAt = !g.found, time.Now() // The archive that was made of it holds the same.
		l.kick()
		l.e.tally.truncations.Add(1)
		l.broadcastLocked()
		return g.next
	}
	n := &generation{on: g.on, how: 0, order: tail.OrderObserved, idle: time.Now(), name: g.name}
	n.token = g.on.id.token(max(newEpoch(), lastEpoch(g)+1)).String()
	n.state = ready
	n.next = g.next
	g.cut, g.sealed, g.next = true, true, n
	n.made = time.Now()
	g.seeking, g.cutAt = true, n.made
	g.on.newest = n
	g.on.refs++
	l.insertAfterLocked(g, n)
	l.e.tally.truncations.Add(1)
	l.kick() // To look for a copy.
	l.broadcastLocked()
	return n
}

// shrank reports whether the file of g is smaller than it was seen to be.
func (g *generation) shrank() bool {
	size, _, _, err := g.on.size()
	return err != nil || size < g.max.Load()
}

func lastEpoch(g *generation) uint64 {
	t, err := parseToken(g.token)
	if err != nil {
		return 0
	}
	return t.epoch
}
