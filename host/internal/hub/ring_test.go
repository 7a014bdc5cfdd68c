package hub

import (
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

func at(offset int64) tail.Position { return tail.Position{Generation: "g", Offset: offset} }

func frameOf(e tail.Event) *Frame { return &Frame{Event: e, Payload: make([]byte, 100)} }

func linesFrame(from, to int64) *Frame {
	return frameOf(tail.Lines{Start: at(from), End: at(to), Text: make([]byte, to-from)})
}

// testRing holds lines up to 10, a doubt there, lines up to 20, and a boundary to another generation.
func testRing(limit int) *ring {
	r := &ring{limit: limit, base: at(0), settled: true}
	r.push(linesFrame(0, 10))
	r.push(frameOf(tail.Gap{After: at(10), Before: at(10)}))
	r.push(linesFrame(10, 20))
	r.push(frameOf(tail.Boundary{From: at(20), To: tail.Position{Generation: "h"}}))
	return r
}

func TestLocate_EachPosition_IsTheRightPlace(t *testing.T) {
	for _, c := range []struct {
		name  string
		p     tail.Position
		want  place
		part  int // bytes of the part
		found bool
	}{
		{"before everything", at(0), place{seq: 0}, 0, true},
		{"within a frame", at(4), place{seq: 1}, 6, true},
		{"before a doubt, which it has not got", at(10), place{seq: 1}, 0, true},
		{"after a frame", at(20), place{seq: 3}, 0, true},
		{"after everything", tail.Position{Generation: "h"}, place{seq: 4}, 0, true},
		{"ahead", tail.Position{Generation: "h", Offset: 7}, place{seq: 4, ahead: true}, 0, true},
		{"in another generation", tail.Position{Generation: "z"}, place{}, 0, false},
		{"past the end of an old generation", at(21), place{}, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := testRing(1 << 20).locate(c.p)
			part := 0
			if got.part != nil {
				part = len(got.part.Text)
			}
			if ok != c.found || ok && (got.seq != c.want.seq || got.ahead != c.want.ahead || part != c.part) {
				t.Errorf("got %+v with a part of %d bytes, %v", got, part, ok)
			}
		})
	}
}

func TestLocate_WhatCameBeforeIsDropped_JoinsOnlyWhereNothingIsMissed(t *testing.T) {
	r := testRing(1 << 20)
	r.shrink(3 * (frameOverhead + 110))
	if place, ok := r.locate(at(10)); r.first != 1 || !ok || place.seq != 1 {
		t.Errorf("after the lines were dropped: %+v, %v; the first frame is %d", place, ok, r.first)
	}
	r.shrink(2 * (frameOverhead + 110))
	if place, ok := r.locate(at(10)); r.first != 2 || ok {
		t.Errorf("after the doubt was dropped, which the session has not got: %+v; the first frame is %d", place, r.first)
	}
	r.shrink(0)
	if len(r.frames) != 1 || r.bytes != r.frames[0].size {
		t.Errorf("%d frames of %d bytes are kept", len(r.frames), r.bytes)
	}
}

func TestPush_FrameLargerThanTheRing_IsKeptUntilTheNext(t *testing.T) {
	r := &ring{limit: 10}
	r.push(linesFrame(0, 1000))
	if len(r.frames) != 1 {
		t.Error("the only frame was dropped")
	}
	r.push(linesFrame(1000, 2000))
	if len(r.frames) != 1 || r.first != 1 || !r.base.Same(at(1000)) {
		t.Errorf("%d frames from %d, base %v", len(r.frames), r.first, r.base)
	}
}

func TestSkip_EachEventBeforeThePosition_IsPassedOver(t *testing.T) {
	for _, c := range []struct {
		name         string
		event        tail.Event
		ok, ahead    bool
		part, offset int64
	}{
		{"lines before it", tail.Lines{Start: at(0), End: at(10)}, true, true, 0, 0},
		{"lines up to it", tail.Lines{Start: at(0), End: at(15)}, true, false, 0, 0},
		{"lines around it", tail.Lines{Start: at(10), End: at(20), Text: make([]byte, 10)}, true, false, 5, 15},
		{"late lines", tail.Late{Lines: tail.Lines{Start: at(0), End: at(1)}}, true, true, 0, 0},
		{"a gap of unknown extent", tail.Gap{After: at(10)}, true, true, 0, 0},
		{"another generation", tail.Boundary{From: at(10), To: tail.Position{Generation: "h"}}, false, false, 0, 0},
		{"lines after it", tail.Lines{Start: at(20), End: at(30)}, false, false, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := skip(&Frame{Event: c.event, end: endOf(c.event)}, at(15))
			if ok != c.ok || ok && got.ahead != c.ahead || (got.part != nil) != (c.part > 0) {
				t.Fatalf("got %+v, %v", got, ok)
			}
			if got.part != nil && (int64(len(got.part.Text)) != c.part || got.part.Start.Offset != c.offset) {
				t.Errorf("the part is %+v", *got.part)
			}
		})
	}
}

func TestHeart_PluginThatOrdersWithoutListening_FillsNoQueue(t *testing.T) {
	h := &heart{ready: make(chan struct{}, 1), era: 1}
	s := &Session{id: "s", pulse: pulse{opened: 1}}
	for range 1000 {
		h.ordered(s)
		h.pinged(s)
		h.answered(s)
	}
	if len(h.queue) != maxBeats {
		t.Errorf("%d beats wait", len(h.queue))
	}
	h.close(s)
	if last := h.queue[len(h.queue)-1].beat; last.Kind != tail.BeatClosed {
		t.Errorf("the end was dropped for %v", last)
	}
}
