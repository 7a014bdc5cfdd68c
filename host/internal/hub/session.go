package hub

import (
	"context"
	"errors"
	"sync"

	"github.com/livetail/livetail/host/internal/hub/cursor"
	"github.com/livetail/livetail/plugin/tail"
)

// Session is one viewer of one log. One goroutine calls Next; everything else may be called from any goroutine.
type Session struct {
	hub   *Hub
	id    string
	wake  chan struct{} // holds a token when Next has to look again
	pulse pulse         // guarded by hub.heart.mu

	heartbeat bool // whether the session is pinged
	within    func(context.Context) context.Context

	nexting // used by Next alone

	mu     sync.Mutex // guards the rest
	closed bool
	cur    cursor.Cursor // the end of what Next has handed out
	// Exactly one of reader and member is set, or none for a moment while Next changes over.
	reader  *reader
	member  *member
	feed    *feed // that of member
	pingDue bool
	dead    *Dead
	filter  *tail.Filter // asked for by SetFilter, not applied yet
	replies [][]byte
	room    chan struct{} // closed when there is room for a reply; nil if nobody waits
}

// ID is the session's name, unique in this process and unguessable.
func (s *Session) ID() string { return s.id }

// More reports whether Next would return an item at once, so that a writer can put several into one system call. It may say no although
// Next would, never yes although Next would not, as long as the session is not closed meanwhile.
func (s *Session) More() bool {
	s.mu.Lock()
	if s.closed || s.dead != nil || s.pingDue || len(s.replies) > 0 {
		defer s.mu.Unlock()
		return !s.closed
	}
	m, f, changing := s.member, s.feed, s.filter != nil
	s.mu.Unlock()
	return m != nil && !changing && f.more(m)
}

// Pinged says that the [Ping] that Next handed out has been written: the time to answer runs from now.
func (s *Session) Pinged() { s.hub.heart.pinged(s) }

// Answered says that the peer answered a ping. An answer that nobody waits for is ignored.
func (s *Session) Answered() { s.hub.heart.answered(s) }

// Wrong says that the peer said something that is no answer; [Dead] will follow.
func (s *Session) Wrong() { s.hub.heart.wrong(s) }

// SetFilter has the session go on with another filter at its present position: nothing is lost or doubled by the change. When it
// has returned without error, no call of Next that begins then returns a frame that was made with the old filter. On an error, the
// old filter stays.
//
// The error is the tailer's about the filter ([tail.ErrBadRequest], [tail.ErrUnsupported]), [ErrClosed], or ctx's.
func (s *Session) SetFilter(ctx context.Context, f tail.Filter) error {
	if !f.IsZero() {
		if err := s.hub.checkFilter(ctx, s.log, f); err != nil {
			return err
		}
	}
	s.mu.Lock()
	closed := s.closed
	s.filter = &f
	s.mu.Unlock()
	if closed {
		return ErrClosed
	}
	s.wakeUp()
	return nil
}

// checkFilter asks the tailer whether it takes f for a log.
func (h *Hub) checkFilter(ctx context.Context, log string, f tail.Filter) error {
	for _, err := range h.tailer.Follow(ctx, tail.FollowRequest{Log: log, Start: tail.StartAtEnd(), Filter: f}) {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, tail.ErrBadRequest), errors.Is(err, tail.ErrUnsupported), errors.Is(err, tail.ErrTooMany),
			errors.Is(err, tail.ErrPluginGone):
			return err
		}
		break // Anything else is not the fault of the filter.
	}
	return ctx.Err()
}

// Post queues payload, which Next will hand out as a [Reply], and waits for room in the queue. The session owns payload from then on. The
// error is [ErrClosed] or ctx's.
func (s *Session) Post(ctx context.Context, payload []byte) error {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return ErrClosed
		}
		if len(s.replies) < s.hub.o.MaxReplies {
			s.replies = append(s.replies, payload)
			s.mu.Unlock()
			s.wakeUp()
			return nil
		}
		if s.room == nil {
			s.room = make(chan struct{})
		}
		room := s.room
		s.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Position is the end of what Next has handed out: a session that starts there goes on with the very next byte. It is zero until
// something is known.
func (s *Session) Position() tail.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur.Position()
}

// Close ends the session and releases all that it holds. Next returns [ErrClosed]. It is safe to call again.
func (s *Session) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	r, m, f := s.reader, s.member, s.feed
	s.replies = nil
	s.roomLocked()
	s.mu.Unlock()
	if r != nil {
		r.cancel()
	}
	if m != nil {
		f.leave(m)
	}
	s.hub.remove(s)
	s.wakeUp()
}

// roomLocked lets who waits in Post try again.
func (s *Session) roomLocked() {
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}

// wakeUp has Next look again for something to hand out.
func (s *Session) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// order has set note down an order for Next.
func (s *Session) order(set func()) {
	s.mu.Lock()
	set()
	s.mu.Unlock()
	s.wakeUp()
}

// forgetPing takes back an order that Next has not handed out yet.
func (s *Session) forgetPing() {
	s.mu.Lock()
	s.pingDue = false
	s.mu.Unlock()
}

// private reports whether s has a reading of its own.
func (s *Session) private() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reader != nil
}
