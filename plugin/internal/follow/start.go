package follow

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/tail"
)

// Follow yields the events of the log at path, as [tail.Tailer] has it; path is req.Log, resolved.
func (e *Engine) Follow(ctx context.Context, path guard.Path, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		r, err := e.Open(ctx, path, req)
		if err != nil {
			yield(nil, err)
			return
		}
		defer r.Close()
		for {
			ev, err := r.Next(ctx)
			if errors.Is(err, errEnd) {
				return
			}
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

// Open returns a reader at the start that req asks for. Everything that is written after Open has returned is going to be read.
func (e *Engine) Open(ctx context.Context, path guard.Path, req tail.FollowRequest) (*Reader, error) {
	l, err := e.acquire(ctx, path)
	if err != nil {
		return nil, err
	}
	r := &Reader{l: l, follow: req.Follow, wait: req.Wait, left: -1}
	if err := r.begin(ctx, req.Start); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// maxRetries is how often finding the start is tried again because the file was rewritten meanwhile.
const maxRetries = 10

func (r *Reader) begin(ctx context.Context, start tail.Start) error {
	if _, err := r.l.oldest(); err != nil && r.l.empty() {
		if r.wait && errors.Is(err, tail.ErrNotFound) {
			return r.awaitFrom(start)
		}
		return err
	}
	for range maxRetries {
		err := r.beginAt(ctx, start)
		if !errors.Is(err, errRewritten) {
			return err
		}
		if err := r.l.ask(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s is being rewritten all the time: %w", r.l.path, tail.ErrUnreadable)
}

// awaitFrom begins at a log that does not exist yet.
func (r *Reader) awaitFrom(start tail.Start) error {
	if p, ok := start.Position(); ok {
		if _, err := parseToken(p.Generation); err != nil {
			return err
		}
		r.queue = append(r.queue, downGap(p, tail.Position{}))
	}
	return nil
}

func (r *Reader) beginAt(ctx context.Context, start tail.Start) error {
	switch {
	case start.Beginning():
		return r.enterHeld(r.l.at0())
	case start.End():
		return r.beginLast(ctx, 0)
	}
	if n, ok := start.LastLines(); ok {
		if n < 0 {
			return fmt.Errorf("%d lines are asked for: %w", n, tail.ErrBadRequest)
		}
		return r.beginLast(ctx, n)
	}
	if p, ok := start.Position(); ok {
		return r.beginPosition(p)
	}
	return fmt.Errorf("starting at a %s: %w", start, tail.ErrUnsupported)
}

// at0 returns the first generation that is held.
func (l *Log) at0() *generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.chain[0]
}

// enterHeld enters a generation at its beginning.
func (r *Reader) enterHeld(g *generation) error {
	if g.readable(r.l) {
		return r.enter(g, g.from)
	}
	return nil // enterFirst waits for it.
}

func (g *generation) readable(l *Log) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return g.state == ready
}

// snapshot returns the chain as it is now, and keeps its generations from being given up until unpin is called.
func (l *Log) snapshot() (gens []*generation, unpin func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gens = append(gens, l.chain...)
	for _, g := range gens {
		g.readers++
	}
	return gens, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, g := range gens {
			l.leaveLocked(g)
		}
	}
}

// beginLast begins n lines before the end.
func (r *Reader) beginLast(ctx context.Context, n int64) error {
	gens, unpin := r.l.snapshot()
	defer unpin()
	left := n
	last := true
	var at *generation
	var off int64
	for i := len(gens) - 1; i >= 0; i-- {
		g := gens[i]
		if !g.readable(r.l) || g.isCut(r.l) {
			continue
		}
		size, _, _, err := g.on.size()
		if err != nil {
			return err
		}
		if size < g.from {
			return errRewritten
		}
		var found int64
		// An incomplete line at the end is a line if it is going to be delivered as one.
		at = g
		if off, found, err = lastLines(ctx, g, size, left, !last || !r.follow); err != nil {
			return err
		}
		last = false
		if left -= found; left <= 0 {
			break
		}
	}
	if at == nil {
		return nil
	}
	return r.enter(at, off)
}

func (g *generation) isCut(l *Log) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return g.cut
}

// beginPosition begins at p. If what p names is not there any more, it begins with the oldest that came after it, and declares the gap.
func (r *Reader) beginPosition(p tail.Position) error {
	t, err := parseToken(p.Generation)
	if err != nil {
		return err
	}
	gens, unpin := r.l.snapshot()
	defer unpin()
	for _, g := range gens {
		if g.token == p.Generation {
			return r.resume(g, p)
		}
	}
	for _, g := range gens {
		// The same file in another process: whether its content is still the same is for the check to say.
		if g.readable(r.l) && t.matches(g.on.id) && !g.isCut(r.l) {
			return r.resume(g, p)
		}
	}
	for _, g := range gens {
		if g.readable(r.l) && !g.isCut(r.l) && g.on.id.btime >= t.btime {
			r.queue = append(r.queue, downGap(p, g.start()))
			return r.enter(g, g.from)
		}
	}
	return fmt.Errorf("nothing after position %s exists: %w", p, tail.ErrPositionGone)
}

// resume goes on at p in g, if the content before p is what it was.
func (r *Reader) resume(g *generation, p tail.Position) error {
	if g.readable(r.l) {
		var w window
		err := w.load(g.on, p.Offset)
		if err == nil && (p.Check == "" || w.check() == p.Check) && p.Offset >= g.from && !g.isCut(r.l) {
			return r.enter(g, p.Offset)
		}
		if err != nil && !errors.Is(err, errRewritten) {
			return err
		}
	}
	// It was emptied or rewritten since.
	next := r.l.afterCut(g)
	if next == nil {
		next = g
	}
	gap := tail.Gap{Cause: tail.CauseTruncated, Certain: true, After: p, Before: next.start(),
		Evidence: []string{"the content before this position is not what it was"}}
	r.queue = append(r.queue, tail.Truncated{From: p, To: next.start()}, gap)
	return r.enter(next, next.from)
}

// afterCut returns the generation that stands in the file of g now, if that is another one.
func (l *Log) afterCut(g *generation) *generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	for g.cut && g.next != nil {
		g = g.next
	}
	return g
}

func downGap(after, before tail.Position) tail.Gap {
	return tail.Gap{Cause: tail.CauseDown, Certain: true, After: after, Before: before,
		Evidence: []string{"the generation of this position does not exist any more"}}
}

// errEnd says that everything that was asked for has been delivered.
var errEnd = errors.New("end")
