package hub

import (
	"context"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// Renderer makes of events what the peer is sent. It is used by one goroutine at a time and may keep state from event to event, such as
// the colours that are on. Every payload has to stand by itself, because a session can go over from one renderer to another
// of the same [Rendering] between any two.
type Renderer interface {
	// RenderInto returns the payload for e; empty means that nothing is to be sent. It may be the text of e, or be appended to into, which is empty, as far
	// as that has room; or it is the caller's. It may not be memory that the renderer uses again.
	RenderInto(into []byte, e tail.Event) []byte
}

// Rendering is a way to render. Sessions with equal log, filter and Key share a feed.
type Rendering struct {
	// Key names the rendering: equal keys mean equal payloads.
	Key string
	// New makes a renderer in its initial state.
	New func() Renderer
}

// Options of a [Hub]. The zero value of each field means the default.
type Options struct {
	// RingBytes is how much a feed keeps for its members, in bytes of memory; default 4 MiB. A member that lags by more reads privately.
	RingBytes int
	// Linger is how long a feed outlives its last member; default 5 s.
	Linger time.Duration
	// HeartbeatInterval and HeartbeatTimeout are the time between two pings of a session, and the time to answer one; default 10 s and
	// 5 s.
	HeartbeatInterval, HeartbeatTimeout time.Duration
	// MaxSessions bounds the sessions that are open at once; default 20,000. One more is refused with [tail.ErrTooMany].
	MaxSessions int
	// MaxFeeds bounds the feeds that exist at once; default 1,000. Sessions that would need one more go on reading privately.
	MaxFeeds int
	// MaxReplies bounds the replies that wait in one session; default 4. [Session.Post] waits for room.
	MaxReplies int
	// MaxCatchUps bounds how many private readings start at the same time, so that ten thousand peers who reconnect at once are
	// served one after the other; default 256.
	MaxCatchUps int
	// Park is how long a private reading is kept open for a session that does not ask for more; default 1 s. Then it is
	// closed, so that a stalled peer holds no stream, and opened again at the session's position when it asks.
	Park time.Duration
	// Coalesce bounds how long a feed holds back lines while its members are still busy with those before; default 20 ms. It never
	// holds back anything while at least half of the members wait.
	Coalesce time.Duration
}

// Request says what a session wants.
type Request struct {
	// Log, Start, Follow, Wait and Filter are as in [tail.FollowRequest].
	Log          string
	Start        tail.Start
	Follow, Wait bool
	Filter       tail.Filter
	// Left is how far the peer has read the generations that it left before Start, which is a position then; see [tail.FollowRequest].
	Left []tail.Position
	// Rendering says how events become payloads.
	Rendering Rendering
	// Heartbeat has the session pinged.
	Heartbeat bool
	// Within makes the context of what the session reads one that says what that is part of, such as a trace; it does not end it. Nil leaves it
	// as it is.
	Within func(context.Context) context.Context
}

// filled returns o with the defaults in place.
func (o Options) filled() Options {
	o.RingBytes = positive(o.RingBytes, 4<<20)
	o.Linger = positive(o.Linger, 5*time.Second)
	o.HeartbeatInterval = positive(o.HeartbeatInterval, 10*time.Second)
	o.HeartbeatTimeout = positive(o.HeartbeatTimeout, 5*time.Second)
	o.MaxSessions = positive(o.MaxSessions, 20_000)
	o.MaxFeeds = positive(o.MaxFeeds, 1000)
	o.MaxReplies = positive(o.MaxReplies, 4)
	o.MaxCatchUps = positive(o.MaxCatchUps, 256)
	o.Park = positive(o.Park, time.Second)
	o.Coalesce = positive(o.Coalesce, 20*time.Millisecond)
	return o
}

// positive returns v, or otherwise if v is not positive.
func positive[N ~int | ~int64](v, otherwise N) N {
	if v > 0 {
		return v
	}
	return otherwise
}
