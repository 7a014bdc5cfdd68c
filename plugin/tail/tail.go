package tail

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// Limits that both sides of the contract hold.
const (
	// MaxBatch is the most bytes of text in one [Lines] event.
	MaxBatch = 256 << 10
	// MaxPiece is the longest line that is delivered whole, in bytes; a longer one comes in pieces of at most this size.
	MaxPiece = 64 << 10
	// MaxPageLines is the most lines that one [Tailer.Read] returns.
	MaxPageLines = 10_000
	// MaxPath is the longest name of a log, in bytes.
	MaxPath = 4096
)

// Capabilities that a tailer may name in [Info]. What is not named is answered with [ErrUnsupported].
const (
	// CapabilityFilter: FollowRequest.Filter and ReadRequest.Filter are honoured.
	CapabilityFilter = "filter"
	// CapabilityTime: [StartAtTime], ReadRequest.AtTime, FollowRequest.Times and ReadRequest.Times are honoured.
	CapabilityTime = "time"
	// CapabilityHistory: rotated generations are read, also compressed ones.
	CapabilityHistory = "history"
	// CapabilityScan: [Tailer.Scan] works, filters and bounds of time included.
	CapabilityScan = "scan"
	// CapabilityDiagnose: [Tailer.Diagnose] is answered.
	CapabilityDiagnose = "diagnose"
	// CapabilityMetrics: the tailer is a [Meter].
	CapabilityMetrics = "metrics"
)

// Tailer follows logs. An implementation is safe for concurrent use.
//
// The errors that a caller may decide on are the Err… values of this package, to be tested with [errors.Is]; they arrive as
// themselves on the other side of a process border.
type Tailer interface {
	// Info says who the tailer is and what it can do.
	Info(ctx context.Context) (Info, error)

	// List yields the logs that may be followed, in order of path. The sequence ends with the first error.
	List(ctx context.Context, req ListRequest) iter.Seq2[Entry, error]

	// Follow yields the events of one log. The sequence ends after the first error, when what was asked for has been delivered, or
	// when ctx is cancelled (then with ctx's error).
	Follow(ctx context.Context, req FollowRequest) iter.Seq2[Event, error]

	// Read returns one page of history.
	Read(ctx context.Context, req ReadRequest) (Page, error)

	// Scan looks through history and reports what it finds as it finds it, at least once a second. The sequence ends after the report
	// whose End is set, after the first error, or when ctx is cancelled (then with ctx's error). It needs [CapabilityScan].
	Scan(ctx context.Context, req ScanRequest) iter.Seq2[ScanReport, error]

	// Diagnose says why a log shows what it shows, or nothing, and what to do about it. A log that does not exist is a finding, not an
	// error; one that is not allowed is [ErrNotAllowed], whether or not it exists. With an empty name the report is about the tailer and its
	// surroundings. It needs [CapabilityDiagnose].
	Diagnose(ctx context.Context, log string) (Report, error)

	// Heartbeat decides, from what the sessions of a host do, who is to be pinged and who is dead. It ends when in ends or ctx is
	// cancelled. One call serves all sessions of a host.
	Heartbeat(ctx context.Context, in iter.Seq[Beat]) iter.Seq2[Order, error]
}

// Info describes a tailer.
type Info struct {
	// Name is the short name of the tailer, e.g. "filetail".
	Name string
	// Version is the version of the tailer.
	Version string
	// Roots are the prefixes below which logs can be followed; for display.
	Roots []string
	// Capabilities are the Capability… constants that apply.
	Capabilities []string
}

// ListRequest asks for logs.
type ListRequest struct {
	// Prefix restricts the answer to this path and what lies below it; empty means everything.
	Prefix string
	// Limit is the most entries wanted; 0 leaves it to the tailer.
	Limit int
}

// Entry is a log that may be followed.
type Entry struct {
	// Log is the name to follow it by: for files, the absolute path.
	Log string
	// Size is that of the live generation, in bytes.
	Size int64
	// Modified is when the live generation was last written; zero if unknown.
	Modified time.Time
	// Generations counts the generations that exist, the live one included; 0 if they were not counted.
	Generations int
}

// MaxLeft is the most generations that [FollowRequest].Left names; the latest count.
const MaxLeft = 16

// FollowRequest asks for the events of one log.
type FollowRequest struct {
	Log string
	// Start says where to begin; the zero value is the live end.
	Start Start
	// Follow goes on with new lines after the end; otherwise the sequence ends there, after [CaughtUp].
	Follow bool
	// Wait waits for a log that does not exist yet; otherwise that is [ErrNotFound].
	Wait bool
	// Filter says which lines are wanted; the zero value wants all.
	Filter Filter
	// Times asks for [Lines].Times. It needs [CapabilityTime].
	Times bool
	// Left is how far the reader has read generations that it left a short while ago, in another call; the latest last. What was written to
	// them since, and is written now, comes as [Late], as if this call had left them. It matters only with Follow. A tailer that knows
	// nothing of late lines ignores it, and so does a plugin that was built before there was such a field. There are no more than [MaxLeft].
	Left []Position
}

