package hub

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/livetail/livetail/host/internal/hub/cursor"
	"github.com/livetail/livetail/plugin/tail"
)

// feed is one reading of a (log, filter) in one rendering that any number of sessions share. It keeps what it has read in a ring, from
// which its members take at their own pace.
//
// It reads no further ahead of its fastest member than half of the ring: a lone member never falls out, and members that all stall
// stop the reading. While the members are still busy with the last frame, lines are merged into the next one, so frames get larger
// exactly when there are more than can be written.
type feed struct {
	hub       *Hub
	key       feedKey
	request   tail.FollowRequest
	rendering Rendering
	cancel    context.CancelFunc
	room      chan struct{} // holds a token when the feed may be allowed to read on
	renderer  Renderer      // used by who has set rendering
	adopted   *reader       // whose reading this goes on with

	mu   sync.Mutex // guards the rest
	ring ring
	// lates are what came late, which a session that joins may have to be told although it is further on.
	lates lates
	// cur is where the reading has come to; what is pending comes before it.
	cur       cursor.Cursor
	pending   []pended  // read, but not rendered yet
	arrived   time.Time // when the first of what is pending came
	pendingAt bool      // the hold timer runs
	due       bool      // what is pending has waited long enough
	owned     bool      // the text of the last pending event may be appended to
	rendered  bool      // somebody is rendering what is pending
	unrung    int       // bytes of text that are pending or being rendered
	text      int64     // bytes of text read so far
	rung      int64     // bytes of text that have come to the ring
	batches   int       // batches of lines since the reading was last caught up
	hold      *time.Timer
	taken     int64 // how far the fastest member has come, as ring.total
	members   int
	waiters   []*member // members that have got everything
	spare     []*member // memory for the next waiters
	woken     int       // members that waited when the last frame came
	returned  int       // members that have got everything since
	linger    *time.Timer
	ended     bool               // no frame will come any more
	closed    bool               // nobody can join any more
	stop      context.CancelFunc // ends the Follow call that is under way
	again     bool               // it is to be made again, because there is more to watch
}

// member is a session's place in a feed. Its feed's mu guards it.
type member struct {
	session *Session
	seq     uint64 // the frame to take next
	text    int64  // bytes of text up to there
	// ahead means that the session has got more than the feed: frames are skipped until its position comes.
	ahead   bool
	joined  uint64 // the next frame of the feed when the session came
	waiting int    // index in waiters plus 1; 0 if it is not there
	left    bool
}

// newFeed makes the feed that s, which is at at, needs, and which goes on with the reading r of s: another one would know nothing of the
// generations that this one has left, in which lines may come late. It is called by the goroutine of s's Next.
func newFeed(h *Hub, s *Session, at cursor.Cursor, r *reader) *feed {
	// The colours that are on where the session is are on in the feed too, so its renderer goes over.
	renderer := s.renderer
	s.renderer = nil
	if renderer == nil {
		renderer = s.rendering.New()
	}
	f := &feed{
		hub:       h,
		key:       s.key,
		request:   tail.FollowRequest{Log: s.log, Follow: true, Wait: true, Filter: s.filtered},
		rendering: s.rendering,
		renderer:  renderer,
		adopted:   r,
		cancel:    r.cancel,
		room:      make(chan struct{}, 1),
		ring:      ring{limit: h.o.RingBytes, base: at.Position(), settled: at.Settled()},
		cur:       at,
		stop:      r.stop,
	}
	f.lates.begin(at)
	f.hold = time.AfterFunc(time.Hour, f.holdOver)
	f.hold.Stop()
	f.linger = time.AfterFunc(h.o.Linger, f.retire)
	return f
}

// run reads until ctx is cancelled or the tailer refuses. It is the feed's goroutine, which was that of the reading that it goes on with:
// got and err are how that ended.
func (f *feed) run(ctx context.Context, got bool, err error) {
	defer f.hold.Stop()
	defer f.linger.Stop()
	wait := retryFirst
	for ; ; got, err = f.follow(ctx) {
		if got {
			wait = retryFirst
		}
		if ctx.Err() == nil && f.isAgain() {
			continue
		}
		if ctx.Err() != nil || !errors.Is(err, tail.ErrPluginGone) {
			break
		}
		if !pause(ctx, wait) {
			break
		}
		wait = min(2*wait, retryLongest)
	}
	f.end()
	// The members go on by themselves and learn from their own reading what is wrong. The feed stays in the way of a new one for a
	// moment, so that a reading that fails again and again is not begun again without pause.
	pause(ctx, time.Second)
	f.retire()
}

// pause waits for d and reports whether ctx was not cancelled meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// follow is one Follow call, and reports whether it brought anything.
func (f *feed) follow(ctx context.Context) (got bool, err error) {
	call, stop := context.WithCancel(ctx)
	defer stop()
	f.mu.Lock()
	f.cur.Resume()
	f.request.Start, f.request.Left = f.cur.Start(tail.StartAtEnd()), f.cur.Lately()
	f.stop, f.again = stop, false
	f.mu.Unlock()
	for e, err := range f.hub.tailer.Follow(call, f.request) {
		if err != nil {
			return got, err
		}
		got = true
		if !f.publish(ctx, e) {
			return got, ctx.Err()
		}
	}
	return got, nil
}

// isAgain reports whether the call was ended to be made again.
func (f *feed) isAgain() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.again
}

