package hub

import (
	"bytes"
	"math"
	"slices"

	"github.com/livetail/livetail/host/internal/hub/cursor"
	"github.com/livetail/livetail/plugin/tail"
)

// mergeLimit is the most text that events are merged into, in bytes. Beyond it, larger frames save no system calls.
const mergeLimit = 64 << 10

// mergeable reports whether b continues a so that one event can stand for both.
func mergeable(a, b tail.Lines) bool {
	countable := func(l tail.Lines) bool { return cursor.Raw(l) || len(l.Text) == 0 || l.Offsets != nil }
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
	if !cursor.Raw(a) || !cursor.Raw(b) {
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
