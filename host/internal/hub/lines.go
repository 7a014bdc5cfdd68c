package hub

import (
	"bytes"
	"math"
	"slices"

	"github.com/livetail/livetail/plugin/tail"
)

// inside reports whether p lies within l, with bytes of l on both sides.
func inside(l tail.Lines, p tail.Position) bool {
	return p.Generation == l.Start.Generation && l.Start.Offset < p.Offset && p.Offset < l.End.Offset
}

// raw reports whether the text of l is the bytes of the log themselves.
func raw(l tail.Lines) bool {
	return l.Offsets == nil && int64(len(l.Text)) == l.End.Offset-l.Start.Offset
}

// sliceFrom returns the part of l that begins at p, which lies inside of l. It is not ok if that cannot be told from l. The part
// may have no text, if the filter left out all that follows p.
func sliceFrom(l tail.Lines, p tail.Position) (part tail.Lines, ok bool) {
	skip := p.Offset - l.Start.Offset
	part = tail.Lines{Start: p, End: l.End, Piece: l.Piece}
	if l.Piece == tail.PieceFirst {
		part.Piece = tail.PieceMiddle
	}
	switch {
	case len(l.Text) == 0:
		return part, true
	case raw(l):
		part.Text = l.Text[skip:]
		if lines := bytes.Count(l.Text[:skip], []byte{'\n'}); lines < len(l.Times) {
			part.Times = l.Times[lines:]
		}
		return part, true
	case l.Offsets == nil:
		return tail.Lines{}, false
	}
	if l.Piece != tail.PieceNone {
		return tail.Lines{}, false // How bytes of the text and of the log correspond within a line is unknown.
	}
	first, _ := slices.BinarySearch(l.Offsets, uint32(skip))
	text := l.Text
	for range first {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			return tail.Lines{}, first == len(l.Offsets)
		}
		text = text[i+1:]
	}
	part.Text = text
	if first < len(l.Times) {
		part.Times = l.Times[first:]
	}
	part.Offsets = make([]uint32, len(l.Offsets)-first)
	for i, o := range l.Offsets[first:] {
		part.Offsets[i] = o - uint32(skip)
	}
	return part, true
}

// mergeLimit is the most text that events are merged into, in bytes. Beyond it, larger frames save no system calls.
const mergeLimit = 64 << 10

// mergeable reports whether b continues a so that one event can stand for both.
func mergeable(a, b tail.Lines) bool {
	countable := func(l tail.Lines) bool { return raw(l) || len(l.Text) == 0 || l.Offsets != nil }
	return a.End.Same(b.Start) && a.Piece == tail.PieceNone && b.Piece == tail.PieceNone &&
		countable(a) && countable(b) && (len(a.Times) == 0) == (len(b.Times) == 0) && b.End.Offset-a.Start.Offset <= math.MaxUint32 &&
		len(a.Text)+len(b.Text) <= mergeLimit && (len(a.Text) == 0 || a.Text[len(a.Text)-1] == '\n')
}

// merge returns one event for a and b, which are mergeable. The text of a may be appended to in place if owned.
func merge(a, b tail.Lines, owned bool) tail.Lines {
	out := tail.Lines{Start: a.Start, End: b.End}
	if len(a.Times)+len(b.Times) > 0 {
		out.Times = slices.Concat(a.Times, b.Times)
	}
	if !raw(a) || !raw(b) {
		out.Offsets = lineOffsets(a)
		shift := uint32(b.Start.Offset - a.Start.Offset)
		for _, o := range lineOffsets(b) {
			out.Offsets = append(out.Offsets, o+shift)
		}
	}
	if !owned {
		text := make([]byte, len(a.Text), 2*(len(a.Text)+len(b.Text)))
		copy(text, a.Text)
		a.Text = text
	}
	out.Text = append(a.Text, b.Text...)
	return out
}

// lineOffsets returns where each line of l begins, as a distance from l.Start.
func lineOffsets(l tail.Lines) []uint32 {
	if l.Offsets != nil {
		return slices.Clip(l.Offsets)
	}
	out := []uint32{}
	for at := 0; at < len(l.Text); {
		out = append(out, uint32(at))
		i := bytes.IndexByte(l.Text[at:], '\n')
		if i < 0 {
			break
		}
		at += i + 1
	}
	return out
}

// own returns e with bytes that nobody else will change.
func own(e tail.Event) tail.Event {
	switch e := e.(type) {
	case tail.Lines:
		e.Text, e.Offsets, e.Times = bytes.Clone(e.Text), slices.Clone(e.Offsets), slices.Clone(e.Times)
		return e
	case tail.Late:
		e.Text, e.Offsets, e.Times = bytes.Clone(e.Text), slices.Clone(e.Offsets), slices.Clone(e.Times)
		return e
	default:
		return e
	}
}

// textSize is the length of the text in e.
func textSize(e tail.Event) int {
	switch e := e.(type) {
	case tail.Lines:
		return len(e.Text)
	case tail.Late:
		return len(e.Text)
	default:
		return 0
	}
}
