package cursor_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livetail/livetail/host/internal/hub/cursor"
	"github.com/livetail/livetail/plugin/tail"
)

func pos(generation string, offset int64) tail.Position {
	return tail.Position{Generation: generation, Offset: offset}
}

func lines(from, to int64, text string, piece tail.Piece) tail.Lines {
	return tail.Lines{Start: pos("g", from), End: pos("g", to), Text: []byte(text), Piece: piece}
}

func TestAdvance_EachEvent_MovesToItsEnd(t *testing.T) {
	a := pos("g", 4)
	for _, c := range []struct {
		name    string
		event   tail.Event
		want    tail.Position
		settled bool
	}{
		{"lines", lines(4, 8, "abc\n", tail.PieceNone), pos("g", 8), true},
		{"boundary", tail.Boundary{From: a, To: pos("h", 0)}, pos("h", 0), true},
		{"truncation", tail.Truncated{From: a, To: pos("h", 0)}, pos("h", 0), true},
		{"gap to a known place", tail.Gap{After: a, Before: pos("h", 3)}, pos("h", 3), true},
		{"gap of unknown extent", tail.Gap{After: a}, a, false},
		{"gap that takes no room", tail.Gap{After: a, Before: a}, a, false},
		{"late lines", tail.Late{Lines: lines(0, 2, "x\n", tail.PieceNone)}, a, true},
		{"caught up", tail.CaughtUp{At: a}, a, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cur cursor.Cursor
			cur.Advance(lines(0, 4, "123\n", tail.PieceNone))
			cur.Advance(c.event)
			if !cur.Position().Same(c.want) || cur.Settled() != c.settled {
				t.Errorf("at %v, settled %v", cur.Position(), cur.Settled())
			}
		})
	}
}

func TestAdvance_CaughtUpAfterAGapOfUnknownExtent_TellsThePosition(t *testing.T) {
	var cur cursor.Cursor
	cur.Advance(lines(0, 4, "123\n", tail.PieceNone))
	cur.Advance(tail.Gap{After: pos("g", 4)})
	cur.Advance(tail.CaughtUp{At: pos("h", 7)})
	if !cur.Position().Same(pos("h", 7)) {
		t.Errorf("at %v", cur.Position())
	}
}

func TestStart_NothingGotYet_IsTheOriginalOne(t *testing.T) {
	var cur cursor.Cursor
	if n, ok := cur.Start(tail.StartAtLastLines(7)).LastLines(); !ok || n != 7 {
		t.Error("the start was changed")
	}
	cur.Advance(lines(0, 4, "123\n", tail.PieceNone))
	if p, ok := cur.Start(tail.StartAtLastLines(7)).Position(); !ok || !p.Same(pos("g", 4)) {
		t.Errorf("starts at %v", p)
	}
}

func TestFit_WhatTheReaderHasGotAlready_IsLeftOut(t *testing.T) {
	gap := tail.Gap{Cause: tail.CauseDeleted, After: pos("g", 4)}
	var cur cursor.Cursor
	cur.Advance(lines(0, 4, "123\n", tail.PieceNone))
	cur.Advance(tail.CaughtUp{At: pos("g", 4)})
	cur.Resume()
	if first, _ := cur.Fit(tail.CaughtUp{At: pos("g", 4)}); first != nil {
		t.Error("caught up twice")
	}
	cur.Advance(gap)
	if first, _ := cur.Fit(gap); first != nil {
		t.Error("the same gap twice")
	}
	if first, _ := cur.Fit(tail.Gap{Cause: tail.CauseEvicted, After: pos("g", 4)}); first == nil {
		t.Error("another gap was left out")
	}
	cur.Advance(lines(4, 8, "abc\n", tail.PieceNone))
	if first, _ := cur.Fit(gap); first == nil {
		t.Error("a gap was left out without another call")
	}
}

