package hub

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/livetail/livetail/host/internal/hub/cursor"
	"github.com/livetail/livetail/plugin/tail"
)

// stretch is some lines of a generation, of which a filter may leave out some.
type stretch struct {
	lines []string
	pass  []bool
}

// between is the event for the lines from i to j, as a tailer that was asked for times would make it.
func (s stretch) between(i, j int) tail.Lines {
	at := func(n int) tail.Position {
		p := tail.Position{Generation: "g"}
		for _, l := range s.lines[:n] {
			p.Offset += int64(len(l))
		}
		return p
	}
	out := tail.Lines{Start: at(i), End: at(j)}
	all := true
	for n := i; n < j; n++ {
		if !s.pass[n] {
			all = false
			continue
		}
		out.Offsets = append(out.Offsets, uint32(at(n).Offset-out.Start.Offset))
		out.Text = append(out.Text, s.lines[n]...)
		out.Times = append(out.Times, int64(n+1))
	}
	if all {
		out.Offsets = nil
	}
	return out
}

func drawStretch(t *rapid.T) stretch {
	s := stretch{lines: rapid.SliceOfN(rapid.StringMatching(`[ab]{0,3}\n`), 1, 12).Draw(t, "lines")}
	filtered := rapid.Bool().Draw(t, "filtered")
	for range s.lines {
		s.pass = append(s.pass, !filtered || rapid.Bool().Draw(t, "pass"))
	}
	return s
}

// same compares what events say, where nil and empty are the same.
func same(a, b tail.Lines) error {
	if !a.Start.Same(b.Start) || !a.End.Same(b.End) || !bytes.Equal(a.Text, b.Text) || a.Piece != b.Piece ||
		fmt.Sprint(a.Times) != fmt.Sprint(b.Times) || fmt.Sprint(lineOffsets(a)) != fmt.Sprint(lineOffsets(b)) {
		return fmt.Errorf("%+v is not %+v", a, b)
	}
	return nil
}

func TestSliceFrom_AnyLine_IsWhatAReadingFromThereGives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStretch(t)
		n := len(s.lines)
		from := rapid.IntRange(0, n).Draw(t, "from")
		whole, want := s.between(0, n), s.between(from, n)
		if !cursor.Inside(whole, want.Start) {
			return
		}
		got, ok := cursor.SliceFrom(whole, want.Start)
		if !ok {
			t.Fatal("cannot be sliced")
		}
		if err := same(got, want); err != nil {
			t.Fatal(err)
		}
	})
}

func TestMerge_AnyTwoNeighbours_IsWhatOneReadingGives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStretch(t)
		n := len(s.lines)
		i := rapid.IntRange(0, n).Draw(t, "first cut")
		j := rapid.IntRange(i, n).Draw(t, "second cut")
		a, b, c := s.between(0, i), s.between(i, j), s.between(j, n)
		if !mergeable(a, b) {
			return
		}
		ab := merge(a, b, false)
		if err := same(ab, s.between(0, j)); err != nil {
			t.Fatal(err)
		}
		if !mergeable(ab, c) {
			return
		}
		if err := same(merge(ab, c, true), s.between(0, n)); err != nil {
			t.Fatal(err)
		}
		if err := same(a, s.between(0, i)); err != nil {
			t.Fatal("merging changed what was merged:", err)
		}
	})
}

func TestMergeable_NotNeighboursOrPieces_AreKeptApart(t *testing.T) {
	s := stretch{lines: []string{"a\n", "b\n", "c\n"}, pass: []bool{true, true, true}}
	a, b, c := s.between(0, 1), s.between(1, 2), s.between(2, 3)
	piece, cut, large := b, a, b
	piece.Piece = tail.PieceFirst
	cut.Text = []byte("a ")
	large.Text = make([]byte, mergeLimit)
	large.End = large.Start.Add(mergeLimit)
	for name, pair := range map[string][2]tail.Lines{
		"not neighbours": {a, c}, "a piece": {a, piece}, "no line ending": {cut, b}, "too large": {a, large},
	} {
		if mergeable(pair[0], pair[1]) {
			t.Errorf("%s: mergeable", name)
		}
	}
	if !mergeable(a, b) {
		t.Error("neighbours are not mergeable")
	}
}

func TestSliceFrom_WithinALongLine_IsItsNextPiece(t *testing.T) {
	l := tail.Lines{Start: tail.Position{Generation: "g"}, End: tail.Position{Generation: "g", Offset: 6}, Text: []byte("abcdef"), Piece: tail.PieceFirst}
	got, ok := cursor.SliceFrom(l, tail.Position{Generation: "g", Offset: 2})
	if !ok || string(got.Text) != "cdef" || got.Piece != tail.PieceMiddle {
		t.Errorf("got %+v, %v", got, ok)
	}
	l.Offsets, l.Text = []uint32{0}, []byte("recoded")
	if _, ok := cursor.SliceFrom(l, tail.Position{Generation: "g", Offset: 2}); ok {
		t.Error("sliced text whose bytes are not those of the log")
	}
}
