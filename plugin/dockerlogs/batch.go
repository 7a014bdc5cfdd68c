package dockerlogs

import (
	"math"

	"github.com/livetail/livetail/plugin/tail"
)

// batch collects lines into events. The zero value is an empty one.
type batch struct {
	times bool // whether times were asked for
	out   []tail.Lines
	now   tail.Lines
	any   bool // now has begun
}

// add adds a line, or that one was passed over.
func (b *batch) add(l line) {
	if b.any && (l.piece != tail.PieceNone || len(b.now.Text)+len(l.text) > tail.MaxBatch ||
		l.start.Generation != b.now.Start.Generation || l.end.Offset-b.now.Start.Offset > math.MaxUint32) {
		b.close()
	}
	if !b.any {
		b.now, b.any = tail.Lines{Start: l.start, Offsets: []uint32{}}, true
	}
	b.now.End = l.end
	if len(l.text) > 0 {
		b.now.Text = append(b.now.Text, l.text...)
		b.now.Offsets = append(b.now.Offsets, uint32(l.start.Offset-b.now.Start.Offset))
		if b.times {
			b.now.Times = append(b.now.Times, l.time)
		}
	}
	if l.piece != tail.PieceNone {
		b.now.Piece = l.piece
		b.close()
	}
}

// close ends the event that is being made.
func (b *batch) close() {
	if b.any && len(b.now.Text) > 0 {
		b.out = append(b.out, b.now)
	}
	b.any = false
}

// flush hands out all events and empties the batch. What has no lines that anybody wants is left out.
func (b *batch) flush(yield func(tail.Lines)) {
	b.close()
	for _, l := range b.out {
		yield(l)
	}
	b.out = b.out[:0]
}
