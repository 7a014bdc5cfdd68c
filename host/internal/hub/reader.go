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
	resume  chan struct{} // holds a token when the session asks for more

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
	r := &reader{session: s, cancel: cancel, resume: make(chan struct{}, 1)}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		cancel()
		return false
	}
	s.cur.Resume()
	req := tail.FollowRequest{Log: s.log, Start: s.cur.Start(s.start), Follow: s.follow, Wait: s.wait, Filter: s.filtered}
	s.reader = r
	s.mu.Unlock()
	if !s.hub.start(func() { r.run(ctx, req, delay) }) {
		cancel()
		return false
	}
	return true
}

// run is the goroutine of the reading. It ends when ctx is cancelled, when the tailer ends, or when it is parked.
func (r *reader) run(ctx context.Context, req tail.FollowRequest, delay time.Duration) {
	defer r.cancel()
	parked, err := r.read(ctx, req, delay)
	if parked {
		r.session.hub.parked.Add(1)
	}
	s := r.session
	s.mu.Lock()
	r.done, r.parked, r.err = true, parked, err
	s.mu.Unlock()
	s.wakeUp()
}

func (r *reader) read(ctx context.Context, req tail.FollowRequest, delay time.Duration) (parked bool, err error) {
	h := r.session.hub
	if delay > 0 && !pause(ctx, delay) {
		return false, ctx.Err()
	}
	select {
	case h.catchUps <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	release := sync.OnceFunc(func() { <-h.catchUps })
	defer release()
	limit := time.AfterFunc(startToken, release)
	defer limit.Stop()

	park := time.NewTimer(h.o.Park)
	park.Stop()
	defer park.Stop()
	for e, err := range h.tailer.Follow(ctx, req) {
		if err != nil {
			return false, err
		}
		if _, ok := e.(tail.CaughtUp); ok {
			release()
		}
		r.offer(e)
		park.Reset(h.o.Park)
		for asked := false; !asked; {
			select {
			case <-r.resume:
				asked = true
			case <-ctx.Done():
				return false, ctx.Err()
			case <-park.C:
				if r.giveUp() {
					return true, nil
				}
				park.Reset(h.o.Park)
			}
		}
		park.Stop()
	}
	return false, ctx.Err()
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
