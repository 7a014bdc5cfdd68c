package tail

// Event is something that happened to a log, at its place in the stream: [Lines], [Boundary], [Truncated], [Gap], [Late] or
// [CaughtUp]. No other type implements it. A receiver skips events that it does not know.
type Event interface{ isEvent() }

// Lines is a batch of whole lines of one generation.
type Lines struct {
	// Start and End are the bytes covered, what the filter left out included.
	Start, End Position
	// Text is the lines, each with its line ending as it stands in the file. Only the last line of a generation may lack one.
	Text []byte
	// Offsets says where each line begins, as a distance from Start.Offset. Nil means that Text is the bytes of the generation from
	// Start to End themselves.
	Offsets []uint32
	// Piece is set if the batch is a piece of one long line instead of whole lines.
	Piece Piece
	// Times is the time of each line, in nanoseconds since 1970 UTC; nil unless it was asked for. It is the line's own time where it has
	// one, else that of the line before, and grows from line to line by at least a nanosecond within a generation, so that it orders
	// lines and tells them apart. It does not depend on where the reading began, as far as the tailer can tell. The pieces of a long
	// line have the same time.
	Times []int64
}

// Piece says which part of a long line a batch holds.
type Piece int

// The parts of a long line.
const (
	// PieceNone: the batch holds whole lines.
	PieceNone Piece = iota
	PieceFirst
	PieceMiddle
	PieceLast
)

// Boundary says that the log goes on in another generation.
type Boundary struct {
	// From is the end of the old generation, To the start of the new one.
	From, To Position
	// How it came about.
	How How
	// Order says how it is known that the one follows the other.
	Order ChainOrder
	// Name is the file name under which the old generation was last seen; for display, may be empty.
	Name string
}

// How says what made a new generation.
type How int

// The ways in which a log gets a new generation.
const (
	// HowRenamed: the file was renamed and another created in its place.
	HowRenamed How = iota + 1
	// HowDeleted: the file was deleted and another created in its place.
	HowDeleted
	// HowReplaced: another file was renamed over it.
	HowReplaced
	// HowCopied: the rest of a truncated file goes on in the copy that was made of it.
	HowCopied
	// HowSwitched: a symbolic link points to another file now.
	HowSwitched
)

// ChainOrder says how the order of two generations is known.
type ChainOrder int

// The kinds of evidence for an order.
const (
	// OrderObserved: it was seen as it happened.
	OrderObserved ChainOrder = iota + 1
	// OrderInferred: it was concluded from names, times and content.
	OrderInferred
)

// Truncated says that the file was emptied or rewritten in place, and that a new generation begins on it.
type Truncated struct {
	// From is where reading of the old content had come to, To the start of the new generation.
	From, To Position
}

// Gap is a declared hole in the stream. Counts that are nil are unknown, which is not zero.
type Gap struct {
	Cause Cause
	// Certain means that something is missing; otherwise something may be missing, which nobody can know.
	Certain bool
	// After and Before are the positions either side; a side that is unknown is zero. Before may also be zero when a [Boundary] or
	// [Truncated] follows, which then says where the log goes on. So a receiver takes its position from Lines.End, Boundary.To,
	// Truncated.To, CaughtUp.At, or from Before if that is set.
	After, Before Position
	// Generations, Bytes and Lines say how much is missing; MinBytes, how much at the least.
	Generations, Bytes, MinBytes, Lines *int64
	// Evidence is what was seen, one fact each, for people.
	Evidence []string
}

// Cause says why something is missing.
type Cause int

// The causes of a [Gap].
const (
	// CauseDeleted: a generation was deleted before it could be opened.
	CauseDeleted Cause = iota + 1
	// CauseOverwritten: a generation was overwritten by a rename before it could be opened.
	CauseOverwritten
	// CauseTruncated: a file was emptied before it was read to the end, and no copy of the rest was found.
	CauseTruncated
	// CauseCopyWindow: what copytruncate destroyed between its last read and the truncation; never certain.
	CauseCopyWindow
	// CauseEvicted: it was held longer than the budget for held files allows.
	CauseEvicted
	// CauseCorrupt: a compressed generation is damaged.
	CauseCorrupt
	// CauseDown: it was destroyed while the tailer was not running.
	CauseDown
	// CauseStale: a network file system took the file away.
	CauseStale
	// CauseUnreadable: reading failed, or permission is missing.
	CauseUnreadable
	// CauseHole: bytes that were never written (NUL) have been skipped.
	CauseHole
	// CauseOverrun: the source itself dropped lines.
	CauseOverrun
)

// String returns the name of c that is used on every wire and in every metric.
func (c Cause) String() string {
	switch c {
	case CauseDeleted:
		return "deleted"
	case CauseOverwritten:
		return "overwritten"
	case CauseTruncated:
		return "truncated"
	case CauseCopyWindow:
		return "copy_window"
	case CauseEvicted:
		return "evicted"
	case CauseCorrupt:
		return "corrupt"
	case CauseDown:
		return "down"
	case CauseStale:
		return "stale"
	case CauseUnreadable:
		return "unreadable"
	case CauseHole:
		return "hole"
	case CauseOverrun:
		return "overrun"
	default:
		return "unknown"
	}
}

// Late is lines that were written to a generation after the log had gone on to the next one.
type Late struct{ Lines }

// CaughtUp says that everything there was has been delivered. It comes each time that the end is reached anew.
type CaughtUp struct{ At Position }

func (Lines) isEvent()     {}
func (Boundary) isEvent()  {}
func (Truncated) isEvent() {}
func (Gap) isEvent()       {}
func (CaughtUp) isEvent()  {}

// String returns the name of h that is used on every wire.
func (h How) String() string {
	switch h {
	case HowRenamed:
		return "renamed"
	case HowDeleted:
		return "deleted"
	case HowReplaced:
		return "replaced"
	case HowCopied:
		return "copied"
	case HowSwitched:
		return "switched"
	default:
		return "unknown"
	}
}

// String returns the name of o that is used on every wire.
func (o ChainOrder) String() string {
	switch o {
	case OrderObserved:
		return "observed"
	case OrderInferred:
		return "inferred"
	default:
		return "unknown"
	}
}
