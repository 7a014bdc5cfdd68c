package dockerlogs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/livetail/livetail/plugin/internal/follow"
	"github.com/livetail/livetail/plugin/tail"
)

// Follow implements [tail.Tailer]. When a container is removed and another one of the same name is made, as happens at every deployment, the
// log goes on there, after what was left of the old one.
func (t *Tailer) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		match, err := follow.Compile(req.Filter)
		if err != nil {
			yield(nil, err)
			return
		}
		f := &following{t: t, req: req, yield: yield}
		f.batch.times = req.Times
		f.unwrap = unwrapper{match: match, line: f.batch.add, event: func(e tail.Event) {
			f.flush()
			f.send(e)
		}}
		if err := f.run(ctx); err != nil && !f.left {
			yield(nil, err)
		}
	}
}

// following is one Follow call.
type following struct {
	t      *Tailer
	req    tail.FollowRequest
	yield  func(tail.Event, error) bool
	left   bool // the caller has left the loop
	unwrap unwrapper
	batch  batch
	// from is the end of the container before, which is told as soon as the beginning of the next one is known; nil if there is none.
	from *tail.Boundary
}

func (f *following) send(e tail.Event) {
	if !f.left {
		f.left = !f.yield(e, nil)
	}
}

func (f *following) flush() { f.batch.flush(func(l tail.Lines) { f.send(l) }) }

func (f *following) run(ctx context.Context) error {
	c, err := f.t.await(ctx, f.req.Log, f.req.Wait)
	if err != nil {
		return err
	}
	start, err := f.t.start(ctx, c, f.req, f.unwrap.match)
	if err != nil {
		return err
	}
	for {
		next, err := f.container(ctx, c, start)
		if err != nil || f.left || next.id == "" {
			return err
		}
		f.from = &tail.Boundary{From: f.unwrap.edge(f.unwrap.at), How: tail.HowReplaced, Order: tail.OrderObserved, Name: c.id[:shortLength]}
		if f.from.From.IsZero() {
			f.from = nil // Nothing of the old one has been seen.
		}
		c, start = next, tail.StartAtBeginning()
	}
}

// container follows one container's log. next is the container that has taken its place; none if the call is over.
func (f *following) container(ctx context.Context, c container, start tail.Start) (next container, err error) {
	inner, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	var successor atomic.Pointer[container]
	var idle atomic.Bool // all has been read
	if f.req.Follow && f.req.Log == c.name {
		watching.Go(func() { // Ends with inner.
			if n, ok := f.t.replaced(inner, c); ok {
				successor.Store(&n)
				for !idle.Load() && pause(inner, f.t.names) {
				}
				cancel()
			}
		})
	}
	req := tail.FollowRequest{Log: f.t.file(c.id), Start: start, Follow: f.req.Follow, Wait: f.req.Wait || f.from != nil, Times: f.req.Times}
	err = f.read(inner, req, &idle)
	n := successor.Load()
	if n == nil || ctx.Err() != nil || f.left || err != nil && !errors.Is(err, context.Canceled) {
		return container{}, err
	}
	// What was written between the last look and the end.
	if at := f.unwrap.edge(f.unwrap.at); !at.IsZero() {
		req.Start, req.Follow = tail.StartAtPosition(at), false
		f.unwrap.open, f.unwrap.raw = nil, nil
		err = f.read(ctx, req, &idle)
		if gone := errors.Is(err, tail.ErrNotFound) || errors.Is(err, tail.ErrPositionGone); err != nil && !gone || f.left {
			return container{}, err
		}
		f.unwrap.finish(tail.Position{})
		f.flush()
	}
	return *n, nil
}

// read follows one file and hands on what is in it.
func (f *following) read(ctx context.Context, req tail.FollowRequest, idle *atomic.Bool) error {
	for e, err := range f.t.files.Follow(ctx, req) {
		if err != nil {
			return err
		}
		_, caughtUp := e.(tail.CaughtUp)
		idle.Store(caughtUp)
		if f.from != nil {
			f.join(e)
		}
		f.unwrap.add(e)
		f.flush()
		if f.left {
			return nil
		}
	}
	return ctx.Err()
}

// join tells that the log goes on in another container, whose first event is e.
func (f *following) join(e tail.Event) {
	b := *f.from
	switch e := e.(type) {
	case tail.Lines:
		b.To = e.Start
	case tail.CaughtUp:
		b.To = e.At
	}
	if b.To.IsZero() {
		return
	}
	f.from = nil
	f.unwrap.at = b.To
	f.send(b)
}

// replaced waits until another container has the name of c.
func (t *Tailer) replaced(ctx context.Context, c container) (next container, ok bool) {
	for pause(ctx, t.names) {
		// Also while the name is nobody's: between the end of the one and the beginning of the other.
		if n, err := t.find(c.name); err == nil && n.id != c.id && n.name == c.name {
			if _, has := t.entry(n); has {
				return n, true
			}
		}
	}
	return container{}, false
}

// await returns the container that a log belongs to, and waits for it if wait is set.
func (t *Tailer) await(ctx context.Context, log string, wait bool) (container, error) {
	for {
		if err := ctx.Err(); err != nil {
			return container{}, err
		}
		c, err := t.find(log)
		if err == nil {
			_, has := t.entry(c)
			if has || !wait {
				return c, nil // Without a log, the reading says so.
			}
		}
		if err != nil && (!wait || !errors.Is(err, tail.ErrNotFound)) {
			return container{}, err
		}
		pause(ctx, t.names)
	}
}

// pause waits for d and reports whether ctx was not cancelled meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// start turns a number of last lines into a position: lines of the file are not lines of the container.
func (t *Tailer) start(ctx context.Context, c container, req tail.FollowRequest, match *follow.Matcher) (tail.Start, error) {
	n, ok := req.Start.LastLines()
	switch {
	case !ok:
		return req.Start, nil
	case n < 0:
		return tail.Start{}, fmt.Errorf("%d lines are asked for: %w", n, tail.ErrBadRequest)
	}
	at, err := t.end(ctx, c)
	if err != nil {
		if req.Wait && errors.Is(err, tail.ErrNotFound) {
			return req.Start, nil
		}
		return tail.Start{}, err
	}
	if n == 0 || at.IsZero() {
		return tail.StartAtEnd(), nil
	}
	for pages := 0; n > 0 && pages < maxSearch; pages++ {
		p, err := t.backward(ctx, c, at, int(min(n, tail.MaxPageLines)), match, false)
		if err != nil {
			return tail.Start{}, err
		}
		n -= int64(p.lines)
		if p.start.Same(at) {
			break
		}
		at = p.start
		if p.atBeginning {
			break
		}
	}
	return tail.StartAtPosition(at), nil
}

// end returns the live end of a container's log.
func (t *Tailer) end(ctx context.Context, c container) (at tail.Position, err error) {
	for e, err := range t.files.Follow(ctx, tail.FollowRequest{Log: t.file(c.id)}) {
		if err != nil {
			return tail.Position{}, err
		}
		if e, ok := e.(tail.CaughtUp); ok {
			at = e.At
		}
	}
	return at, ctx.Err()
}
