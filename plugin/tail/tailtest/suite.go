package tailtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// Log is a log of the tailer under test, as its writer and rotator see it. It does not exist before the first Append. A method that
// cannot do its work ends the test.
//
// Three more methods are used if the Log has them: Forbidden() string names a log that may not be followed; Truncate() empties
// the live generation in place; and Reads(text string) string says how what was appended reads, for a tailer that delivers other text
// than what is stored, so that positions and sizes do not count the bytes of the text.
type Log interface {
	// Name is the name to follow the log by.
	Name() string
	// Append writes text as it is, which may end in the middle of a line.
	Append(text string)
	// Rotate begins a new generation. The old one stays readable.
	Rotate()
}

// Run proves that a tailer keeps the contract. newTailer makes a tailer and a log of it for one test each, and leaves it to
// t.Cleanup to end them. What the tailer does not name in its capabilities has to be answered with [tail.ErrUnsupported].
func Run(t *testing.T, newTailer func(t *testing.T) (tail.Tailer, Log)) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"Info", testInfo},
		{"List", testList},
		{"LastLines", testLastLines},
		{"LastLinesOverRotations", testLastLinesOverRotations},
		{"WithoutFollowEndsAfterCaughtUp", testEnds},
		{"FollowDeliversWhatIsWritten", testFollow},
		{"LineWrittenInPartsComesWhole", testParts},
		{"FollowOverRotations", testRotations},
		{"LastLineWithoutNewlineIsNotGluedToTheNextGeneration", testUnterminated},
		{"BytesComeAsTheyStand", testBytes},
		{"LongLineComesInPieces", testLongLine},
		{"ResumeAtEveryPositionGivesEveryLineOnce", testResume},
		{"SlowReaderLosesNothing", testSlowReader},
		{"ConcurrentFollowersSeeTheSame", testConcurrent},
		{"Truncated", testTruncated},
		{"WaitForALog", testWait},
		{"UnknownLog", testUnknown},
		{"ForbiddenLog", testForbidden},
		{"BadRequests", testBadRequests},
		{"PositionThatIsGone", testPositionGone},
		{"CancelledContext", testCancel},
		{"BreakEndsTheWork", testBreak},
		{"Pages", testPages},
		{"PagesOfLongLines", testLongPages},
		{"Filter", testFilter},
		{"Times", testTimes},
		{"ScanFindsLines", testScanMatches},
		{"ScanCountsLines", testScanCounts},
		{"ScanRefuses", testScanRefuses},
		{"Diagnose", testDiagnose},
		{"Heartbeat", testHeartbeat},
		{"HeartbeatEndsWithItsInput", testHeartbeatEnds},
		{"Metrics", testMetrics},
	} {
		t.Run(c.name, func(t *testing.T) {
			tailer, log := newTailer(t)
			c.test(t, &suite{t: t, tailer: tailer, log: log})
		})
	}
}

// deadline bounds each wait of the suite. It is far longer than anything takes, for slow machines.
const deadline = 30 * time.Second

// suite is one test of the suite.
type suite struct {
	t      *testing.T
	tailer tail.Tailer
	log    Log
}

func (s *suite) context() context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), deadline)
	s.t.Cleanup(cancel)
	return ctx
}

// can reports whether the tailer has a capability.
func (s *suite) can(capability string) bool {
	s.t.Helper()
	info, err := s.tailer.Info(s.context())
	if err != nil {
		s.t.Fatalf("Info: %v", err)
	}
	return slices.Contains(info.Capabilities, capability)
}

// reads returns how text reads that was appended, and whether positions count the bytes of the text.
func (s *suite) reads(text string) (read string, raw bool) {
	if l, ok := s.log.(interface{ Reads(text string) string }); ok {
		return l.Reads(text), false
	}
	return text, true
}

// stream is what a Follow yielded.
type stream struct {
	events []tail.Event
	text   []byte // of all lines
	caught int    // how often it was caught up
}

// follow follows until done says so after an event, or to the end if done is nil; and checks each event on the way.
func (s *suite) follow(req tail.FollowRequest, done func(*stream) bool) (*stream, error) {
	s.t.Helper()
	if req.Log == "" {
		req.Log = s.log.Name()
	}
	req.Follow = done != nil
	out := &stream{}
	check := &checker{filtered: !req.Filter.IsZero()}
	for e, err := range s.tailer.Follow(s.context(), req) {
		if err != nil {
			return out, err
		}
		if err := check.event(e); err != nil {
			s.t.Fatalf("%s: %v", req.Start, err)
		}
		out.add(e)
		if done != nil && done(out) {
			break
		}
	}
	return out, nil
}

