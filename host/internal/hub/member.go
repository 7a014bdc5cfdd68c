package hub

import (
	"github.com/livetail/livetail/host/internal/hub/cursor"
	"github.com/livetail/livetail/plugin/tail"
)

// join makes s, which is at cur and reads by r, a member of its feed, if there is a place for it. A feed that does not exist is made only
// for a session that has caught up, and goes on with its reading. parts are what the session is to be given before the first
// frame, made by its own renderer.
func (h *Hub) join(s *Session, cur cursor.Cursor, r *reader, caughtUp bool) (m *member, f *feed, parts []tail.Event) {
	for {
		h.mu.Lock()
		f = h.feeds[s.key]
		if f == nil {
			if !caughtUp || h.closed || len(h.feeds) >= h.o.MaxFeeds {
				h.mu.Unlock()
				return nil, nil, nil
			}
			if f = newFeed(h, s, cur, r); !r.handOver(f) {
				h.mu.Unlock()
				f.hold.Stop()
				f.linger.Stop()
				return nil, nil, nil
			}
			h.feeds[s.key] = f
		}
		h.mu.Unlock()
		m, parts, again := f.admit(s, cur, caughtUp)
		if !again {
			return m, f, parts
		}
	}
}

// admit makes s a member where cur is, if there is a place for it. again means that the feed is closed, so that there may be another one.
func (f *feed) admit(s *Session, cur cursor.Cursor, caughtUp bool) (m *member, parts []tail.Event, again bool) {
	p := cur.Position()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, nil, true
	}
	if f.ended {
		return nil, nil, false
	}
	at, ok := f.ring.locate(p)
	if !ok || at.ahead && !caughtUp {
		return nil, nil, false
	}
	m = &member{session: s, seq: at.seq, ahead: at.ahead, joined: f.ring.head(), text: f.textBeforeLocked(at.seq)}
	if lag := f.ring.total - f.ring.totalBefore(at.seq); lag > int64(f.ring.limit/2) {
		return nil, nil, false // It would soon fall out again.
	}
	if !f.coverLocked(cur, caughtUp) {
		return nil, nil, false
	}
	f.members++
	f.linger.Stop()
	parts = f.lates.missed(cur, at.seq)
	if at.part != nil {
		parts = append(parts, *at.part)
	}
	return m, parts, false
}

// leave ends a membership; to repeat it does nothing.
func (f *feed) leave(m *member) {
	f.mu.Lock()
	f.leaveLocked(m)
	f.mu.Unlock()
	f.flush() // Who left may have been the one that the others were held back for.
}

func (f *feed) leaveLocked(m *member) {
	if m.left {
		return
	}
	m.left = true
	if m.waiting == 0 && f.woken > 1 {
		f.woken-- // Nobody need wait for it to come back.
	}
	f.unwaitLocked(m)
	f.members--
	if f.members == 0 {
		f.linger.Reset(f.hub.o.Linger)
	}
}

// waitLocked notes that m has got everything.
func (f *feed) waitLocked(m *member) {
	if m.waiting > 0 {
		return
	}
	f.waiters = append(f.waiters, m)
	m.waiting = len(f.waiters)
	f.returned++
	if len(f.waiters) == f.members && f.unrung == 0 {
		f.ring.shrink(idleRing)
	}
}

// unwaitLocked takes m out of the waiters.
func (f *feed) unwaitLocked(m *member) {
	if m.waiting == 0 {
		return
	}
	last := len(f.waiters) - 1
	moved := f.waiters[last]
	f.waiters[m.waiting-1] = moved
	moved.waiting = m.waiting
	f.waiters[last] = nil
	f.waiters = f.waiters[:last]
	m.waiting = 0
}

// next returns the frame that m is to be given, which is held. Without one, lost says whether m has to read privately, otherwise it is to wait.
// from is where its session is; part is what is to be given to a session instead of a frame that it has got the beginning of.
func (f *feed) next(m *member, from tail.Position) (fr *Frame, part tail.Event, lost bool) {
	f.mu.Lock()
	for {
		switch {
		case m.left || m.seq < f.ring.first:
			f.mu.Unlock()
			return nil, nil, true
		case m.seq == f.ring.head():
			if f.ended {
				f.mu.Unlock()
				return nil, nil, true
			}
			f.takeLocked(f.ring.total)
			f.waitLocked(m)
			ready := f.readyLocked() && !f.rendered
			f.mu.Unlock()
			if !ready {
				return nil, nil, false
			}
			f.flush()
			f.mu.Lock()
			if m.seq == f.ring.head() {
				f.mu.Unlock()
				return nil, nil, false
			}
			f.unwaitLocked(m)
			continue
		}
		fr = f.ring.frames[m.seq-f.ring.first]
		m.seq++
		m.text = fr.text
		f.takeLocked(fr.total)
		if _, late := fr.Event.(tail.Late); late || !m.ahead { // Being further on in the log says nothing about late lines.
			fr.hold()
			f.mu.Unlock()
			return fr, nil, false
		}
		at, ok := skip(fr, from)
		if !ok {
			f.mu.Unlock()
			return nil, nil, true
		}
		m.ahead = at.ahead
		if at.part != nil {
			f.mu.Unlock()
			return nil, *at.part, false
		}
	}
}

// skip says what becomes of a member that is at p and ahead of its feed when fr comes. It is not ok if p has been passed over.
func skip(fr *Frame, p tail.Position) (at place, ok bool) {
	if fr.end.IsZero() {
		return place{ahead: true}, true
	}
	if fr.end.Same(p) {
		return place{}, true
	}
	if l, isLines := fr.Event.(tail.Lines); isLines && cursor.Inside(l, p) {
		part, ok := fr.from(l, p)
		return place{part: &part}, ok
	}
	return place{ahead: true}, fr.end.Generation == p.Generation && fr.end.Offset < p.Offset
}

// takeLocked notes that a member has come as far as total, and lets the feed read on.
func (f *feed) takeLocked(total int64) {
	if total <= f.taken {
		return
	}
	f.taken = total
	select {
	case f.room <- struct{}{}:
	default:
	}
}

// textBeforeLocked is the bytes of text before frame seq.
func (f *feed) textBeforeLocked(seq uint64) int64 {
	if i := int(seq - f.ring.first); i > 0 {
		return f.ring.frames[i-1].text
	}
	if len(f.ring.frames) > 0 {
		return f.ring.frames[0].text - int64(textSize(f.ring.frames[0].Event))
	}
	return f.rung
}

// more reports whether a frame with something to send waits for m.
func (f *feed) more(m *member) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.left || m.ahead || m.seq < f.ring.first {
		return false
	}
	for _, fr := range f.ring.frames[m.seq-f.ring.first:] {
		if _, ok := fr.Event.(tail.CaughtUp); !ok && len(fr.Payload) > 0 {
			return true
		}
	}
	return false
}

// behind is how many bytes of text wait for m.
func (f *feed) behind(m *member) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(0, f.text-m.text)
}
