package tail

import (
	"fmt"
	"time"
)

// Limits of [Tailer.Scan].
const (
	// MaxMatches is the most lines that one Scan reports.
	MaxMatches = 1000
	// MaxMatchText is how much of a line a [Match] holds, in bytes.
	MaxMatchText = 1 << 10
	// MinBucket is the narrowest bucket of time that lines are counted in.
	MinBucket = time.Millisecond
)

// ScanRequest asks for what history holds: either the lines that pass a filter (Matches), or how many there are by time and level
// (Bucket).
type ScanRequest struct {
	Log string
	// At is where to begin. Zero is the end if Backward, without a last line that is not finished, and otherwise the beginning.
	At Position
	// Backward looks from newest to oldest.
	Backward bool
	// Since and Until restrict the scan to lines whose time (see [Lines].Times) is not before Since and is before Until. Zero is no bound.
	Since, Until time.Time
	// Filter says which lines are wanted.
	Filter Filter
	// Matches asks for the lines themselves, and is the most that are wanted: up to [MaxMatches].
	Matches int
	// Bucket asks for counts instead, in buckets of this width, at least [MinBucket].
	Bucket time.Duration
	// Bytes ends the scan after about so many bytes. 0 leaves it to the tailer, which also has a limit of its own.
	Bytes int64
}

// Check reports what is wrong with the request, if anything; the error is [ErrBadRequest]. Implementations call it first.
func (r ScanRequest) Check() error {
	bad := func(format string, a ...any) error { return fmt.Errorf(format+": %w", append(a, ErrBadRequest)...) }
	switch {
	case (r.Matches != 0) == (r.Bucket != 0):
		return bad("a scan is for matches or for counts, exactly one of them")
	case r.Matches < 0 || r.Matches > MaxMatches:
		return bad("%d matches are asked for, possible are 1 to %d", r.Matches, MaxMatches)
	case r.Bucket < 0 || r.Bucket > 0 && r.Bucket < MinBucket:
		return bad("a bucket of %v is asked for, possible are %v and more", r.Bucket, MinBucket)
	case r.Bytes < 0:
		return bad("%d bytes are to be looked at", r.Bytes)
	case !r.Since.IsZero() && !r.Until.IsZero() && !r.Since.Before(r.Until):
		return bad("the time to begin with is not before the time to end with")
	}
	return nil
}

// ScanReport is what a scan has found since the report before, and how far it has got. A receiver that loses the rest goes on with a
// new Scan from At: nothing is found twice, nothing is left out.
type ScanReport struct {
	// Matches are in the direction of the scan: going backward, the newest comes first.
	Matches []Match
	// Counts are to be added to those of earlier reports. A bucket may come in many reports; their order means nothing.
	Counts []Count
	// At is where to go on. Zero means that nothing is known yet.
	At Position
	// Time is that of a line near At, for display; zero if it is unknown.
	Time time.Time
	// Scanned is how many bytes have been looked at so far; Left about how many there are in this direction. Compressed generations
	// count as they stand on the disk.
	Scanned, Left int64
	// Skipped counts the generations, so far, that could not be looked through, or not to their end.
	Skipped int
	// End is set in the last report alone.
	End ScanEnd
}

// ScanEnd says why a scan has ended.
type ScanEnd int

// The ways in which a scan ends without an error.
const (
	// ScanGoesOn: another report follows.
	ScanGoesOn ScanEnd = iota
	// ScanAll: nothing more is in this direction, within the bounds of time.
	ScanAll
	// ScanMatches: as many matches as were asked for.
	ScanMatches
	// ScanLimit: enough bytes or time for one call.
	ScanLimit
)

// String returns the name of e that is used on every wire.
func (e ScanEnd) String() string {
	switch e {
	case ScanAll:
		return "all"
	case ScanMatches:
		return "matches"
	case ScanLimit:
		return "limit"
	default:
		return ""
	}
}

// Match is a line that was looked for.
type Match struct {
	At Position
	// Time is the one that the line carries; zero if it carries none.
	Time time.Time
	// Level is how severe the line is.
	Level Level
	// Text is its beginning, at most [MaxMatchText] bytes, without its line ending. Cut means that there is more.
	Text []byte
	Cut  bool
}

// Count is how many lines fall into one bucket of time.
type Count struct {
	// Start is when the bucket begins, in nanoseconds since 1970 UTC: a multiple of its width.
	Start int64
	// Lines counts by level.
	Lines [Levels]int64
}

// Level is how severe a line is, as far as its beginning tells. It is a guess, for colours and counts.
type Level int

// The levels. Levels is their number.
const (
	LevelNone Level = iota
	LevelTrace
	LevelDebug
	LevelInfo
	LevelWarn
	LevelError
	LevelFatal
	Levels
)

// String returns the name of l that is used on every wire; it is empty for [LevelNone].
func (l Level) String() string {
	if l <= LevelNone || l >= Levels {
		return ""
	}
	return [...]string{"trace", "debug", "info", "warn", "error", "fatal"}[l-1]
}
