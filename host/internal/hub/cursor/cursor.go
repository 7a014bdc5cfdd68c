// Package cursor knows where a reader of a log is, and how it goes on in another Follow call so that nothing is lost, doubled or mislabelled:
// after the plugin was restarted, and when a session changes between its own reading and a shared one.
package cursor

import (
	"bytes"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// Cursor is the place up to which a reader has got the events of a log. The zero value is a reader that has got nothing. It is not safe for
// concurrent use.
type Cursor struct {
	pos      tail.Position
	moved    bool          // an event has moved the position, and none has come since that did not
	inLine   bool          // the last piece of a long line is still to come
	caughtUp bool          // the last event was a CaughtUp
	gap      *tail.Gap     // the last event was this gap, which left the position alone
	resumed  bool          // no event that moves has come since Resume
	left     []leftAt      // the generations that the reader has left, the newest last; never changed in place
	heard    time.Duration // when the last event came, since started; 0 before the first
}

// leftAt is how far a generation has been read that the reader has left, and when that was.
type leftAt struct {
	tail.Position
	at time.Duration // since started, which takes less room than a time
}

var started = time.Now()

// maxLeft is how many generations are remembered that a reader has left. Tailers look for late lines in no more than that.
const maxLeft = 32

// lately is for how long after it was left late lines are looked for in a generation.
const lately = time.Minute

// Position is the end of what the reader has got; zero if that is not known.
func (c *Cursor) Position() tail.Position { return c.pos }

// CaughtUp reports whether the last event was [tail.CaughtUp].
func (c *Cursor) CaughtUp() bool { return c.caughtUp }

// Settled reports whether the position alone says what the reader has got. It does not right after an event that takes no room in the
// log, such as a gap of unknown extent: another reader at the same position may have got it or not.
func (c *Cursor) Settled() bool { return !c.pos.IsZero() && c.moved }

// Advance notes that the reader has got e, which has just come.
func (c *Cursor) Advance(e tail.Event) { c.AdvanceAt(e, time.Now()) }

// AdvanceAt notes that the reader has got e, which came at a time: a reader that lags behind a shared reading gets it later.
func (c *Cursor) AdvanceAt(e tail.Event, came time.Time) {
	if at := came.Sub(started); c.heard == 0 || at > c.heard {
		c.heard = at
	}
	if at, ok := e.(tail.CaughtUp); ok {
		c.caughtUp = true
		p := at.At
		backwards := p.Generation == c.pos.Generation && p.Offset <= c.pos.Offset
		if p.IsZero() || backwards {
			return
		}
		// It is at the end, so it has got all that comes before, whatever that was: a filter may have left out the last lines.
		c.pos, c.moved, c.gap = p, true, nil
		return
	}
	c.caughtUp = false
	if late, ok := e.(tail.Late); ok {
		// It has no place among positions: what it changes is how far a generation has been read that was left.
		c.leave(late.End)
		return
	}
	if g, ok := e.(tail.Gap); ok && c.behind(g) {
		c.leave(g.After.Add(*g.MinBytes))
		return
	}
	c.gap = nil
	old := c.pos
	switch e := e.(type) {
	case tail.Lines:
		c.inLine = e.Piece == tail.PieceFirst || e.Piece == tail.PieceMiddle
		c.pos = e.End
	case tail.Boundary:
		c.leave(e.From)
		c.pos = e.To
	case tail.Truncated:
		c.pos = e.To
	case tail.Gap:
		if !e.Before.IsZero() {
			if e.Before.Generation != old.Generation {
				c.leave(old)
			}
			c.pos = e.Before
		}
		if e.Before.IsZero() || e.Before.Same(old) || e.Before.Same(e.After) {
			c.gap = &e
		}
	}
	if c.pos.IsZero() {
		c.pos = old
	}
	c.moved = !c.pos.Same(old) && c.gap == nil
	if c.moved {
		c.resumed = false
		if c.pos.Generation != old.Generation && !old.IsZero() {
			c.inLine = false
		}
	}
}

// behind reports whether g is about a generation that the reader has left: late lines are missing there.
func (c *Cursor) behind(g tail.Gap) bool {
	_, left := c.Left(g.After.Generation)
	return left && g.MinBytes != nil && g.Before.IsZero() && g.After.Generation != c.pos.Generation
}

// leave notes that a generation that is not the present one has been read up to p.
func (c *Cursor) leave(p tail.Position) {
	if p.IsZero() {
		return
	}
	this := leftAt{p, c.heard}
	left := make([]leftAt, 0, len(c.left)+1)
	for _, l := range c.left {
		if l.Generation != p.Generation {
			left = append(left, l)
			continue
		}
		if this.at = l.at; l.Offset > p.Offset {
			this.Position = l.Position
		}
	}
	if left = append(left, this); len(left) > maxLeft {
		left = left[1:]
	}
	c.left = left
}

// Passed notes that what came late up to p will not be got any more.
func (c *Cursor) Passed(p tail.Position) { c.leave(p) }

// Left says how far the reader has read a generation that it has left; it is not ok for one that it has never been in, or long ago.
func (c *Cursor) Left(generation string) (p tail.Position, ok bool) {
	for _, l := range c.left {
		if l.Generation == generation {
			return l.Position, true
		}
	}
	return tail.Position{}, false
}

// Lately is how far the reader has read the generations that it has left within the minute before the last event that it has got, the newest last: what
// another Follow call that goes on here is to be told, in its FollowRequest.Left. How long the reader has been away since does not matter.
func (c *Cursor) Lately() []tail.Position {
	var left []tail.Position
	for _, l := range c.left {
		if c.heard == 0 || c.heard-l.at < lately {
			left = append(left, l.Position)
		}
	}
	return left[max(0, len(left)-tail.MaxLeft):]
}

// Recall notes how far the reader has read generations that it left before all that this cursor knows of, the newest last. Late lines are looked for in
// them for a minute from now on.
func (c *Cursor) Recall(left []tail.Position) {
	now := time.Since(started)
	known := make([]leftAt, 0, len(left)+len(c.left))
	for _, p := range left {
		if _, ok := c.Left(p.Generation); !ok && !p.IsZero() {
			known = append(known, leftAt{p, now})
		}
	}
	known = append(known, c.left...)
	c.left = known[max(0, len(known)-maxLeft):]
}

// AllLeft is how far the reader has read each generation that it has left and remembers.
func (c *Cursor) AllLeft() []tail.Position {
	left := make([]tail.Position, len(c.left))
	for i, l := range c.left {
		left[i] = l.Position
	}
	return left
}

// Begin notes that e is the first event that the reader was given, although it has not got it yet: another Follow call is to begin with
// it too. It does nothing once the reader has got something.
func (c *Cursor) Begin(e tail.Event) {
	if !c.pos.IsZero() {
		return
	}
	switch e := e.(type) {
	case tail.Lines:
		c.pos = e.Start
	case tail.Boundary:
		c.pos = e.From
	case tail.Truncated:
		c.pos = e.From
	case tail.Gap:
		c.pos = e.After
	case tail.CaughtUp:
		c.pos = e.At
	}
	c.moved = !c.pos.IsZero()
}

// Start says where another Follow call has to begin to go on here; first is what the reader asked for originally, which holds as long
// as it has got nothing.
func (c *Cursor) Start(first tail.Start) tail.Start {
	if c.pos.IsZero() {
		return first
	}
	return tail.StartAtPosition(c.pos)
}

// Resume says that the next events come from another Follow call, which began at [Cursor.Start].
func (c *Cursor) Resume() { c.resumed = true }

// Fit makes e, which was read next, fit to what the reader has got: what it has got already is left out (first is nil), and the rest of
// a long line that a new Follow call delivers as a line of its own is marked as the last piece. Then what follows the long line
// comes in rest, otherwise rest is nil. Fit does not advance the cursor.
func (c *Cursor) Fit(e tail.Event) (first, rest tail.Event) {
	switch e := e.(type) {
	case tail.CaughtUp:
		if c.caughtUp && (e.At.IsZero() || c.pos.Same(e.At)) {
			return nil, nil
		}
	case tail.Gap:
		if c.resumed && c.gap != nil && c.gap.Cause == e.Cause && c.gap.After.Same(e.After) && c.gap.Before.Same(e.Before) {
			return nil, nil
		}
	case tail.Lines:
		if c.resumed && c.inLine && e.Start.Same(c.pos) {
			return finishLine(e)
		}
	case tail.Late:
		p, ok := c.Left(e.Start.Generation)
		switch {
		case !ok || p.Offset <= e.Start.Offset:
		case p.Offset >= e.End.Offset:
			return nil, nil
		default:
			if part, ok := SliceFrom(e.Lines, p); ok && len(part.Text) > 0 {
				return tail.Late{Lines: part}, nil
			}
			return nil, nil
		}
	}
	return e, nil
}

// finishLine marks the beginning of l as belonging to a long line whose first pieces have been delivered.
func finishLine(l tail.Lines) (first, rest tail.Event) {
	switch l.Piece {
	case tail.PieceFirst:
		l.Piece = tail.PieceMiddle
		return l, nil
	case tail.PieceMiddle, tail.PieceLast:
		return l, nil
	}
	cut := bytes.IndexByte(l.Text, '\n') + 1
	if len(l.Offsets) > 0 && l.Offsets[0] != 0 {
		return l, nil // The filter left the rest of the long line out.
	}
	if cut == 0 || cut == len(l.Text) {
		l.Piece = tail.PieceLast
		return l, nil
	}
	end := tail.Lines{Start: l.Start, Text: l.Text[:cut], Piece: tail.PieceLast}
	more := tail.Lines{End: l.End, Text: l.Text[cut:]}
	if len(l.Times) > 1 {
		end.Times, more.Times = l.Times[:1], l.Times[1:]
	}
	if l.Offsets == nil {
		end.End = l.Start.Add(int64(cut))
	} else {
		if len(l.Offsets) < 2 {
			l.Piece = tail.PieceLast
			return l, nil
		}
		end.End = l.Start.Add(int64(l.Offsets[1]))
		end.Offsets = l.Offsets[:1]
		more.Offsets = make([]uint32, len(l.Offsets)-1)
		for i, o := range l.Offsets[1:] {
			more.Offsets[i] = o - l.Offsets[1]
		}
	}
	more.Start = end.End
	return end, more
}
