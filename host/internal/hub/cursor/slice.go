package cursor

import (
	"bytes"
	"slices"

	"github.com/livetail/livetail/plugin/tail"
)

// Inside reports whether p lies within l, with bytes of l on both sides.
func Inside(l tail.Lines, p tail.Position) bool {
	return p.Generation == l.Start.Generation && l.Start.Offset < p.Offset && p.Offset < l.End.Offset
}

// Raw reports whether the text of l is the bytes of the log themselves.
func Raw(l tail.Lines) bool {
	return l.Offsets == nil && int64(len(l.Text)) == l.End.Offset-l.Start.Offset
}

// SliceFrom returns the part of l that begins at p, which lies inside of l. It is not ok if that cannot be told from l. The part
// may have no text, if the filter left out all that follows p.
func SliceFrom(l tail.Lines, p tail.Position) (part tail.Lines, ok bool) {
	skip := p.Offset - l.Start.Offset
	part = tail.Lines{Start: p, End: l.End, Piece: l.Piece}
	if l.Piece == tail.PieceFirst {
		part.Piece = tail.PieceMiddle
	}
	switch {
	case len(l.Text) == 0:
		return part, true
	case Raw(l):
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
