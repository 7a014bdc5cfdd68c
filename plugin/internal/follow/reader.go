package follow

import (
	"context"
	"errors"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// Reader walks the chain of a log for one caller. It starts no goroutine and is not safe for concurrent use. What its events hold belongs
// to the caller until the next call of Next.
type Reader struct {
	l      *Log
	follow bool // go on after the end
	wait   bool // wait for a log that does not exist yet

	g       *generation // where it is; nil before there is one
	unseen  bool        // it stands in g without having seen what comes before, of which only the check is known
	bad     *generation // the generation whose rest cannot be read
	b       block
	before  window        // the bytes before the first byte that is not handed out
	check   string        // the check of before
	copied  *generation   // what it went on in because that is a copy of what it had read; what follows it may lack lines
	long    bool          // inside a long line
	atEnd   bool          // CaughtUp has been said and nothing since
	flushed bool          // the incomplete line at the end has been handed out, because nobody waits for the rest
	end     tail.Position // the end of the last generation that could be read
	sought  *sought       // where to begin, which was not to be found; nil once a generation that can be read has come since
	queue   []tail.Event
	pick    *picker // nil if lines are not looked at
	coding  coding
	late    []*lateReader
	behind  []tail.Position // of who comes back: how far generations were read that had been left

	stopAt  *generation // with stopOff: where to end; nil for nowhere
	stopOff int64
	scanned int64 // how far back it has looked for lines that pass the filter
	noted   int   // how many notes of its generation it has handed out
	left    int   // how many more lines are wanted; negative for any number
}

// Close lets go of what the reader holds.
func (r *Reader) Close() {
	for len(r.late) > 0 {
		r.dropLate(0)
	}
	r.move(nil)
	r.b.drop()
	r.l.release()
}

// move makes the reader a reader of g.
func (r *Reader) move(g *generation) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	r.l.leaveLocked(r.g)
	r.g, r.unseen = g, false
	if g != nil {
		g.readers++
		r.noted = len(g.notes)
	}
}

func (l *Log) leaveLocked(g *generation) {
	if g != nil {
		if g.readers--; g.readers == 0 {
			g.idle = time.Now()
		}
	}
}

// view is what a reader has to know about its generation, as of one instant.
type view struct {
	state    state
	cut      bool
	over     bool
	seeking  bool
	sought   bool
	sealed   bool
	ends     int64
	next     *generation
	nextOpen bool // next is not pending
	wake     <-chan struct{}
	closed   bool
	notes    []string
}

func (l *Log) view(g *generation) view {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.awaited = true
	v := view{wake: l.wake, closed: l.shutDown}
	if g == nil {
		return v
	}
	v.state, v.cut, v.over, v.seeking, v.sought, v.sealed, v.ends, v.next = g.state, g.cut, g.over, g.seeking, g.sought, g.sealed, g.ends, g.next
	v.notes = g.notes
	v.nextOpen = g.next != nil && g.next.state != pending
	return v
}