// Start is where a Follow begins. The zero value is the live end.
type Start struct {
	kind     startKind
	lines    int64
	position Position
	time     time.Time
}

type startKind int

const (
	startEnd startKind = iota
	startLastLines
	startPosition
	startTime
	startBeginning
)

// StartAtEnd begins with what is written from now on.
func StartAtEnd() Start { return Start{} }

// StartAtLastLines begins n lines before the end, in as many generations as that takes; fewer if there are not so many.
func StartAtLastLines(n int64) Start { return Start{kind: startLastLines, lines: n} }

// StartAtPosition begins with the byte at p.
func StartAtPosition(p Position) Start { return Start{kind: startPosition, position: p} }

// StartAtTime begins with the first line whose own time is t or later. It needs [CapabilityTime].
func StartAtTime(t time.Time) Start { return Start{kind: startTime, time: t} }

// StartAtBeginning begins with the first byte of the oldest generation.
func StartAtBeginning() Start { return Start{kind: startBeginning} }

// LastLines reports whether s is a [StartAtLastLines], and its number.
func (s Start) LastLines() (n int64, ok bool) { return s.lines, s.kind == startLastLines }

// Position reports whether s is a [StartAtPosition], and its position.
func (s Start) Position() (p Position, ok bool) { return s.position, s.kind == startPosition }

// Time reports whether s is a [StartAtTime], and its time.
func (s Start) Time() (t time.Time, ok bool) { return s.time, s.kind == startTime }

// Beginning reports whether s is [StartAtBeginning].
func (s Start) Beginning() bool { return s.kind == startBeginning }

// End reports whether s is [StartAtEnd].
func (s Start) End() bool { return s.kind == startEnd }

// String describes s for people.
func (s Start) String() string {
	switch s.kind {
	case startLastLines:
		return fmt.Sprintf("last %d lines", s.lines)
	case startPosition:
		return "position " + s.position.String()
	case startTime:
		return "time " + s.time.Format(time.RFC3339Nano)
	case startBeginning:
		return "beginning"
	default:
		return "end"
	}
}

// Filter says which lines are wanted: those that match any Include (or all, if there is none) and no Exclude. The patterns are
// regular expressions in RE2 syntax, matched against the line without its line ending.
type Filter struct {
	Include, Exclude []string
}

// IsZero reports whether f lets every line pass.
func (f Filter) IsZero() bool { return len(f.Include) == 0 && len(f.Exclude) == 0 }

// ReadRequest asks for a page of history.
type ReadRequest struct {
	Log string
	// At is the position to read from; its byte is the first of a forward page and the one after a backward page.
	At Position
	// AtTime, unless it is zero, stands in for At: the start of the first line whose time (see [Lines].Times) is not before it, or the
	// live end if there is none. It needs [CapabilityTime].
	AtTime time.Time
	// Backward reads what comes before At, otherwise what comes after it. Either way the page is in the order of the log.
	Backward bool
	// Lines is the most lines wanted, from 1 to [MaxPageLines].
	Lines int
	// Filter says which lines are wanted.
	Filter Filter
	// Times asks for [Lines].Times. It needs [CapabilityTime].
	Times bool
}

// Page is a stretch of history.
type Page struct {
	// Events are [Lines], [Boundary], [Truncated] and [Gap] events, in the order of the log.
	Events []Event
	// Start and End are what was looked at, whether or not lines passed the filter; read on from either.
	Start, End Position
	// AtBeginning means that nothing comes before Start; AtEnd, that nothing comes after End now.
	AtBeginning, AtEnd bool
}

// Beat is what a session of the host did.
type Beat struct {
	Kind BeatKind
	// Session is the host's name for the session, unique within one Heartbeat call.
	Session string
	// Interval and Timeout come with [BeatOpened]: the time between pings, and the time to answer one. Zero means the tailer's
	// default, 10 s and 5 s.
	Interval, Timeout time.Duration
}

// BeatKind says what a session did.
type BeatKind int

// The kinds of [Beat].
const (
	// BeatOpened: watch this session from now on.
	BeatOpened BeatKind = iota + 1
	// BeatPinged: the ordered ping has been written to the peer; the time to answer runs from now.
	BeatPinged
	// BeatAnswered: the peer answered the ping.
	BeatAnswered
	// BeatWrong: the peer said something that is no answer.
	BeatWrong
	// BeatClosed: the session is over.
	BeatClosed
)

// Order is what the host is to do about a session.
type Order struct {
	Kind OrderKind
	// Session is the one that the order is about; empty with [OrderAlive].
	Session string
}

// OrderKind says what is to be done.
type OrderKind int

// The kinds of [Order].
const (
	// OrderAlive says that the tailer itself lives. It comes every second while nothing else does.
	OrderAlive OrderKind = iota + 1
	// OrderPing: send a ping now, then say [BeatPinged].
	OrderPing
	// OrderDeadSilent: end the session, it did not answer in time. The tailer has forgotten it.
	OrderDeadSilent
	// OrderDeadWrong: end the session, it answered wrongly. The tailer has forgotten it.
	OrderDeadWrong
)
