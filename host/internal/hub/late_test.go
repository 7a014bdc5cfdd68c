package hub_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/plugin/tail"
)

// Sessions that were there before get every late line, whatever becomes of them between their own readings and the feed, and of the plugin.
func TestModel_LateLines_EverySessionGetsEachOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			return step{rapid.IntRange(0, 12).Draw(rt, "op"), rapid.IntRange(0, 20).Draw(rt, "a"), rapid.IntRange(0, 20).Draw(rt, "b")}
		}), 1, 80).Draw(rt, "steps")
		var err error
		synctest.Test(t, func(t *testing.T) { err = runLate(seed, steps) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

func runLate(seed uint64, steps []step) error {
	l := newFakeLog()
	l.seed = seed
	h := hub.New(l, hub.Options{RingBytes: 3000})
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { defer close(stopped); _ = h.Run(ctx) }()
	defer func() { stop(); <-stopped }()
	l.write("first\n")
	var all []*witness
	for range 3 {
		w, err := open(h, l, hub.Request{Start: tail.StartAtBeginning(), Follow: true})
		for err == nil {
			var got bool
			if got, err = w.read(time.Millisecond); !got {
				break
			}
		}
		if err != nil {
			return err
		}
		all = append(all, w)
	}
	for i, st := range steps {
		w := all[st.B%len(all)]
		switch {
		case st.Op <= 2:
			for n := range st.A {
				l.write(fmt.Sprintf("line %d.%d %s\n", i, n, strings.Repeat("x", 10*st.B)))
			}
		case st.Op == 3:
			l.rotate(0)
		case st.Op <= 5:
			l.writeLate(st.A, fmt.Sprintf("late %d\n", i))
		case st.Op == 12:
			l.die()
		case st.Op == 6:
			time.Sleep(time.Duration(st.A) * 100 * time.Millisecond)
		default:
			for range st.A {
				got, err := w.read(time.Millisecond)
				if err != nil {
					return fmt.Errorf("step %d, %+v: %w", i, st, err)
				}
				if !got {
					break
				}
			}
		}
		if err := all[0].drain(); err != nil { // It keeps the feed going; the others stall.
			return fmt.Errorf("step %d, %+v: %w", i, st, err)
		}
	}
	for i, w := range all {
		if err := w.finish(); err != nil {
			return fmt.Errorf("session %d, at the end: %w", i, err)
		}
		for _, late := range l.lates {
			if !w.lates[late.Start.String()] {
				return fmt.Errorf("session %d: late %q at %v never came", i, late.Text, late.Start)
			}
		}
	}
	return nil
}

// drain reads all that there is.
func (w *witness) drain() error {
	for {
		if got, err := w.read(time.Millisecond); err != nil || !got {
			return err
		}
	}
}

func TestLate_ToldByItsOwnReadingAndByTheFeed_ComesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		h := hub.New(l, hub.Options{})
		ctx, stop := context.WithCancel(context.Background())
		stopped := make(chan struct{})
		go func() { defer close(stopped); _ = h.Run(ctx) }()
		defer func() { stop(); <-stopped }()
		l.write("one\n")
		first, err := open(h, l, hub.Request{Start: tail.StartAtBeginning(), Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := first.drain(); err != nil {
			t.Fatal(err)
		}
		l.rotate(0)
		l.write("two\n")
		l.writeLate(0, "late one\n")
		if err := first.drain(); err != nil {
			t.Fatal(err)
		}
		// This one's own reading tells the late line, too.
		second, err := open(h, l, hub.Request{Start: tail.StartAtBeginning(), Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := second.drain(); err != nil {
			t.Fatal(err)
		}
		l.writeLate(0, "late two\n")
		for i, w := range []*witness{first, second} {
			if err := w.drain(); err != nil {
				t.Errorf("session %d: %v", i, err)
			}
			if len(w.lates) != 2 {
				t.Errorf("session %d got %v", i, w.lates)
			}
		}
		// One that was never in the old generation gets what comes from now on.
		third, err := open(h, l, hub.Request{Start: tail.StartAtEnd(), Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := third.drain(); err != nil {
			t.Fatal(err)
		}
		l.writeLate(0, "late three\n")
		if err := third.drain(); err != nil || len(third.lates) != 1 {
			t.Errorf("got %v, %v", third.lates, err)
		}
	})
}

func TestLate_AfterAChangeOfTheFilter_StillComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		h := hub.New(l, hub.Options{})
		ctx, stop := context.WithCancel(context.Background())
		stopped := make(chan struct{})
		go func() { defer close(stopped); _ = h.Run(ctx) }()
		defer func() { stop(); <-stopped }()
		l.write("one\n")
		w, err := open(h, l, hub.Request{Start: tail.StartAtBeginning(), Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.drain(); err != nil {
			t.Fatal(err)
		}
		l.rotate(0)
		l.write("two\n")
		l.writeLate(0, "late one\n")
		if err := w.drain(); err != nil {
			t.Fatal(err)
		}
		if err := w.session.SetFilter(ctx, tail.Filter{Exclude: []string{"unwanted"}}); err != nil {
			t.Fatal(err)
		}
		w.filter = tail.Filter{Exclude: []string{"unwanted"}}
		l.writeLate(0, "late two\n")
		if err := w.drain(); err != nil {
			t.Fatal(err)
		}
		l.writeLate(0, "late three\n")
		if err := w.drain(); err != nil || len(w.lates) != 3 {
			t.Errorf("got %v, %v", w.lates, err)
		}
	})
}
