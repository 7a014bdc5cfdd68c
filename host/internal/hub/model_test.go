package hub_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/plugin/tail"
)

// plain renders text as it is and everything else as its type, and counts, to show that sharing works.
type plain struct{ rendered *int }

func (p plain) RenderInto(_ []byte, e tail.Event) []byte {
	if p.rendered != nil {
		*p.rendered++
	}
	switch e := e.(type) {
	case tail.Lines:
		return e.Text
	case tail.CaughtUp:
		return []byte("caught up")
	default:
		return fmt.Appendf(nil, "%T", e)
	}
}

func plainRendering() hub.Rendering {
	return hub.Rendering{Key: "plain", New: func() hub.Renderer { return plain{} }}
}

// witness is a session and what it ought to get next.
type witness struct {
	log     *fakeLog
	session *hub.Session
	filter  tail.Filter
	next    int // index of the item that comes next
	begun   bool
	eof     bool
	lates   map[string]bool // late lines that came, by where they stand
	at      tail.Position   // where it came back last
	left    []tail.Position // how far the generations were read that it has left, the latest last
}

// open opens a session and notes what it has to get.
func open(h *hub.Hub, l *fakeLog, r hub.Request) (*witness, error) {
	l.mu.Lock()
	next := l.index(r.Start)
	l.mu.Unlock()
	r.Log, r.Rendering = "/log", plainRendering()
	s, err := h.Open(context.Background(), r)
	return &witness{log: l, session: s, filter: r.Filter, next: next}, err
}

// read takes one item, if one comes within d, and checks it.
func (w *witness) read(d time.Duration) (got bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	it, err := w.session.Next(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return false, nil
	case errors.Is(err, io.EOF):
		w.eof = true
		return false, nil
	case err != nil:
		return false, err
	}
	f, ok := it.(*hub.Frame)
	if !ok {
		return true, nil
	}
	return true, w.check(f)
}

// late checks a late line, which may come at any time, but once.
func (w *witness) late(e tail.Late) error {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	for _, l := range w.log.lates {
		if !l.Start.Same(e.Start) {
			continue
		}
		at := e.Start.String()
		if string(l.Text) != string(e.Text) || w.lates[at] {
			return fmt.Errorf("late %q at %s, which is %q and came before: %v", e.Text, at, l.Text, w.lates[at])
		}
		if w.lates == nil {
			w.lates = map[string]bool{}
		}
		w.lates[at] = true
		w.leave(e.End)
		return nil
	}
	return fmt.Errorf("late %q at %v comes from nowhere", e.Text, e.Start)
}

func (w *witness) check(f *hub.Frame) error {
	if e, ok := f.Event.(tail.Late); ok {
		return w.late(e)
	}
	w.log.mu.Lock()
	items := w.log.items[w.next:]
	if !w.begun && w.next > 0 && fmt.Sprint(w.log.items[w.next-1].mark) == fmt.Sprint(f.Event) {
		items = w.log.items[w.next-1:] // A doubt about the very place where it begins may be told or not.
		w.next--
	}
	w.log.mu.Unlock()
	w.begun = true
	n := 0
	defer func() { w.next += n }()
	switch e := f.Event.(type) {
	case tail.Lines:
		if string(f.Payload) != string(e.Text) {
			return fmt.Errorf("the payload is %q, the text %q", f.Payload, e.Text)
		}
		for ; n < len(items) && !items[n].start.Same(e.Start); n++ {
			if items[n].mark != nil || passes(w.filter, items[n].line) {
				return fmt.Errorf("%v %q was left out before %v", items[n].start, items[n].line, e.Start)
			}
		}
		text := string(e.Text)
		for ; n < len(items) && !items[n].start.Same(e.End); n++ {
			if items[n].mark != nil {
				if items[n].start.Same(items[n].end) || !items[n].start.Same(e.End) {
					return fmt.Errorf("%T at %v was left out", items[n].mark, items[n].start)
				}
				break
			}
			if !passes(w.filter, items[n].line) {
				continue
			}
			if len(e.Offsets) > 0 {
				if want := e.Start.Add(int64(e.Offsets[0])); !want.Same(items[n].start) {
					return fmt.Errorf("the line at %v is said to be at %v", items[n].start, want)
				}
				e.Offsets = e.Offsets[1:]
			}
			var ok bool
			if text, ok = strings.CutPrefix(text, items[n].line); !ok {
				return fmt.Errorf("at %v: want %q, have %q", items[n].start, items[n].line, text)
			}
		}
		if text != "" || len(e.Offsets) > 0 {
			return fmt.Errorf("%q is too much", text)
		}
	case tail.Boundary, tail.Gap:
		if b, ok := e.(tail.Boundary); ok {
			w.leave(b.From)
		}
		for ; n < len(items) && items[n].mark == nil; n++ {
			if passes(w.filter, items[n].line) {
				return fmt.Errorf("%q was left out before %T", items[n].line, e)
			}
		}
		if n == len(items) {
			return fmt.Errorf("%T comes from nowhere", e)
		}
		if fmt.Sprint(items[n].mark) != fmt.Sprint(f.Event) {
			return fmt.Errorf("want %v, have %v", items[n].mark, f.Event)
		}
		n++
	case tail.CaughtUp:
	default:
		return fmt.Errorf("unexpected %T", e)
	}
	return nil
}

