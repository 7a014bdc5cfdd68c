package hub

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/livetail/livetail/plugin/tail"
)

// ErrClosed is returned by [Session.Next] and others after [Session.Close], and when the hub has stopped.
var ErrClosed = errors.New("session is closed")

// Hub brings logs to sessions. It is safe for concurrent use.
type Hub struct {
	tailer   tail.Tailer
	o        Options
	heart    heart
	catchUps chan struct{} // holds one token for each private reading that is starting
	running  chan struct{} // closed when Run has begun

	// life is Run's context, set before running is closed: feeds and private readings outlive the call that starts them, but not Run.
	life context.Context
	work sync.WaitGroup // what the hub started; Run waits for it

	status   atomic.Pointer[Status] // never nil
	notified atomic.Bool            // Notify was called, so the heartbeat call says nothing about the status

	joined, fellOut, parked atomic.Int64

	mu       sync.Mutex // guards the rest
	closed   bool
	sessions map[string]*Session
	feeds    map[feedKey]*feed
}

// feedKey is what sessions that share a feed have in common.
type feedKey struct{ log, filter, rendering string }

// New returns a hub that reads from t. It works while [Hub.Run] runs.
func New(t tail.Tailer, o Options) *Hub {
	o = o.filled()
	h := &Hub{
		tailer:   t,
		o:        o,
		heart:    heart{ready: make(chan struct{}, 1)},
		catchUps: make(chan struct{}, o.MaxCatchUps),
		running:  make(chan struct{}),
		sessions: make(map[string]*Session),
		feeds:    make(map[feedKey]*feed),
	}
	h.status.Store(&Status{State: StateUp})
	return h
}

// Run keeps the hub working until ctx is cancelled, and returns ctx's error when all that the hub started has ended. The sessions' Next
// returns [ErrClosed] then. It is called once.
func (h *Hub) Run(ctx context.Context) error {
	h.life = ctx
	close(h.running)
	h.runHeartbeat(ctx)
	h.mu.Lock()
	h.closed = true
	open := h.openLocked()
	h.mu.Unlock()
	for _, s := range open {
		s.Close()
	}
	h.work.Wait()
	return ctx.Err()
}

// Open starts a session. It does not wait for the tailer: whether the log may be followed at all is what the first call of Next says.
// ctx bounds the wait for [Hub.Run] to begin, nothing else. The caller ends the session with [Session.Close].
//
// The error is [tail.ErrTooMany], [tail.ErrBadRequest] or [ErrClosed].
func (h *Hub) Open(ctx context.Context, r Request) (*Session, error) {
	switch {
	case r.Log == "" || len(r.Log) > tail.MaxPath:
		return nil, fmt.Errorf("the name of a log has 1 to %d bytes: %w", tail.MaxPath, tail.ErrBadRequest)
	case r.Rendering.New == nil:
		return nil, fmt.Errorf("no rendering is given: %w", tail.ErrBadRequest)
	}
	select {
	case <-h.running:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s := &Session{
		hub:       h,
		id:        rand.Text(),
		wake:      make(chan struct{}, 1),
		heartbeat: r.Heartbeat,
		within:    r.Within,
		nexting: nexting{
			log: r.Log, start: r.Start, follow: r.Follow, wait: r.Wait, filtered: r.Filter,
			key:       feedKey{log: r.Log, filter: filterKey(r.Filter), rendering: r.Rendering.Key},
			rendering: r.Rendering,
			told:      StateUp,
		},
	}
	s.cur.Recall(r.Left)
	h.mu.Lock()
	switch {
	case h.closed:
		h.mu.Unlock()
		return nil, ErrClosed
	case len(h.sessions) >= h.o.MaxSessions:
		h.mu.Unlock()
		return nil, fmt.Errorf("%d sessions are open, which is the limit: %w", h.o.MaxSessions, tail.ErrTooMany)
	}
	h.sessions[s.id] = s
	if r.Heartbeat {
		h.heart.open(s, h.o)
	}
	h.mu.Unlock()
	s.startReader(0)
	return s, nil
}

// Notify tells all sessions how the plugin is. The hub finds out by itself that the plugin went away and came back, by its heartbeat
// call; Notify is for who knows better, and from its first call on the hub relies on it alone. Repeating a state says nothing new and
// is ignored.
func (h *Hub) Notify(s Status) {
	h.notified.Store(true)
	h.setStatus(s)
}

// setStatus tells all sessions the status, if it is a new one.
func (h *Hub) setStatus(s Status) {
	if h.status.Swap(&s).State == s.State {
		return
	}
	h.mu.Lock()
	open := h.openLocked()
	h.mu.Unlock()
	for _, s := range open {
		s.wakeUp()
	}
}

// openLocked returns the open sessions. h.mu is held.
func (h *Hub) openLocked() []*Session {
	open := make([]*Session, 0, len(h.sessions))
	for _, s := range h.sessions {
		open = append(open, s)
	}
	return open
}

// session returns the open session of that name, or nil.
func (h *Hub) session(id string) *Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions[id]
}

// remove forgets a session that is being closed.
func (h *Hub) remove(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, s.id)
	if s.heartbeat {
		h.heart.close(s)
	}
}

// start runs f in a goroutine that Run waits for; f has to end when h.life does. It reports false, and does nothing, when the hub is
// stopping.
func (h *Hub) start(f func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.startLocked(f)
}

func (h *Hub) startLocked(f func()) bool {
	if h.closed {
		return false
	}
	h.work.Go(f)
	return true
}

// Stats counts what a hub holds and did.
type Stats struct {
	// Sessions are open, Private of them read privately; Feeds are shared readings.
	Sessions, Private, Feeds int
	// RingBytes is what all feeds keep.
	RingBytes int64
	// Joined, FellOut and Parked count how often sessions joined a feed, were left behind by one, and had their reading closed because
	// they did not ask for more.
	Joined, FellOut, Parked int64
	// HeartbeatCalls counts how often the heartbeat call to the tailer was made.
	HeartbeatCalls int64
}

// Stats returns what the hub holds now.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	open := h.openLocked()
	feeds := make([]*feed, 0, len(h.feeds))
	for _, f := range h.feeds {
		feeds = append(feeds, f)
	}
	h.mu.Unlock()
	out := Stats{
		Sessions: len(open), Feeds: len(feeds),
		Joined: h.joined.Load(), FellOut: h.fellOut.Load(), Parked: h.parked.Load(),
		HeartbeatCalls: h.heart.calls.Load(),
	}
	for _, s := range open {
		if s.private() {
			out.Private++
		}
	}
	for _, f := range feeds {
		out.RingBytes += f.kept()
	}
	return out
}

// filterKey is a text that is equal for equal filters alone.
func filterKey(f tail.Filter) string {
	if f.IsZero() {
		return ""
	}
	var b strings.Builder
	for _, list := range [][]string{f.Include, f.Exclude} {
		b.WriteString(strconv.Itoa(len(list)))
		for _, p := range list {
			b.WriteByte(',')
			b.WriteString(strconv.Itoa(len(p)))
			b.WriteByte(':')
			b.WriteString(p)
		}
		b.WriteByte(';')
	}
	return b.String()
}