func TestFit_ResumedWithinALongLine_MarksTheRestOfIt(t *testing.T) {
	for _, c := range []struct {
		name        string
		in          tail.Lines
		first, rest string
		piece       tail.Piece
		end         int64
		restOffsets int
	}{
		{"the rest and more lines", lines(4, 12, "end\nabc\n", tail.PieceNone), "end\n", "abc\n", tail.PieceLast, 8, 0},
		{"the rest alone", lines(4, 8, "end\n", tail.PieceNone), "end\n", "", tail.PieceLast, 8, 0},
		{"the rest without an end", lines(4, 7, "end", tail.PieceNone), "end", "", tail.PieceLast, 7, 0},
		{"a piece that is taken for the first", lines(4, 7, "mid", tail.PieceFirst), "mid", "", tail.PieceMiddle, 7, 0},
		{"a piece", lines(4, 7, "mid", tail.PieceMiddle), "mid", "", tail.PieceMiddle, 7, 0},
		{
			"with offsets",
			tail.Lines{Start: pos("g", 4), End: pos("g", 30), Text: []byte("end\nabc\ndef\n"), Offsets: []uint32{0, 8, 20}, Times: []int64{1, 2, 3}},
			"end\n", "abc\ndef\n", tail.PieceLast, 12, 2,
		},
		{
			"the filter left the rest out",
			tail.Lines{Start: pos("g", 4), End: pos("g", 30), Text: []byte("abc\n"), Offsets: []uint32{8}},
			"abc\n", "", tail.PieceNone, 30, 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cur cursor.Cursor
			cur.Advance(lines(0, 4, "long", tail.PieceFirst))
			cur.Resume()
			e, more := cur.Fit(c.in)
			first := e.(tail.Lines)
			rest, _ := more.(tail.Lines)
			if string(first.Text) != c.first || first.Piece != c.piece || first.End.Offset != c.end || string(rest.Text) != c.rest {
				t.Errorf("got %+v and %+v", first, rest)
			}
			if c.rest != "" && (!rest.Start.Same(first.End) || !rest.End.Same(c.in.End) || len(rest.Offsets) != c.restOffsets ||
				len(c.in.Times) > 0 && (len(first.Times) != 1 || len(rest.Times) != len(c.in.Times)-1 || rest.Times[0] != 2)) {
				t.Errorf("the rest is %+v", rest)
			}
		})
	}
}

func TestFit_NotResumed_LeavesLinesAlone(t *testing.T) {
	var cur cursor.Cursor
	cur.Advance(lines(0, 4, "long", tail.PieceFirst))
	if e, _ := cur.Fit(lines(4, 8, "end\n", tail.PieceNone)); e.(tail.Lines).Piece != tail.PieceNone {
		t.Error("changed")
	}
}

func TestLately_IsTheMinuteBeforeTheLastEvent_HoweverLongThatIsAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cur cursor.Cursor
		cur.Recall([]tail.Position{{Generation: "e", Offset: 1, Check: "k"}})
		cur.Advance(lines(0, 4, "123\n", tail.PieceNone))
		time.Sleep(30 * time.Second)
		cur.Advance(tail.Boundary{From: pos("g", 4), To: pos("h", 0)})
		cur.Advance(tail.Late{Lines: lines(4, 9, "late\n", tail.PieceNone)})
		time.Sleep(time.Hour)
		if got := fmt.Sprint(cur.Lately()); got != "[e.1.k g.9]" {
			t.Errorf("away for an hour: %s", got)
		}
		// A reader that lags gets later what came in time.
		cur.AdvanceAt(tail.CaughtUp{At: pos("h", 0)}, time.Now().Add(-time.Hour+45*time.Second))
		if got := fmt.Sprint(cur.Lately()); got != "[g.9]" {
			t.Errorf("after what came 75 s after the first: %s", got)
		}
		cur.Advance(tail.CaughtUp{At: pos("h", 0)})
		if got := cur.Lately(); got != nil {
			t.Errorf("after what came just now: %v", got)
		}
		if _, ok := cur.Left("g"); !ok {
			t.Error("it does not know any more that it was there")
		}
	})
}

func TestRecall_MoreThanAnybodyKeeps_TheLatestStay(t *testing.T) {
	var cur cursor.Cursor
	var left []tail.Position
	for i := range 40 {
		left = append(left, pos(fmt.Sprintf("e%d", i), 1))
	}
	cur.Advance(tail.Boundary{From: pos("e39", 7), To: pos("g", 0)})
	cur.Recall(left)
	if got := cur.Lately(); len(got) != tail.MaxLeft || got[tail.MaxLeft-1].String() != "e39.7" || got[tail.MaxLeft-2].String() != "e38.1" {
		t.Errorf("got %v", got)
	}
}