// Next returns the next event. It waits for one as long as ctx allows. errEnd means that all that was asked for has been delivered.
func (r *Reader) Next(ctx context.Context) (tail.Event, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(r.queue) > 0 {
			e := r.queue[0]
			r.queue = r.queue[1:]
			r.atEnd = false
			return e, nil
		}
		if r.left == 0 || r.g != nil && r.g == r.stopAt && r.b.from() >= r.stopOff {
			return nil, errEnd
		}
		if n, piece := r.cut(ctx); n > 0 {
			if e := r.lines(n, piece); e != nil {
				return e, nil
			}
			if err := r.payForFilter(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if e := r.readLate(); e != nil {
			return e, nil
		}
		e, err := r.step(ctx)
		if e != nil || err != nil {
			return e, err
		}
	}
}

// step reads on, goes on to the next generation, or waits. It returns an event only if the end has been reached.
func (r *Reader) step(ctx context.Context) (tail.Event, error) {
	v := r.l.view(r.g)
	if r.noted < len(v.notes) && !v.closed {
		r.declare(v.notes)
		return nil, nil
	}
	switch {
	case v.closed:
		return nil, errClosed
	case r.g == nil:
		return nil, r.enterFirst(ctx, v)
	case v.cut:
		// Also who lacks nothing that was seen waits for the first look: what was written last may stand in the copy alone.
		if v.seeking && (r.unread() > 0 || !v.sought && !v.over) {
			return nil, r.pause(ctx, v.wake)
		}
		if !v.over {
			r.crossCut(ctx)
			return nil, nil
		}
		if v.nextOpen {
			r.crossOver(ctx, v.next)
			return nil, nil
		}
		return nil, r.pause(ctx, v.wake)
	case v.state == ready && r.bad != r.g:
		n, err := r.b.fill(r.limit(v))
		var h *hole
		switch {
		case n > 0:
			return nil, nil
		case errors.As(err, &h):
			r.skipHole(h)
			return nil, nil
		case errors.Is(err, errClosed) && r.l.view(r.g).state == lost: // Given up meanwhile.
			return nil, nil
		case errors.Is(err, errRewritten):
			r.l.restart(r.g)
			return nil, nil
		case errors.Is(err, errClosed):
			return nil, err
		case errors.Is(err, errCorrupt), err != nil && v.sealed:
			r.bad = r.g
			r.leave()
			gap := corruptGap(err, r.end)
			r.queue = append(r.queue, gap)
			return nil, nil
		case err != nil:
			return nil, err
		}
	}
	if v.sealed && v.nextOpen {
		r.cross(ctx, v.next)
		return nil, nil
	}
	if v.next == nil || !r.follow && !v.nextOpen {
		if !r.follow && !r.flushed {
			r.flushed = true
			if len(r.b.pending()) > 0 {
				if e := r.unterminated(); e != nil {
					return e, nil
				}
			}
		}
		if !r.atEnd {
			r.atEnd = true
			return tail.CaughtUp{At: r.position()}, nil
		}
		if !r.follow {
			return nil, errEnd
		}
	}
	return nil, r.pause(ctx, v.wake)
}

func (r *Reader) limit(v view) int64 {
	if r.g == r.stopAt && (v.ends == 0 || r.stopOff < v.ends) {
		return r.stopOff
	}
	return v.ends
}

// pause waits until something changes.
func (r *Reader) pause(ctx context.Context, wake <-chan struct{}) error {
	r.b.park()
	var expire <-chan time.Time
	if len(r.late) > 0 {
		timer := time.NewTimer(time.Until(r.late[0].until))
		defer timer.Stop()
		expire = timer.C
	}
	// Nothing tells of what is written through memory.
	var again <-chan time.Time
	if r.g != nil && r.b.g == r.g && r.g.packed == nil && r.g.reserve.Load() == r.b.off+1 {
		ticker := time.NewTicker(r.l.e.opts.Poll)
		defer ticker.Stop()
		again = ticker.C
	}
	for {
		select {
		case <-wake:
		case <-expire:
		case <-again:
			if r.stillReserved() {
				continue
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		return nil
	}
}

// position is the position of the first byte that is not handed out.
func (r *Reader) position() tail.Position {
	if r.g == nil || r.b.g != r.g {
		return r.end
	}
	return tail.Position{Generation: r.g.token, Offset: r.b.from(), Check: r.check}
}

// lines hands out the first n bytes of what is pending; nil if none of it is wanted.
func (r *Reader) lines(n int, piece tail.Piece) tail.Event {
	e := tail.Lines{Start: r.position(), Piece: piece}
	r.long = piece == tail.PieceFirst || piece == tail.PieceMiddle
	found := 0
	if !r.coding.plain() {
		at, data := r.b.from(), r.b.pending()[:n]
		p := r.pick.decoded(r.coding, data, at, piece, r.left)
		r.before.push(data[:p.length])
		r.b.take(p.length)
		e.Text, e.Offsets, e.Times = p.text, p.offsets, p.times
		found = p.lines
	} else if r.pick == nil {
		if r.left > 0 {
			n, found = nth(r.b.pending()[:n], r.left)
		}
		e.Text = r.b.take(n)
		r.before.push(e.Text)
	} else {
		var p pick
		at, data := r.b.from(), r.b.pending()[:n]
		w := r.before
		if piece == tail.PieceNone {
			p = r.pickLines(data, at, &w)
		} else {
			p = r.pick.piece(data, at, piece)
			w.push(data)
		}
		r.b.take(p.length)
		r.before = w
		e.Text, e.Offsets, e.Times = p.text, p.offsets, p.times
		found = p.lines
	}
	if r.left > 0 {
		r.left -= min(found, r.left)
	}
	r.check = r.before.check()
	e.End = r.position()
	if len(e.Text) == 0 {
		return nil
	}
	r.atEnd = false
	return e
}

// cut says how much of what is pending can be handed out, and as what.
func (r *Reader) cut(ctx context.Context) (n int, piece tail.Piece) {
	pending := r.b.pending()
	if len(pending) == 0 {
		return 0, tail.PieceNone
	}
	if !r.coding.known {
		if r.findCoding(ctx); !r.coding.known {
			return 0, tail.PieceNone
		}
	}
	return r.coding.cut(pending, r.long)
}

// findCoding finds out how the characters of the generation stand in its file.
func (r *Reader) findCoding(ctx context.Context) {
	r.coding = codingOf(ctx, r.g, r.l.encoding())
	r.b.wide = r.coding.wide()
}

// pickLines picks from data and moves the window over it, which has to happen before picking moves the text.
func (r *Reader) pickLines(data []byte, at int64, w *window) pick {
	if r.left < 0 {
		w.push(data)
		return r.pick.lines(data, at, r.left)
	}
	// How much of data is looked at is known afterwards only, so keep it.
	whole := append([]byte(nil), data...)
	p := r.pick.lines(data, at, r.left)
	w.push(whole[:p.length])
	return p
}

// payForFilter waits for what an expensive filter has cost.
func (r *Reader) payForFilter(ctx context.Context) error {
	if r.pick == nil || r.pick.rest == 0 {
		return nil
	}
	timer := time.NewTimer(r.pick.rest)
	defer timer.Stop()
	r.pick.rest = 0
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unterminated hands out the rest of a generation, which has no newline at its end; nil if it is not wanted.
func (r *Reader) unterminated() tail.Event {
	piece := tail.PieceNone
	if r.long {
		piece = tail.PieceLast
	}
	left := r.left
	e := r.lines(len(r.b.pending()), piece)
	if left > 0 && e != nil {
		r.left = left - 1
	}
	return e
}

// enter goes to an offset of a generation.
func (r *Reader) enter(ctx context.Context, g *generation, off int64) error {
	r.move(g)
	if !r.l.isReady(g) {
		r.b.park()
		r.b.rest, r.b.g = nil, nil
		return nil
	}
	if err := r.b.seek(ctx, g, off); err != nil {
		return err
	}
	r.before = r.b.before
	r.check = r.before.check()
	r.findCoding(ctx)
	r.long = off > g.from+int64(r.coding.mark) && !r.coding.endsLine(&r.before)
	r.flushed = false
	if r.pick != nil {
		r.pick.enter(ctx, r.l, &r.b, r.long)
	}
	if r.follow && r.b.packed != nil {
		r.b.packed.forward = true
	}
	return nil
}

func (l *Log) isReady(g *generation) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return g.state == ready
}
