package hub

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

const (
	// maxBeats bounds the beats of one session that wait to be sent. A peer that talks without end cannot fill the queue; what it says
	// beyond that is dropped.
	maxBeats = 8
	// gatherBeats is how long beats wait for others at the most. A twentieth of the time to answer is the most that this may take of it.
	gatherBeats = 20 * time.Millisecond
	// silence is how long the heartbeat call may bring nothing, not even a sign of life, before it is made anew.
	silence = 10 * time.Second
	// retryFirst and retryLongest bound the wait before a call that the plugin broke off is made again.
	retryFirst, retryLongest = 50 * time.Millisecond, 2 * time.Second
)

// heart is what the heartbeat call of the hub shares with the sessions. What the tailer knows is gone when a call ends, so every call
// is an era of its own: a ping that was ordered in one era counts in no other.
type heart struct {
	ready chan struct{} // holds a token while beats wait
	calls atomic.Int64

	mu    sync.Mutex // guards the rest, and the pulse of every session
	era   int64      // number of the call under way; 0 if there is none
	queue []queued
}

// queued is a beat that waits to be sent.
type queued struct {
	session *Session
	beat    tail.Beat
}

// pulse is what the heart knows about one session.
type pulse struct {
	opened   int64 // the era in which the tailer was told of the session
	ordered  int64 // the era in which a ping was ordered that has not been written
	awaiting bool  // a ping has been written in this era and not been answered
	wrong    bool  // the peer said something wrong
	waiting  int   // beats that wait to be sent
}

// begin starts an era: every session in open is opened anew.
func (h *heart) begin(open []*Session, o Options) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.era = h.calls.Add(1)
	h.queue = nil
	for _, s := range open {
		if !s.heartbeat {
			continue
		}
		s.pulse = pulse{wrong: s.pulse.wrong}
		h.openLocked(s, o)
		if s.pulse.wrong {
			h.addLocked(s, tail.Beat{Kind: tail.BeatWrong, Session: s.id})
		}
	}
}

// end ends the era: until the next one begins, beats are not even queued.
func (h *heart) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.era = 0
	h.queue = nil
}

func (h *heart) open(s *Session, o Options) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.openLocked(s, o)
}

func (h *heart) openLocked(s *Session, o Options) {
	if h.era == 0 {
		return
	}
	s.pulse.opened = h.era
	h.addLocked(s, tail.Beat{
		Kind: tail.BeatOpened, Session: s.id, Interval: o.HeartbeatInterval, Timeout: o.HeartbeatTimeout,
	})
}

// addLocked queues b. h.mu is held.
func (h *heart) addLocked(s *Session, b tail.Beat) {
	if h.era == 0 || s.pulse.opened != h.era {
		return
	}
	if s.pulse.waiting >= maxBeats && b.Kind != tail.BeatClosed {
		return
	}
	s.pulse.waiting++
	h.queue = append(h.queue, queued{s, b})
	select {
	case h.ready <- struct{}{}:
	default:
	}
}

// ordered notes that the tailer ordered a ping.
func (h *heart) ordered(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.pulse.ordered = h.era
}

func (h *heart) pinged(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.era == 0 || s.pulse.ordered != h.era {
		return // Another era ordered it, which nobody remembers.
	}
	s.pulse.ordered = 0
	s.pulse.awaiting = true
	h.addLocked(s, tail.Beat{Kind: tail.BeatPinged, Session: s.id})
}

func (h *heart) answered(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !s.pulse.awaiting {
		return
	}
	s.pulse.awaiting = false
	h.addLocked(s, tail.Beat{Kind: tail.BeatAnswered, Session: s.id})
}

func (h *heart) wrong(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.pulse.wrong {
		return
	}
	s.pulse.wrong = true
	h.addLocked(s, tail.Beat{Kind: tail.BeatWrong, Session: s.id})
}

func (h *heart) close(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.addLocked(s, tail.Beat{Kind: tail.BeatClosed, Session: s.id})
	s.pulse.opened = 0
}

// dead notes that the tailer has forgotten the session.
func (h *heart) dead(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.pulse.opened = 0
}

// take returns the beats that wait, in memory that may overlap into.
func (h *heart) take(into []tail.Beat) []tail.Beat {
	h.mu.Lock()
	defer h.mu.Unlock()
	into = into[:0]
	for i, q := range h.queue {
		q.session.pulse.waiting--
		into = append(into, q.beat)
		h.queue[i] = queued{}
	}
	h.queue = h.queue[:0]
	return into
}

// beats is the sequence of beats of one call. It ends with ctx.
func (h *Hub) beats(ctx context.Context) iter.Seq[tail.Beat] {
	return func(yield func(tail.Beat) bool) {
		var taken []tail.Beat
		var last time.Time
		for {
			select {
			case <-h.heart.ready:
			case <-ctx.Done():
				return
			}
			if !h.gather(ctx, last) {
				return
			}
			last = time.Now()
			taken = h.heart.take(taken)
			for _, b := range taken {
				if !yield(b) {
					return
				}
			}
		}
	}
}

// gather waits, if beats were sent a moment ago, so that what many sessions do goes to the tailer together. It reports whether to go on.
func (h *Hub) gather(ctx context.Context, last time.Time) bool {
	pause := time.NewTimer(time.Until(last.Add(min(gatherBeats, h.o.HeartbeatTimeout/20))))
	defer pause.Stop()
	select {
	case <-pause.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// runHeartbeat makes the one heartbeat call of the hub, again and again when the plugin breaks it off, until ctx is cancelled.
func (h *Hub) runHeartbeat(ctx context.Context) {
	wait := retryFirst
	for {
		if h.callHeartbeat(ctx) {
			wait = retryFirst
		}
		if ctx.Err() != nil {
			return
		}
		if !h.notified.Load() {
			h.setStatus(Status{State: StateRestarting})
		}
		pause := time.NewTimer(wait)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return
		}
		wait = min(2*wait, retryLongest)
	}
}

// errSilent is why a heartbeat call is ended that brings nothing.
var errSilent = errors.New("the heartbeat call has gone silent")

// callHeartbeat makes one heartbeat call and reports whether it brought anything.
func (h *Hub) callHeartbeat(ctx context.Context) (worked bool) {
	// The tailer waits for the sequence of beats to end before the call does, so every way out has to cancel.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer alarm.Stop()

	h.mu.Lock()
	h.heart.begin(h.openLocked(), h.o)
	for _, s := range h.sessions {
		s.forgetPing()
	}
	h.mu.Unlock()
	defer h.heart.end()
	for order, err := range h.tailer.Heartbeat(ctx, h.beats(ctx)) {
		if err != nil {
			cancel(nil)
			return worked
		}
		alarm.Reset(silence)
		if !worked && !h.notified.Load() {
			h.setStatus(Status{State: StateUp})
		}
		worked = true
		h.obey(order)
	}
	return worked
}

// obey passes an order on to the session that it is about.
func (h *Hub) obey(o tail.Order) {
	if o.Kind == tail.OrderAlive {
		return
	}
	s := h.session(o.Session)
	if s == nil {
		return // It closed meanwhile.
	}
	switch o.Kind {
	case tail.OrderPing:
		h.heart.ordered(s)
		s.order(func() { s.pingDue = true })
	case tail.OrderDeadSilent, tail.OrderDeadWrong:
		h.heart.dead(s)
		s.order(func() { s.dead = &Dead{Wrong: o.Kind == tail.OrderDeadWrong} })
	}
}