func (out *stream) add(e tail.Event) {
	switch e := e.(type) {
	case tail.Lines:
		out.text = append(out.text, e.Text...)
		e.Text, e.Offsets, e.Times = bytes.Clone(e.Text), slices.Clone(e.Offsets), slices.Clone(e.Times)
		out.events = append(out.events, e)
		return
	case tail.CaughtUp:
		out.caught++
	}
	out.events = append(out.events, e)
}

// read is follow to the end, which must work.
func (s *suite) read(start tail.Start) *stream {
	s.t.Helper()
	out, err := s.follow(tail.FollowRequest{Start: start}, nil)
	if err != nil {
		s.t.Fatalf("Follow from %s: %v", start, err)
	}
	return out
}

func (s *suite) wantText(start tail.Start, want string) {
	s.t.Helper()
	if got := string(s.read(start).text); got != want {
		s.t.Errorf("from %s: got %s, want %s", start, brief(got), brief(want))
	}
}

func (s *suite) wantError(what string, err, want error) {
	s.t.Helper()
	if !errors.Is(err, want) {
		s.t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

// checker holds events to what is true of all of them.
type checker struct {
	at       tail.Position // where the stream has come to
	filtered bool
	piece    bool // in the middle of a long line
}

func (c *checker) event(e tail.Event) error {
	switch e := e.(type) {
	case tail.Lines:
		if err := c.lines(e); err != nil {
			return fmt.Errorf("%T from %s to %s: %w", e, e.Start, e.End, err)
		}
		return c.move(e.Start, e.End)
	case tail.Late:
		return nil
	case tail.Boundary:
		if e.How == 0 || e.Order == 0 {
			return fmt.Errorf("a boundary without how or order: %+v", e)
		}
		return c.move(e.From, e.To)
	case tail.Truncated:
		return c.move(e.From, e.To)
	case tail.Gap:
		if e.Cause == 0 {
			return fmt.Errorf("a gap without a cause: %+v", e)
		}
		if !e.Before.IsZero() {
			c.at = e.Before
		}
		return nil
	case tail.CaughtUp:
		return c.move(e.At, e.At)
	default:
		return fmt.Errorf("unknown event %T", e)
	}
}

// move checks that the stream goes on at from.
func (c *checker) move(from, to tail.Position) error {
	for _, p := range []tail.Position{from, to} {
		if q, err := tail.ParsePosition(p.String()); err != nil || q != p {
			return fmt.Errorf("position %q does not survive its text form: %w", p, err)
		}
	}
	skipped := c.filtered && c.at.Generation == from.Generation && c.at.Offset <= from.Offset
	if !c.at.IsZero() && !c.at.Same(from) && !skipped {
		return fmt.Errorf("the stream was at %s and goes on at %s", c.at, from)
	}
	c.at = to
	return nil
}

func (c *checker) lines(e tail.Lines) error {
	lines := split(e.Text)
	switch {
	case e.Start.Generation != e.End.Generation || e.Start.Offset > e.End.Offset:
		return errors.New("the end does not follow the start")
	case len(e.Text) > tail.MaxBatch:
		return fmt.Errorf("%d bytes, more than a batch may have", len(e.Text))
	case e.Offsets == nil && int64(len(e.Text)) != e.End.Offset-e.Start.Offset:
		return fmt.Errorf("%d bytes of text without offsets", len(e.Text))
	case e.Offsets != nil && len(e.Offsets) != len(lines):
		return fmt.Errorf("%d offsets for %d lines", len(e.Offsets), len(lines))
	case !slices.IsSorted(e.Offsets):
		return errors.New("offsets are not in order")
	case len(e.Offsets) > 0 && int64(e.Offsets[len(e.Offsets)-1]) > e.End.Offset-e.Start.Offset:
		return errors.New("an offset after the end")
	case e.Piece != tail.PieceNone && len(e.Text) > tail.MaxPiece:
		return fmt.Errorf("a piece of %d bytes", len(e.Text))
	case e.Piece == tail.PieceFirst && c.piece, (e.Piece == tail.PieceNone) && c.piece:
		return errors.New("the long line before is not at its end")
	}
	for _, l := range lines {
		if len(l) > tail.MaxPiece {
			return fmt.Errorf("a line of %d bytes in one", len(l))
		}
	}
	c.piece = e.Piece == tail.PieceFirst || e.Piece == tail.PieceMiddle
	return nil
}

// split returns the lines of text with their line endings.
func split(text []byte) [][]byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if n := len(lines); len(lines[n-1]) == 0 {
		lines = lines[:n-1]
	}
	return lines
}

// numbered returns lines from first to last, each with its number.
func numberedLines(first, last int) string {
	var b strings.Builder
	for i := first; i <= last; i++ {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	return b.String()
}

// brief makes a long text fit for a message.
func brief(s string) string {
	if len(s) <= 300 {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q … %q (%d bytes)", s[:120], s[len(s)-120:], len(s))
}
