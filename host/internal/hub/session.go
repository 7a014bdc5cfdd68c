package hub

import (
	"context"

	"github.com/livetail/livetail/plugin/tail"
)

// Session is one viewer of one log. One goroutine calls Next; everything else may be called from any goroutine.
type Session struct {
	id string
}

// New returns a hub that reads from t. It works while [Hub.Run] runs.
func New(t tail.Tailer, o Options) *Hub { return &Hub{} }

// Hub brings logs to sessions. It is safe for concurrent use.
type Hub struct{}

// Run keeps the hub working until ctx is cancelled, and returns ctx's error when all that the hub started has ended. The sessions' Next
// returns [ErrClosed] then. It is called once.
func (h *Hub) Run(ctx context.Context) error { return nil }

// Open starts a session. It does not wait for the tailer: whether the log may be followed at all is what the first call of Next says.
// ctx bounds the wait for [Hub.Run] to begin, nothing else. The caller ends the session with [Session.Close].
//
// The error is [tail.ErrTooMany], [tail.ErrBadRequest] or [ErrClosed].
func (h *Hub) Open(ctx context.Context, r Request) (*Session, error) { return nil, nil }

// Notify tells all sessions how the plugin is. The hub finds out by itself that the plugin went away and came back, by its heartbeat
// call; Notify is for who knows more, above all [StateDown]. Repeating a state says nothing new and is ignored.
func (h *Hub) Notify(s Status) {}

// Stats returns what the hub holds now.
func (h *Hub) Stats() Stats { return Stats{} }

// ID is the session's name, unique in this process and unguessable.
func (s *Session) ID() string { return s.id }

// Next returns what the peer is to be sent next, waiting for it if need be. Orders ([Ping], [Dead]) come first, then replies and
// status, then content; orders do not wait for content.
//
// The error is [io.EOF] when all that was asked for has been handed out, [ErrClosed] after Close or the end of the hub, ctx's error
// when ctx is cancelled (Next may be called again then, nothing is lost), or the tailer's refusal (one of tail.Err…), which
// is final.
func (s *Session) Next(ctx context.Context) (Item, error) { return nil, nil }

// More reports whether Next would return at once, so that a writer can put several items into one system call.
func (s *Session) More() bool { return false }

// Pinged says that the [Ping] that Next handed out has been written: the time to answer runs from now.
func (s *Session) Pinged() {}

// Answered says that the peer answered a ping. An answer that nobody waits for is ignored.
func (s *Session) Answered() {}

// Wrong says that the peer said something that is no answer; [Dead] will follow.
func (s *Session) Wrong() {}

// SetFilter has the session go on with another filter at its present position: nothing is lost or doubled by the change. When it
// returns without error, no frame that Next returns from then on was made with the old filter. On an error, the old filter stays.
//
// The error is the tailer's about the filter ([tail.ErrBadRequest], [tail.ErrUnsupported]), [ErrClosed], or ctx's.
func (s *Session) SetFilter(ctx context.Context, f tail.Filter) error { return nil }

// Post queues payload, which Next will hand out as a [Reply], and waits for room in the queue. The session owns payload from then on. The
// error is [ErrClosed] or ctx's.
func (s *Session) Post(ctx context.Context, payload []byte) error { return nil }

// Position is the end of what Next has handed out: a session that starts there goes on with the very next byte. It is zero until
// something is known.
func (s *Session) Position() tail.Position { return tail.Position{} }

// Close ends the session and releases all that it holds. Next returns [ErrClosed]. It is safe to call again.
func (s *Session) Close() {}
