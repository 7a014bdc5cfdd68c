package hub

import (
	"bytes"
	"slices"

	"github.com/livetail/livetail/host/internal/hub/cursor"
	"github.com/livetail/livetail/plugin/tail"
)

const (
	// frameOverhead is what a frame costs beyond its text and payload, about.
	frameOverhead = 256
	// idleRing is what a ring keeps, in bytes, when all members have got everything: enough for who reconnects at once.
	idleRing = 64 << 10
)

// ring is the last frames of a feed, numbered from 0 in the order of the log.
type ring struct {
	limit  int // bytes to keep at most; the newest frame is kept in any case
	frames []*Frame
	first  uint64 // number of frames[0]
	bytes  int    // size of all frames
	total  int64  // size of all frames that there ever were

	base    tail.Position // where a session is that has got all before frames[0]
	settled bool          // whether the base alone says so; see cursor.Cursor.Settled
}

// head is the number of the next frame.
func (r *ring) head() uint64 { return r.first + uint64(len(r.frames)) }

// push adds f, and drops what is too much.
func (r *ring) push(f *Frame) {
	f.size = len(f.Payload) + textSize(f.Event) + frameOverhead
	f.end = endOf(f.Event)
	f.hold()
	r.frames = append(r.frames, f)
	r.bytes += f.size
	r.total += int64(f.size)
	f.total = r.total
	r.shrink(r.limit)
}

// shrink drops the oldest frames until the rest fits into limit bytes.
func (r *ring) shrink(limit int) {
	drop := 0
	for ; r.bytes > limit && drop < len(r.frames)-1; drop++ {
		f := r.frames[drop]
		r.bytes -= f.size
		r.settled = !f.end.IsZero() && !f.end.Same(r.base) && !takesNoRoom(f.Event)
		if !f.end.IsZero() {
			r.base = f.end
		}
		f.release()
	}
	if drop == 0 {
		return
	}
	r.first += uint64(drop)
	n := copy(r.frames, r.frames[drop:])
	clear(r.frames[n:])
	r.frames = r.frames[:n]
}

// place is where a session is to go on in a ring.
type place struct {
	seq   uint64      // the next frame to take
	part  *tail.Lines // what is to be handed out before that: the rest of a frame
	ahead bool        // frames are to be skipped until the position comes
}

// locate finds the place of a session that has got everything before p, and reports whether there is one.
func (r *ring) locate(p tail.Position) (at place, ok bool) {
	for i, f := range slices.Backward(r.frames) {
		before := r.before(i)
		next := r.first + uint64(i) + 1
		if f.end.Same(p) && !f.end.Same(before) && !takesNoRoom(f.Event) {
			return place{seq: next}, true
		}
		if l, isLines := f.Event.(tail.Lines); isLines && cursor.Inside(l, p) {
			part, ok := f.from(l, p)
			return place{seq: next, part: &part}, ok
		}
	}
	if r.settled && r.base.Same(p) {
		return place{seq: r.first}, true
	}
	if end := r.before(len(r.frames)); end.Generation == p.Generation && end.Offset < p.Offset {
		return place{seq: r.head(), ahead: true}, true
	}
	return place{}, false
}

// from returns what l, the event of f, holds from p on. It is the caller's.
func (f *Frame) from(l tail.Lines, p tail.Position) (part tail.Lines, ok bool) {
	part, ok = cursor.SliceFrom(l, p)
	if f.memory != nil {
		part.Text = bytes.Clone(part.Text)
	}
	return part, ok
}

// before is the position of a session that has got everything before frames[i].
func (r *ring) before(i int) tail.Position {
	for i--; i >= 0; i-- {
		if end := r.frames[i].end; !end.IsZero() {
			return end
		}
	}
	return r.base
}

// takesNoRoom reports whether e is a gap with the same place on either side.
func takesNoRoom(e tail.Event) bool {
	g, ok := e.(tail.Gap)
	return ok && g.Before.Same(g.After)
}

// totalBefore is the size of all frames before frame seq, since the feed began.
func (r *ring) totalBefore(seq uint64) int64 {
	if i := seq - r.first; i < uint64(len(r.frames)) {
		return r.frames[i].total - int64(r.frames[i].size)
	}
	return r.total
}

// endOf is the position of who has got e; zero if e leaves it alone.
func endOf(e tail.Event) tail.Position {
	switch e := e.(type) {
	case tail.Lines:
		return e.End
	case tail.Boundary:
		return e.To
	case tail.Truncated:
		return e.To
	case tail.Gap:
		return e.Before
	case tail.CaughtUp:
		return e.At
	default:
		return tail.Position{}
	}
}
