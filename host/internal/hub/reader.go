package hub

import (
	"context"
	"sync"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// reader is the private reading of a session: one Follow call in a goroutine that holds at most one event, which it reads when
// the session has dealt with the one before. If the session does not ask for more for a while, the reading ends; it is parked.
type reader struct {
	session *Session
	cancel  context.CancelFunc
	stop    context.CancelFunc // ends the Follow call alone; set before the first event is offered
	resume  chan struct{}      // holds a token when the session asks for more
	adopt   chan *feed         // holds the feed that goes on with the reading, if there is one

	// Guarded by session.mu, and constant when done.
	event  tail.Event // to be taken; nil if there is none
	taken  bool       // the session has the event, and has not asked for more
	done   bool
	parked bool
	err    error
}

// startToken is how long a private reading counts as starting at most; see Options.MaxCatchUps.
const startToken = 2 * time.Second

// startReader begins a private reading where the session is, after a delay. It reports false if the hub or the session is closed.
func (s *Session) startReader(delay time.Duration) bool {
	ctx, cancel := context.WithCancel(s.hub.life)
	if s.within != nil {
		ctx = s.within(ctx)
	}
	r := &reader{session: s, cancel: cancel, resume: make(chan struct{}, 1), adopt: make(chan *feed, 1)}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		cancel()
		return false
	}
	s.cur.Resume()
	req := tail.FollowRequest{Log: s.log, Start: s.cur.Start(s.start), Follow: s.follow, Wait: s.wait, Filter: s.filtered, Left: s.cur.Lately()}
	s.reader = r
	s.mu.Unlock()
	if !s.hub.start(func() { r.run(ctx, req, delay) }) {
		cancel()
		return false
	}
	return true
}

// run is the goroutine of the reading. It ends when ctx is cancelled, when the tailer ends, or when it is parked; or it becomes
// that of a feed.
func (r *reader) run(ctx context.Context, req tail.FollowRequest, delay time.Duration) {
	defer r.cancel()
	f, got, parked, err := r.read(ctx, req, delay)
	s := r.session
	s.mu.Lock()
	if f == nil {
		select {
		case f = <-r.adopt: // As it was about to end.
			if parked {
				err = tail.ErrPluginGone // It has to be begun again.
			}
		default:
		}
	}
	if f != nil {
		s.mu.Unlock()
		f.run(ctx, got, err)
		return
	}
	r.done, r.parked, r.err = true, parked, err
	s.mu.Unlock()
	if parked {
		s.hub.parked.Add(1)
	}
	s.wakeUp()
}

// read is the Follow call. f is the feed that it has gone over to, got whether that has been brought anything.
func (r *reader) read(ctx context.Context, req tail.FollowRequest, delay time.Duration) (f *feed, got, parked bool, err error) {
	h := r.session.hub
	if delay > 0 && !pause(ctx, delay) {
		return nil, false, false, ctx.Err()
	}
	select {
	case h.catchUps <- struct{}{}:
	case <-ctx.Done():
		return nil, false, false, ctx.Err()
	}
	release := sync.OnceFunc(func() { <-h.catchUps })
	defer release()
	limit := time.AfterFunc(startToken, release)
	defer limit.Stop()

	park := time.NewTimer(h.o.Park)
	park.Stop()
	defer park.Stop()
	call, stop := context.WithCancel(ctx)
	defer stop()
	r.stop = stop
	for e, err := range h.tailer.Follow(call, req) {
		if err != nil {
			return f, got, false, err
		}
		if f != nil {
			got = true
			if !f.publish(ctx, e) {
				return f, got, false, ctx.Err()
			}
			continue
		}
		if _, ok := e.(tail.CaughtUp); ok {
			release()
		}
		r.offer(e)
		park.Reset(h.o.Park)
		for asked := false; !asked; {
			select {
			case f = <-r.adopt:
				asked = true
			case <-r.resume:
				asked = true
			case <-ctx.Done():
				return nil, false, false, ctx.Err()
			case <-park.C:
				if r.giveUp() {
					return nil, false, true, nil
				}
				park.Reset(h.o.Park)
			}
		}
		park.Stop()
	}
	return f, got, false, ctx.Err()
}

// handOver has f go on with the reading. It reports false if that is over.
func (r *reader) handOver(f *feed) bool {
	r.session.mu.Lock()
	defer r.session.mu.Unlock()
	if r.done {
		return false
	}
	r.adopt <- f // It has room: a reading is handed over once.
	return true
}

// offer makes e the event to be taken.
func (r *reader) offer(e tail.Event) {
	r.session.mu.Lock()
	r.event = e
	r.session.mu.Unlock()
	r.session.wakeUp()
}

// giveUp drops the event that was not taken, if the session's position alone says how to go on.
func (r *reader) giveUp() bool {
	r.session.mu.Lock()
	defer r.session.mu.Unlock()
	if !r.session.cur.Settled() {
		return false
	}
	r.event = nil
	return true
}

// take returns the event that was read, if there is one, and otherwise asks for another. ended means that there will be none.
func (r *reader) take() (e tail.Event, ended bool) {
	r.session.mu.Lock()
	defer r.session.mu.Unlock()
	if e = r.event; e != nil {
		r.event = nil
		r.taken = true
		return e, false
	}
	if r.taken {
		r.taken = false
		select {
		case r.resume <- struct{}{}:
		default:
		}
	}
	return nil, r.done
}
