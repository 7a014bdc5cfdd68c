package follow

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/internal/linetime"
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
	pick, err := newPicker(req.Filter, req.Times)
	if err != nil {
		return nil, err
	}
	l, err := e.acquire(ctx, path)
	if err != nil {
		return nil, err
	}
	r := &Reader{l: l, follow: req.Follow, wait: req.Wait, left: -1, pick: pick, behind: req.Left}
	if err := r.begin(ctx, req.Start); err != nil {
		r.Close()
		return nil, err
	}
	if err := r.goOnLate(ctx, req.Left); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// newPicker returns nil if lines need not be looked at.
func newPicker(f tail.Filter, times bool) (*picker, error) {
	m, err := compile(f)
	if err != nil || m == nil && !times {
		return nil, err
	}
	p := &picker{match: m}
	if times {
		p.stamp = &linetime.Stamper{Parser: &linetime.Parser{}} // Told with each generation what to know.
	}
	return p, nil
}

// maxRetries is how often finding the start is tried again because the file was rewritten meanwhile.
const maxRetries = 10

func (r *Reader) begin(ctx context.Context, start tail.Start) error {
	if r.l.empty() {
		if err := r.l.history(ctx); err != nil { // Between two files, the log is its rotated generations.
			return err
		}
	}
	if _, err := r.l.oldest(); err != nil && r.l.empty() {
		if r.wait && errors.Is(err, tail.ErrNotFound) {
			return r.awaitFrom(start)
		}
		return err
	}
	for range maxRetries {
		r.queue = nil
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

// awaitFrom begins at a log that does not exist yet. Whether anything is missing after a position is known, and said, when it appears.
func (r *Reader) awaitFrom(start tail.Start) error {
	if p, ok := start.Position(); ok {
		if _, err := parseToken(p.Generation); err != nil {
			return err
		}
		r.sought = &sought{at: p}
	}
	return nil
}

func (r *Reader) beginAt(ctx context.Context, start tail.Start) error {
	switch {
	case start.Beginning():
		return r.beginFirst(ctx)
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
		return r.beginPosition(ctx, p)
	}
	t, _ := start.Time()
	return r.beginTime(ctx, t)
}

// beginTime begins with the first line whose time is not before t, or at the end if there is none.
func (r *Reader) beginTime(ctx context.Context, t time.Time) error {
	if err := r.l.wholeChain(ctx); err != nil {
		return err
	}
	gens, unpin := r.l.snapshot()
	defer unpin()
	gens = slices.DeleteFunc(slices.Clone(gens), func(g *generation) bool { return !g.readable(r.l) })
	i, _, err := r.l.around(ctx, gens, t)
	if err != nil {
		return err
	}
	// The newest generation that begins before t holds it, or else the one after it begins with it.
	if i >= 0 {
		g := gens[i]
		off, found, err := r.l.firstAtTime(ctx, g, t)
		if err != nil && !errors.Is(err, errCorrupt) {
			return err
		}
		if found && err == nil {
			return r.enter(ctx, g, max(off, g.from))
		}
	}
	if i++; i < len(gens) {
		r.declareBefore(gens[i], t)
		return r.enter(ctx, gens[i], gens[i].from)
	}
	return r.beginLast(ctx, 0)
}

// beginFirst begins with the oldest generation there is.
func (r *Reader) beginFirst(ctx context.Context) error {
	if err := r.l.wholeChain(ctx); err != nil {
		return err
	}
	g := r.l.first0()
	r.declareOlder(g, true)
	if g.readable(r.l) {
		return r.enter(ctx, g, g.from)
	}
	return nil // enterFirst waits for it.
}

// first0 returns the first generation of the chain.
func (l *Log) first0() *generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.chain[0]
}

// wholeChain makes the chain begin with the oldest generation that exists.
func (l *Log) wholeChain(ctx context.Context) error {
	l.mu.Lock()
	whole := l.whole
	l.mu.Unlock()
	if whole {
		return nil
	}
	return l.history(ctx)
}

func (g *generation) readable(l *Log) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return g.state == ready && !g.cut
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
	at, off, left, err := r.backFrom(ctx, gens, n)
	unpin()
	if err != nil {
		return err
	}
	if left > 0 && !r.l.isWhole() {
		if err := r.l.history(ctx); err != nil {
			return err
		}
		gens, unpin = r.l.snapshot()
		at, off, left, err = r.backFrom(ctx, gens, n)
		unpin()
		if err != nil {
			return err
		}
	}
	if at == nil {
		return nil
	}
	if left > 0 {
		r.declareBefore(at, time.Time{})
	}
	return r.enter(ctx, at, off)
}

func (l *Log) isWhole() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.whole
}

// backFrom looks for the place n lines before the end of gens. left is how many lines are missing.
func (r *Reader) backFrom(ctx context.Context, gens []*generation, n int64) (at *generation, off, left int64, err error) {
	left = n
	for _, g := range slices.Backward(gens) {
		if !g.readable(r.l) {
			continue
		}
		size, err := g.length(ctx)
		if err != nil {
			return nil, 0, 0, err
		}
		if size < g.from {
			return nil, 0, 0, errRewritten
		}
		var found int64
		// An incomplete line at the end is a line if it is going to be delivered as one.
		partial := at != nil || !r.follow
		at = g
		if off, found, err = r.lastIn(ctx, g, size, left, partial); err != nil {
			return nil, 0, 0, err
		}
		if left -= found; left <= 0 {
			break
		}
	}
	return at, off, left, nil
}

// lastIn is lastLines for the lines that the reader wants.
func (r *Reader) lastIn(ctx context.Context, g *generation, end, n int64, partial bool) (off, found int64, err error) {
	c := codingOf(ctx, g, r.l.encoding())
	if r.pick == nil || r.pick.match == nil || n == 0 {
		if c.wide() {
			return lastLinesWide(ctx, g, c, end, n, partial)
		}
		return lastLines(ctx, g, end, n, partial)
	}
	if g.packed != nil {
		return lastMatching(ctx, g, c, r.pick.match, 0, end, min(n, tail.MaxPageLines))
	}
	n = min(n, tail.MaxPageLines)
	off = end
	for off > g.from && found < n {
		// A stretch at a time, from the end, each beginning with a line.
		from := max(off-matchStretch, g.from)
		if from > g.from {
			if from, err = lineAfter(ctx, g, c, from, off); err != nil {
				return 0, 0, err
			}
		}
		at, some, err := lastMatching(ctx, g, c, r.pick.match, from, off, n-found)
		if err != nil {
			return 0, 0, err
		}
		off = at
		found += some
		if r.scanned += matchStretch; r.scanned > maxScan {
			return off, n, nil // Far enough: what has been found has to do.
		}
	}
	return off, found, nil
}

// How far back lines that pass a filter are looked for.
const (
	matchStretch = 1 << 20
	maxScan      = 256 << 20
)

// errEnd says that everything that was asked for has been delivered.
var errEnd = errors.New("end")
