package hub_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/plugin/tail"
)

// Peers that were there before get every late line once, whatever becomes of them between their own readings and the feed, of the plugin, and of their
// connections.
func TestModel_LateLines_EveryPeerGetsEachOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			return step{rapid.IntRange(0, 14).Draw(rt, "op"), rapid.IntRange(0, 20).Draw(rt, "a"), rapid.IntRange(0, 20).Draw(rt, "b")}
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
		case st.Op == 13:
			if err := w.comeBack(h); err != nil {
				return err
			}
		case st.Op == 14: // Somebody who has never been there has the feed.
			for _, w := range all {
				w.session.Close()
			}
			time.Sleep(6 * time.Second) // The feed there was ends.
			w, err := open(h, l, hub.Request{Start: tail.StartAtEnd(), Follow: true})
			if err == nil {
				err = w.drain()
			}
			for _, w := range all {
				if err == nil {
					err = w.comeBack(h)
				}
			}
			if err != nil {
				return err
			}
			w.session.Close()
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

// comeBack is a peer whose connection broke, and who comes back with what docs/protocol.md asks for: the position, and where generations were left.
func (w *witness) comeBack(h *hub.Hub) error {
	if at := w.session.Position(); !at.IsZero() { // All that was handed out came.
		w.at = at
	}
	w.session.Close()
	start := tail.StartAtPosition(w.at)
	if w.at.IsZero() {
		start = tail.StartAtBeginning()
	}
	var err error
	w.session, err = h.Open(context.Background(), hub.Request{Log: "/log", Start: start, Follow: true, Rendering: plainRendering(), Left: w.left})
	return err
}

// leave notes how far a generation has been read, as a client does.
func (w *witness) leave(p tail.Position) {
	w.left = slices.DeleteFunc(slices.Clone(w.left), func(q tail.Position) bool { return q.Generation == p.Generation })
	w.left = append(w.left, p)
	w.left = w.left[max(0, len(w.left)-16):]
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

// Who comes back gets late lines although the feed that he joins began after the rotation; who began after it, too, gets those that are written from then on.
func TestLate_ComesBackToAFeedThatBeganAfterTheRotation_GetsEachOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		h := hub.New(l, hub.Options{})
		ctx, stop := context.WithCancel(context.Background())
		stopped := make(chan struct{})
		go func() { defer close(stopped); _ = h.Run(ctx) }()
		defer func() { stop(); <-stopped }()
		l.write("one\n")
		back, err := open(h, l, hub.Request{Start: tail.StartAtBeginning(), Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := back.drain(); err != nil {
			t.Fatal(err)
		}
		l.rotate(0)
		l.write("two\n")
		l.writeLate(0, "late one\n")
		if err := back.drain(); err != nil || len(back.lates) != 1 {
			t.Fatalf("got %v, %v", back.lates, err)
		}
		back.session.Close()
		time.Sleep(time.Minute) // The feed is gone.
		l.writeLate(0, "late two\n")
		fresh, err := open(h, l, hub.Request{Start: tail.StartAtEnd(), Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := fresh.drain(); err != nil {
			t.Fatal(err)
		}
		if err := back.comeBack(h); err != nil {
			t.Fatal(err)
		}
		if err := back.drain(); err != nil || len(back.lates) != 2 {
			t.Fatalf("got %v, %v", back.lates, err)
		}
		if s := h.Stats(); s.Private != 0 || s.Feeds != 1 {
			t.Fatalf("there are %+v", s)
		}
		l.writeLate(0, "late three\n")
		l.write("three\n")
		for name, want := range map[*witness]int{back: 3, fresh: 1} {
			if err := name.drain(); err != nil || len(name.lates) != want {
				t.Errorf("got %v, %v; want %d late lines", name.lates, err, want)
			}
		}
	})
}
