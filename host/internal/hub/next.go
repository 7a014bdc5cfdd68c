package hub

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// nexting is the part of a session that Next alone uses.
type nexting struct {
	log          string
	start        tail.Start
	follow, wait bool
	filtered     tail.Filter // the filter that applies
	key          feedKey
	rendering    Rendering
	renderer     Renderer      // that of the private reading; nil while the session is in a feed
	rest         []tail.Event  // read, to be handed out before anything else
	final        error         // what Next returns from now on
	told         string        // the state of the plugin that the peer knows
	retry        time.Duration // how long to wait before reading again after the plugin went away
	atEnd        bool          // the peer has been told that the end was reached, since the session last read privately
	letGo        func()        // ends a reading whose last event is still in the caller's hands
	held         *Frame        // the frame that the caller has; nil if it has none
}

// Next returns what the peer is to be sent next, waiting for it if need be. Orders ([Ping], [Dead]) come first, then replies and
// status, then content; orders do not wait for content.
//
// The error is [io.EOF] when all that was asked for has been handed out, [ErrClosed] after Close or the end of the hub, ctx's error
// when ctx is cancelled (Next may be called again then, nothing is lost), or the tailer's refusal (one of tail.Err…), which
// is final.
func (s *Session) Next(ctx context.Context) (Item, error) {
	if s.letGo != nil {
		s.letGo()
		s.letGo = nil
	}
	if s.held != nil {
		s.held.release()
		s.held = nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for {
		if item, err := s.control(); item != nil || err != nil {
			return item, err
		}
		item, wait, err := s.content()
		if item != nil || err != nil {
			return item, err
		}
		if !wait {
			continue
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// control returns what comes before content, or nothing.
func (s *Session) control() (Item, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, ErrClosed
	}
	filter := s.filter
	s.filter = nil
	switch {
	case s.dead != nil:
		defer s.mu.Unlock()
		return *s.dead, nil
	case s.pingDue:
		s.pingDue = false
		m, f, live := s.member, s.feed, s.cur.CaughtUp()
		s.filter = filter // Next time.
		s.mu.Unlock()
		switch {
		case m != nil:
			return Ping{Behind: f.behind(m)}, nil
		case live:
			return Ping{}, nil
		}
		return Ping{Behind: -1}, nil
	}
	s.mu.Unlock()
	if filter != nil {
		s.refilter(*filter)
	}
	s.mu.Lock()
	if len(s.replies) > 0 {
		defer s.mu.Unlock()
		payload := s.replies[0]
		s.replies[0] = nil
		if s.replies = s.replies[1:]; len(s.replies) == 0 {
			s.replies = nil
		}
		s.roomLocked()
		return Reply{Payload: payload}, nil
	}
	s.mu.Unlock()
	if st := s.hub.status.Load(); st.State != s.told {
		s.told = st.State
		return *st, nil
	}
	return nil, nil
}

// refilter goes over to a private reading with another filter, from where the session is.
func (s *Session) refilter(f tail.Filter) {
	if s.final != nil {
		return
	}
	s.detach()
	s.filtered = f
	s.key.filter = filterKey(f)
	s.rest, s.renderer = nil, nil
}

// detach leaves whatever the session reads from.
func (s *Session) detach() {
	s.mu.Lock()
	r, m, f := s.reader, s.member, s.feed
	s.reader, s.member, s.feed = nil, nil, nil
	s.atEnd = false
	if r != nil && r.event != nil {
		s.cur.Begin(r.event)
	}
	s.mu.Unlock()
	if r != nil {
		r.cancel()
	}
	if m != nil {
		f.leave(m)
	}
}

// content returns the next frame. Without one, wait says whether a wake-up has to be waited for.
func (s *Session) content() (item Item, wait bool, err error) {
	if s.final != nil {
		return nil, false, s.final
	}
	if len(s.rest) > 0 {
		e := s.rest[0]
		if s.rest = s.rest[1:]; len(s.rest) == 0 {
			s.rest = nil
		}
		return s.deliver(e), false, nil
	}
	s.mu.Lock()
	r, m, f, at := s.reader, s.member, s.feed, s.cur.Position()
	caughtUp := s.cur.CaughtUp()
	s.mu.Unlock()
	switch {
	case m != nil:
		s.renderer = nil
		return s.fromFeed(m, f, at, caughtUp)
	case r != nil:
		return s.fromReader(r)
	}
	if !s.startReader(0) {
		return nil, false, ErrClosed
	}
	return nil, true, nil
}

// fromFeed is content for a member of a feed.
func (s *Session) fromFeed(m *member, f *feed, at tail.Position, caughtUp bool) (item Item, wait bool, err error) {
	fr, part, lost := f.next(m, at)
	s.held = fr
	switch {
	case lost:
		s.hub.fellOut.Add(1)
		s.detach()
		return nil, false, nil
	case part != nil:
		s.rest = append(s.rest, part)
		return nil, false, nil
	case fr == nil && !s.atEnd && !at.IsZero():
		// It joined before it had caught up, and the feed, which is at the end nearly all the time, does not say so again.
		return s.deliver(tail.CaughtUp{At: at}), false, nil
	case fr == nil:
		return nil, true, nil
	}
	if late, ok := fr.Event.(tail.Late); ok {
		s.mu.Lock()
		first, _ := s.cur.Fit(late)
		_, been := s.cur.Left(late.Start.Generation)
		s.mu.Unlock()
		// Its own reading may have told it already, or a part of it; or it came before a session that knows nothing of that generation.
		if first == nil || !been && m.seq <= m.joined {
			return nil, false, nil
		}
		if part := first.(tail.Late); !part.Start.Same(late.Start) {
			s.rest = append(s.rest, part)
			return nil, false, nil
		}
	}
	s.mu.Lock()
	s.cur.AdvanceAt(fr.Event, fr.Arrived)
	s.mu.Unlock()
	_, repeated := fr.Event.(tail.CaughtUp)
	s.atEnd = s.atEnd || repeated
	if len(fr.Payload) == 0 || repeated && caughtUp {
		return nil, false, nil
	}
	return fr, false, nil
}

// fromReader is content for a session that reads privately.
func (s *Session) fromReader(r *reader) (item Item, wait bool, err error) {
	e, ended := r.take()
	switch {
	case e != nil:
		s.retry = 0
		return s.received(e), false, nil
	case !ended:
		return nil, true, nil
	}
	s.detach()
	switch {
	case s.hub.life.Err() != nil:
		return nil, false, ErrClosed
	case r.parked:
		if !s.startReader(0) {
			return nil, false, ErrClosed
		}
		return nil, true, nil
	case errors.Is(r.err, tail.ErrPluginGone):
		s.retry = min(max(2*s.retry, retryFirst), retryLongest)
		if !s.startReader(s.retry) {
			return nil, false, ErrClosed
		}
		return nil, true, nil
	case r.err != nil:
		s.final = r.err
	default:
		s.final = io.EOF
	}
	return nil, false, s.final
}

// received takes over an event of the private reading, and joins the feed if there is a place for the session in it.
func (s *Session) received(e tail.Event) Item {
	s.mu.Lock()
	first, rest := s.cur.Fit(e)
	s.mu.Unlock()
	if rest != nil {
		s.rest = append(s.rest, rest)
	}
	var item Item
	if first != nil {
		item = s.deliver(first)
	}
	if _, caughtUp := e.(tail.CaughtUp); s.follow && rest == nil {
		s.join(caughtUp)
	}
	return item
}

// deliver renders e for this session alone; the item is nil if there is nothing to send.
func (s *Session) deliver(e tail.Event) Item {
	if s.renderer == nil {
		s.renderer = s.rendering.New()
	}
	fr := &Frame{Event: e, Arrived: time.Now()}
	fr.render(s.renderer)
	fr.hold()
	s.held = fr
	if _, end := e.(tail.CaughtUp); end {
		s.atEnd = true
	}
	s.mu.Lock()
	s.cur.Advance(e)
	s.mu.Unlock()
	if len(fr.Payload) == 0 {
		return nil
	}
	return fr
}

// join makes the session a member of its feed, if possible.
func (s *Session) join(caughtUp bool) {
	s.mu.Lock()
	cur, r := s.cur, s.reader
	s.mu.Unlock()
	if !cur.Settled() {
		return
	}
	m, f, parts := s.hub.join(s, cur, r, caughtUp)
	if m == nil {
		return
	}
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.reader, s.member, s.feed = nil, m, f
	}
	s.mu.Unlock()
	if closed {
		f.leave(m)
		return
	}
	s.hub.joined.Add(1)
	s.rest = append(s.rest, parts...)
	if f.adopted != r {
		s.letGo = r.cancel // Not sooner: the event that was read last is still to be used.
	}
}
