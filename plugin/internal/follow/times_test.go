package follow

import (
	"slices"
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

func TestFollow_TimesGrowAcrossGenerations_WhereverReadingBegins(t *testing.T) {
	w := newWorld(t, nil)
	const line = "2026-11-23T07:00:00Z same\n"
	w.write("app.log", line+line)
	w.rename("app.log", "app.log.1")
	w.write("app.log", line+line)
	times := func(start tail.Start) (all []int64) {
		r := w.open(tail.FollowRequest{Start: start, Times: true})
		for {
			ev, ok := r.next(patience)
			if !ok {
				return all
			}
			if e, ok := ev.(tail.Lines); ok {
				all = append(all, e.Times...)
			}
		}
	}
	whole := times(tail.StartAtBeginning())
	if len(whole) != 4 || !slices.IsSorted(whole) || len(slices.Compact(slices.Clone(whole))) != 4 {
		t.Fatalf("times are %d, want 4 that grow", whole)
	}
	if last := times(tail.StartAtLastLines(1)); len(last) != 1 || last[0] != whole[3] {
		t.Errorf("the time of the last line is %d, want %d as before", last, whole[3])
	}
}