// refilter passes over what the old filter left out up to where the session is.
func (w *witness) refilter(f tail.Filter) {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	at := w.session.Position()
	for n := w.next; n < len(w.log.items) && w.log.items[n].mark == nil && !passes(w.filter, w.log.items[n].line); n++ {
		if w.log.items[n].end.Same(at) {
			w.next = n + 1
		}
	}
	w.filter = f
}

// finish reads all that is left and checks that nothing is missing.
func (w *witness) finish() error {
	for {
		got, err := w.read(5 * time.Second)
		if err != nil {
			return err
		}
		if !got {
			break
		}
	}
	if w.eof {
		return nil // What was written after the end is not asked for.
	}
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	for _, it := range w.log.items[w.next:] {
		if it.mark != nil || passes(w.filter, it.line) {
			return fmt.Errorf("%v %q %v never came", it.start, it.line, it.mark)
		}
	}
	return nil
}

// step is an action of the model test; its numbers mean what the action makes of them.
type step struct{ Op, A, B int }

var filters = []tail.Filter{{}, {Include: []string{"[02468]\n"}}, {Exclude: []string{"1"}}}

func TestModel_AnyInterleaving_EverySessionGetsEveryLineOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			return step{rapid.IntRange(0, 17).Draw(rt, "op"), rapid.IntRange(0, 20).Draw(rt, "a"), rapid.IntRange(0, 20).Draw(rt, "b")}
		}), 1, 60).Draw(rt, "steps")
		var err error
		synctest.Test(t, func(t *testing.T) { err = runModel(seed, steps) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

func runModel(seed uint64, steps []step) error {
	l := newFakeLog()
	l.seed = seed
	h := hub.New(l, hub.Options{RingBytes: 3000, MaxFeeds: 2, Linger: 100 * time.Millisecond})
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { defer close(stopped); _ = h.Run(ctx) }()
	defer func() { stop(); <-stopped }()

	var open_ []*witness
	lines := 0
	for i, st := range steps {
		var w *witness
		if len(open_) > 0 {
			w = open_[st.B%len(open_)]
		}
		var err error
		switch {
		case st.Op <= 3:
			for range st.A {
				lines++
				l.write(fmt.Sprintf("line %d\n", lines))
				if st.B%3 == 0 {
					synctest.Wait()
				}
			}
		case st.Op == 4:
			l.rotate(0)
		case st.Op == 5:
			l.rotate(st.A)
		case st.Op == 6:
			l.doubt()
		case st.Op <= 8 && len(open_) < 8:
			start := []tail.Start{
				tail.StartAtEnd(), tail.StartAtLastLines(int64(st.A)), tail.StartAtBeginning(), tail.StartAtLastLines(5),
			}[st.B%4]
			w, err = open(h, l, hub.Request{Start: start, Follow: st.A != 7, Filter: filters[st.A%3]})
			open_ = append(open_, w)
			synctest.Wait()
		case st.Op == 9:
			l.die()
		case st.Op >= 16:
			l.writeLate(st.A, fmt.Sprintf("late %d\n", i))
		case st.Op == 10 && w != nil && st.A < 10:
			if err = w.session.SetFilter(ctx, filters[st.A%3]); err == nil {
				w.refilter(filters[st.A%3])
			}
		case st.Op == 11 && w != nil && st.A < 5:
			w.session.Close()
			open_ = append(open_[:st.B%len(open_)], open_[st.B%len(open_)+1:]...)
		case st.Op == 12:
			time.Sleep(time.Duration(st.A*st.A) * 10 * time.Millisecond)
		case w != nil:
			for range st.A {
				var got bool
				if got, err = w.read(time.Millisecond); err != nil || !got {
					break
				}
			}
		}
		if err != nil {
			return fmt.Errorf("step %d, %+v: %w", i, st, err)
		}
	}
	for i, w := range open_ {
		if err := w.finish(); err != nil {
			return fmt.Errorf("session %d, at the end: %w", i, err)
		}
	}
	return nil
}
