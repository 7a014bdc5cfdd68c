package hub

import (
	"sync"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// Item is what [Session.Next] hands out: [*Frame], [Ping], [Dead], [Reply] or [Status]. No other type implements it.
type Item interface{ isItem() }

// Frame is a stretch of the log, ready to be sent. Sessions share it, so it is read-only; it may be used until the session's next call of
// Next.
type Frame struct {
	// Event is what happened to the log.
	Event tail.Event
	// Payload is what the session's [Renderer] made of it, never empty.
	Payload []byte
	// Arrived is when the first byte of it came to the host, for measuring; a batch of several events has the time of the first.
	Arrived time.Time

	shared   bool
	memory   *memory       // where a large frame stands; see there
	end      tail.Position // where a session is that has got it; zero if it leaves the position alone
	size     int           // what it counts in a ring, in bytes
	total    int64         // size of all frames of the feed up to and with this one
	text     int64         // bytes of text of the feed up to and with this one
	once     sync.Once
	prepared any
}

// Shared reports whether other sessions may get the same frame, so that [Frame.Prepared] pays.
func (f *Frame) Shared() bool { return f.shared }

// Lasting reports whether the payload stays as it is even after the session's next call of Next.
func (f *Frame) Lasting() bool { return f.shared && f.memory == nil }

// Prepared returns what build made of the payload when Prepared was first called for this frame, by any session. It is the place for a
// form of the payload that is costly to make and the same for all, such as a framed message. All callers have to pass the same build,
// and build must not keep the payload itself, but may keep a copy.
func (f *Frame) Prepared(build func(payload []byte) any) any {
	f.once.Do(func() { f.prepared = build(f.Payload) })
	return f.prepared
}

// Ping orders a ping to the peer. Write it, then call [Session.Pinged].
type Ping struct {
	// Behind is how many bytes of text wait for the session, as far as is known without asking; -1 while it reads privately and has not
	// caught up.
	Behind int64
}

// Dead orders the end of the session, because its peer did not answer a ping.
type Dead struct {
	// Wrong means that the peer answered something that is no answer, otherwise it was silent.
	Wrong bool
}

// Reply is a message that was queued with [Session.Post].
type Reply struct{ Payload []byte }

// Status says how the plugin behind the hub is. Content may stall while it is not up; nothing is lost by that.
type Status struct {
	// State is one of the State… constants.
	State string
}

// The states of a [Status].
const (
	// StateUp: the plugin works.
	StateUp = "up"
	// StateRestarting: the plugin went away and is being started again.
	StateRestarting = "restarting"
	// StateDown: the plugin could not be started repeatedly; it is still tried, slowly.
	StateDown = "down"
)

func (*Frame) isItem() {}
func (Ping) isItem()   {}
func (Dead) isItem()   {}
func (Reply) isItem()  {}
func (Status) isItem() {}
