package follow

import (
	"bytes"
	"errors"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// firstPause is how soon a copy is looked for again; the pause doubles each time.
const firstPause = 10 * time.Millisecond

// head is the beginning of a generation, as evidence that another file is a copy of it. It is known while the content is still there.
type head struct {
	b [overlap]byte
	n int
}

// begins reports whether content that begins with data may be that of which h is the beginning. What is reserved, or a hole, may be filled yet.
func (h *head) begins(data []byte) bool {
	known, _, _ := bytes.Cut(h.b[:h.n], []byte{0})
	n := min(len(known), len(data))
	return bytes.Equal(known[:n], data[:n])
}

// noteHead reads the beginning of g as far as it is written and not known yet. It is called before the content can be gone.
func (l *Log) noteHead(g *generation, size int64) {
	if known := g.beganWith().n; known == overlap || size <= int64(known) || g.from > 0 || g.packed != nil {
		return
	}
	var h head
	n, err := g.on.readAt(h.b[:min(size, overlap)], 0)
	if err != nil {
		return
	}
	h.n = n
	l.mu.Lock()
	defer l.mu.Unlock()
	if !g.cut {
		g.know(h)
	}
}

// beginsAnew reports whether the file of g begins with other bytes than it did: it was emptied, and has grown since. A size that was taken before is not
// that of g then, and what g never had must not count as unread.
func (l *Log) beginsAnew(g *generation) bool {
	h := g.beganWith()
	if h.n == 0 || g.from > 0 || g.packed != nil {
		return false
	}
	var now [overlap]byte
	n, err := g.on.readAt(now[:h.n], 0)
	return err == nil && !h.begins(now[:n])
}

// seekCopies looks for the copies that were made of files before they were emptied, which is what copytruncate does. What a reader had not
// read yet goes on there. It returns how soon to look again; 0 for no need.
func (l *Log) seekCopies() (wait time.Duration) {
	l.mu.Lock()
	var seeking []*generation
	for _, g := range l.chain {
		if g.seeking && (!g.over || g.next != nil && g.next.state != pending) {
			seeking = append(seeking, g)
		}
	}
	l.mu.Unlock()
	now := time.Now()
	for _, g := range seeking {
		if now.Before(g.seekNext) {
			wait = soonest(wait, g.seekNext.Sub(now))
			continue
		}
		found, sure := l.findCopy(g)
		if found == nil && now.Sub(g.cutAt) < l.seekFor(g) {
			if sure {
				l.notFound(g)
			}
			g.seekPause = max(firstPause, 2*g.seekPause)
			g.seekNext = now.Add(g.seekPause)
			wait = soonest(wait, g.seekPause)
			continue
		}
		l.insertCopy(g, found)
	}
	return wait
}

// notFound lets those go on who have read all of g that was seen. A copy is made before the file is emptied, so it is mostly found at once.
func (l *Log) notFound(g *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !g.sought {
		g.sought = true
		l.broadcastLocked()
	}
}

// seekFor is for how long a copy of g is looked for. Meanwhile who lacks the rest of g does not read what is written now: where a file is emptied
// more often than that takes, he would never read anything again.
func (l *Log) seekFor(g *generation) time.Duration {
	if g.made.IsZero() {
		return l.e.opts.Rest
	}
	return min(l.e.opts.Rest, g.cutAt.Sub(g.made)/4)
}

func soonest(a, b time.Duration) time.Duration {
	if a == 0 || b < a {
		return b
	}
	return a
}

// findCopy returns the newest file in the folder that begins as g did. Files may begin alike; one that was last written before g was is no copy of it.
// sure means that none was being renamed or compressed meanwhile.
func (l *Log) findCopy(g *generation) (best *generation, sure bool) {
	h := g.beganWith()
	if h.n == 0 || l.at.dir == nil {
		return nil, true
	}
	sure = true
	files, _ := l.siblings() // What cannot be found is declared as missing.
	for _, f := range files {
		c, err := l.openOld(f)
		if err != nil || c == nil || c.state != ready {
			sure = sure && !errors.Is(err, tail.ErrNotFound)
			l.discard(c)
			continue
		}
		w, err := c.windowAt(l.e.ctx, int64(h.n))
		// Who keeps the time of what he copies may do so to the second.
		older := c.on.written()/int64(time.Second) < g.wrote.Load()/int64(time.Second)
		sure = sure && (older || !errors.Is(err, errCorrupt))
		if older || err != nil || !bytes.Equal(w.bytes(), h.b[:h.n]) || best != nil && best.on.id.btime > c.on.id.btime {
			l.discard(c)
			continue
		}
		l.discard(best)
		best = c
	}
	return best, sure
}

// discard gives up a generation that is not in the chain.
func (l *Log) discard(g *generation) {
	if g == nil {
		return
	}
	if l.names[g.on.name] == g.on {
		delete(l.names, g.on.name)
	}
	g.on.close()
}

// insertCopy puts the copy of g, or nothing, between g and the new content of its file.
func (l *Log) insertCopy(g, copied *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g.seeking = false
	if copied != nil {
		copied.how, copied.order, copied.copyOf = tail.HowCopied, tail.OrderInferred, g
		copied.next, g.next = g.next, copied
		l.insertAfterLocked(g, copied)
	}
	l.broadcastLocked()
}

func (l *Log) insertAfterLocked(g, n *generation) {
	for i, o := range l.chain {
		if o == g {
			l.chain = append(l.chain[:i+1], append([]*generation{n}, l.chain[i+1:]...)...)
			return
		}
	}
}
