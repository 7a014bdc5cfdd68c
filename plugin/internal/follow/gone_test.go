package follow

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// chainOf makes a chain of files of which some are open, some lost their name before they could be opened.
func chainOf(files ...*held) *Log {
	l := &Log{}
	for i, h := range files {
		h.seq = int64(i + 1)
		h.newest = &generation{on: h}
		l.chain = append(l.chain, h.newest)
		if h.file == nil {
			l.gone = append(l.gone, h)
		}
	}
	return l
}

func TestGoneAs_WhatLostItsNameBeforeAnotherWasMadeAtThePath_IsNotTheOneThatLostItLater(t *testing.T) {
	open := new(os.File)
	first := &held{fate: deleted, was: "app.log", left: 1}
	between := &held{file: open, madeHere: true, id: identity{btime: 20}}
	third := &held{fate: deleted, was: "app.log", left: 3}
	l := chainOf(first, between, third)
	// It was made within the same tick of the clock, and lost its name at 30, when the one in between was there already.
	if it, sure := l.goneAs(&held{seq: 1, id: identity{btime: 20}}, link{name: "app.log", gone: true, since: 30}); it != third || !sure {
		t.Errorf("it is %+v, sure %v", it, sure)
	}
}

// What overwrites a file was made before that lost its name.
func TestGoneAs_OverwrittenByAFileThatWasMadeBefore_IsFound(t *testing.T) {
	open := new(os.File)
	before := &held{file: open, madeHere: true, id: identity{btime: 10}}
	over := &held{fate: overwritten, was: "app.log", left: 2}
	renamedHere := &held{file: open, id: identity{btime: 25}}
	last := &held{fate: deleted, was: "app.log", left: 4}
	l := chainOf(before, over, renamedHere, last)
	if it, sure := l.goneAs(&held{seq: 2, id: identity{btime: 20}}, link{name: "app.log", gone: true, since: 30}); it != over || !sure {
		t.Errorf("it is %+v, sure %v", it, sure)
	}
}

// Two files come and go in one moment, and one of them was opened: which one, nobody can know.
func TestAssign_OneOfSeveralThatVanished_StandsBetweenAPossibleAndACertainGap(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Poll = time.Hour })
	w.write("app.log", "first\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	if !w.e.Events() {
		t.Skip("no events here")
	}
	l := r.r.l
	r.unseen(func() {
		w.rename("app.log", "app.log.1")
		w.write("app.log", "one of two\n")
		f, err := os.Open(w.path("app.log"))
		w.must(err)
		h, err := hold(f)
		w.must(err)
		h.seq = l.count + 1
		w.remove("app.log")
		w.write("app.log", "the other\n")
		w.remove("app.log")
		w.write("app.log", "last\n")
		l.replay()
		if rest := l.assign([]*held{h}, []link{l.nameOf(h.fd)}); len(rest) > 0 {
			t.Error("nobody wants the file that was opened")
		}
	})
	r.until("first\none of two\nlast\n")
	var got []string
	for _, e := range r.events {
		switch e := e.(type) {
		case tail.Gap:
			got = append(got, fmt.Sprintf("gap certain=%v", e.Certain))
		case tail.Boundary:
			got = append(got, "boundary "+e.Order.String())
		}
	}
	want := []string{"gap certain=false", "boundary inferred", "gap certain=true", "boundary inferred"}
	if !slices.Equal(got[:min(len(got), 3)], want[:3]) || len(got) != len(want) {
		t.Errorf("events are %q, want %q", got, want)
	}
}

// Events are lost, and the next one that is told explains the file that stands at the path: what came in between is not passed over.
func TestReplay_FirstCreationAfterLostEvents_StandsBehindAPossibleGap(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Poll = time.Hour })
	w.write("app.log", "one\n")
	r := w.follow(tail.StartAtBeginning())
	r.caughtUp()
	if !w.e.Events() {
		t.Skip("no events here")
	}
	r.unseen(func() {
		resume := r.r.l.at.journal.Interrupt()
		w.rename("app.log", "app.log.1")
		w.write("app.log", "between\n")
		w.remove("app.log")
		resume()
		r.r.l.replay()
		w.write("app.log", "two\n")
	})
	r.until("one\ntwo\n")
	r.wantPossibleGaps("overflowed")
}
