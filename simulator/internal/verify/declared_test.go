package verify_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/livetail/livetail/simulator/internal/verify"
)

func TestAccount_MoreDeclaredThanIsMissing_IsToldFromWhatIsRight(t *testing.T) {
	all := written(t, "s", 20)
	for name, c := range map[string]struct {
		numbers     []int
		empty, over int64
		ok          bool
	}{
		"right":                         {[]int{1, -2, 4}, 0, 0, true},
		"too many":                      {[]int{1, -5, 4}, 0, 3, false},
		"of none":                       {[]int{1, -2, 2}, 1, 2, false},
		"how many is unknown, of none":  {[]int{1, 0, 2}, 1, 0, true},
		"the second of two":             {[]int{1, -2, -1, 4}, 1, 1, false},
		"not judged before the next":    {[]int{1, 2, -3}, 0, 0, true},
		"not judged before the first":   {[]int{-3, 0, 1, 2}, 0, 0, true},
		"explains at the first, too":    {[]int{-3, 4, 5}, 0, 0, true},
		"a number beside an unknown":    {[]int{1, -2, 0, 9}, 0, 0, true},
		"later ones explain nothing":    {[]int{1, 3, -1, 4}, 1, 1, false},
		"used up by what came before":   {[]int{1, -2, 4, 7}, 0, 0, false},
		"reordered over a right number": {[]int{1, -1, 3, 2}, 0, 0, false},
	} {
		r := account(all, c.numbers...).Report()
		if r.EmptyGaps != c.empty || r.Overdeclared != c.over || r.OK != c.ok {
			t.Errorf("%s: %+v, want %+v", name, r, c)
		}
	}
}

func TestAccount_GapAfterTheLastLineThatWasWritten_IsJudged(t *testing.T) {
	all := written(t, "s", 5)
	a := account(all, 1, 2, 3, -3)
	a.Expect("s", 5)
	if r := a.Report(); r.OK || r.Declared != 2 || r.Overdeclared != 1 {
		t.Errorf("%+v", r)
	}
	if r, again := a.Report(), a.Report(); r.Overdeclared != again.Overdeclared || r.Declared != again.Declared {
		t.Errorf("a report changes the account: %+v, %+v", r, again)
	}
	a = account(all, 1, 2, 3, 4, 5, -1)
	a.Expect("s", 5)
	if r := a.Report(); r.OK || r.Overdeclared != 1 {
		t.Errorf("%+v", r)
	}
}

func TestAccount_SeveralStreams_ShareTheLinesThatAGapDeclares(t *testing.T) {
	x, y := written(t, "x", 10), written(t, "y", 10)
	take := func(declared int64) verify.Report {
		a := verify.NewAccount(true)
		for _, l := range [][]byte{x[0], y[0]} {
			a.Line(l, time.Now(), false)
		}
		a.Gap("deleted", &declared, true)
		for _, l := range [][]byte{x[3], y[4]} { // 2 and 3 are missing.
			a.Line(l, time.Now(), false)
		}
		return a.Report()
	}
	if r := take(5); !r.OK || r.Declared != 5 {
		t.Errorf("%+v", r)
	}
	if r := take(4); r.OK || r.Declared != 4 || r.Lost != 1 {
		t.Errorf("%+v", r)
	}
	// The others may have been lines of somebody else.
	if r := take(9); !r.OK || r.Overdeclared != 0 {
		t.Errorf("%+v", r)
	}
}

func TestAccount_MoreGapsThanAreRemembered_AreJudgedAllTheSame(t *testing.T) {
	const gaps = 20_000
	all, one := written(t, "s", 2*gaps), int64(1)
	a := verify.NewAccount(true)
	for i := 0; i < len(all); i += 2 { // Every second line is missing, which is declared.
		a.Line(all[i], time.Now(), false)
		a.Gap("deleted", &one, true)
	}
	a.Expect("s", 2*gaps)
	if r := a.Report(); !r.OK || r.Declared != gaps {
		t.Errorf("%+v", r)
	}
	a = verify.NewAccount(true)
	for _, line := range all {
		a.Line(line, time.Now(), false)
		a.Gap("deleted", &one, true)
	}
	a.Expect("s", 2*gaps)
	if r := a.Report(); r.OK || r.Overdeclared != 2*gaps || r.EmptyGaps != 2*gaps || r.Lost != 0 {
		t.Errorf("%+v", r)
	}
}

func TestAccount_TwoLinesInOne_AreCorrupted(t *testing.T) {
	all := written(t, "s", 5)
	a := verify.NewAccount(true)
	a.Lines(slices.Concat(all[0], []byte("\n"), all[1], all[2], []byte("\n"), all[3]), time.Now(), false)
	if r := a.Report(); r.OK || r.Corrupted != 1 || r.Lost != 1 || r.Delivered != 3 {
		t.Errorf("%+v", r)
	}
	// What a follower puts around a line is none of it.
	a = verify.NewAccount(true)
	a.Lines(bytes.Join([][]byte{all[0], all[1]}, []byte(" #1.2.3\nhost app #7: ")), time.Now(), false)
	if r := a.Report(); !r.OK || r.Corrupted != 0 {
		t.Errorf("%+v", r)
	}
}
