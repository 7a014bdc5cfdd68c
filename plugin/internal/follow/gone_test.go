package follow

import (
	"os"
	"testing"
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
	// It lost its name at 30, when the one in between was there already.
	if it, sure := l.goneAs(&held{seq: 1, id: identity{btime: 25}}, link{name: "app.log", gone: true, since: 30}); it != third || !sure {
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