// publish takes over what was read, and waits until more may be read. It reports false when ctx is cancelled.
func (f *feed) publish(ctx context.Context, e tail.Event) bool {
	mine := own(e)
	f.mu.Lock()
	first, rest := f.cur.Fit(mine.Event)
	if first == nil || rest != nil {
		mine.text = nil // For the garbage collector, because it is shared.
	}
	for _, e := range []tail.Event{first, rest} {
		if e != nil {
			before := f.cur.Position()
			f.cur.Advance(e)
			if e, late := e.(tail.Late); late {
				f.lates.saw(e)
			} else if f.cur.Position().Generation != before.Generation {
				f.lates.begin(f.cur)
			}
			f.addLocked(pended{e, mine.text}, !f.cur.Position().Same(before))
		}
	}
	f.mu.Unlock()
	f.flush()
	for {
		f.mu.Lock()
		// What is not rendered yet counts twice, because its payload is still to come.
		ok := f.ring.total+2*int64(f.unrung)-f.taken <= int64(f.ring.limit/2)
		f.mu.Unlock()
		if ok {
			return ctx.Err() == nil
		}
		select {
		case <-f.room:
		case <-ctx.Done():
			return false
		}
	}
}

// addLocked adds e to what is pending; moved says whether it moved the position. f.mu is held.
func (f *feed) addLocked(e pended, moved bool) {
	l, isLines := e.Event.(tail.Lines)
	switch {
	case isLines:
		f.batches++
	case f.cur.CaughtUp():
		// A feed is at the end of its log nearly all the time; only after a burst is it news that the end has been reached again.
		burst := f.batches > 1
		f.batches = 0
		if !burst && !moved {
			return
		}
	}
	n := textSize(e.Event)
	f.text += int64(n)
	f.unrung += n
	if last := len(f.pending) - 1; isLines && last >= 0 {
		if before, ok := f.pending[last].Event.(tail.Lines); ok && mergeable(before, l) {
			f.pending[last] = pended{Event: merge(before, l, f.owned)}
			f.owned = true
			return
		}
	}
	if len(f.pending) == 0 {
		f.arrived = time.Now()
	}
	f.pending = append(f.pending, e)
	f.owned = false
}

// readyLocked reports whether what is pending is to become frames now. f.mu is held.
func (f *feed) readyLocked() bool {
	if len(f.pending) == 0 {
		return false
	}
	_, isLines := f.pending[0].Event.(tail.Lines)
	return f.due || !isLines || len(f.pending) > 1 || 2*f.returned >= f.woken ||
		f.unrung >= min(mergeLimit/2, f.ring.limit/8)
}

// flush makes frames of what is pending, if it is time, and wakes who waits for them. It is called by who reads, by members that have
// got everything, and by the timer; the one that comes first does the work for all.
func (f *feed) flush() {
	f.mu.Lock()
	if f.rendered {
		f.mu.Unlock()
		return
	}
	f.rendered = true
	for f.readyLocked() {
		events, arrived := f.pending, f.arrived
		f.pending, f.owned, f.due, f.pendingAt = nil, false, false, false
		f.hold.Stop()
		f.mu.Unlock()
		frames := make([]*Frame, len(events))
		for i, e := range events {
			frames[i] = e.frame()
			frames[i].Arrived = arrived
			frames[i].render(f.renderer)
		}
		f.mu.Lock()
		for _, fr := range frames {
			n := textSize(fr.Event)
			f.unrung -= n
			f.rung += int64(n)
			fr.text = f.rung
			f.ring.push(fr)
			if late, ok := fr.Event.(tail.Late); ok {
				f.lates.add(late, f.ring.head()-1)
			}
		}
		woken := f.waiters
		for _, m := range woken {
			m.waiting = 0
		}
		f.waiters, f.spare = f.spare[:0], nil
		f.woken, f.returned = max(1, len(woken)), 0
		f.mu.Unlock()
		for i, m := range woken {
			m.session.wakeUp()
			woken[i] = nil
		}
		f.mu.Lock()
		f.spare = woken[:0]
	}
	f.rendered = false
	if len(f.pending) > 0 && !f.pendingAt {
		f.pendingAt = true
		f.hold.Reset(f.hub.o.Coalesce)
	}
	f.mu.Unlock()
}

// holdOver ends the holding back of what is pending.
func (f *feed) holdOver() {
	f.mu.Lock()
	f.due = len(f.pending) > 0
	f.mu.Unlock()
	f.flush()
}

// end says that no more frames will come: members take what there is, and read privately then.
func (f *feed) end() {
	f.mu.Lock()
	f.due = len(f.pending) > 0
	f.mu.Unlock()
	f.flush()
	f.mu.Lock()
	f.ended = true
	woken := f.waiters
	f.waiters = nil
	for _, m := range woken {
		m.waiting = 0
	}
	f.mu.Unlock()
	for _, m := range woken {
		m.session.wakeUp()
	}
}

// retire takes the feed out of the hub if it has no members, or has ended, and ends its reading.
func (f *feed) retire() {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.members > 0 && !f.ended {
		return
	}
	f.closed = true
	delete(f.hub.feeds, f.key)
	f.cancel()
}

// kept is how much the ring holds, in bytes.
func (f *feed) kept() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(f.ring.bytes + f.unrung)
}
