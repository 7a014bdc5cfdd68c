package supervise

import (
	"context"
	"errors"
	"iter"

	"github.com/livetail/livetail/host/internal/hub/cursor"
	"github.com/livetail/livetail/plugin/tail"
)

// Follow implements [tail.Tailer]. It goes on in the next process when one goes away, at the end of the last event that it yielded.
//
// If nothing is left after that position when the next process looks, a gap is declared and the live end is followed.
func (p *Plugin) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		f := follow{p: p, req: req, yield: yield}
		f.cur.Recall(req.Left)
		var last *incarnation
		wait := retryFirst
		for {
			now, err := p.next(ctx, last, wait)
			if err != nil {
				yield(nil, err)
				return
			}
			again, got := f.in(ctx, now)
			if !again {
				return
			}
			last = now
			if wait = min(2*wait, retryLongest); got {
				wait = retryFirst
			}
		}
	}
}

// follow is one Follow call of a caller, over any number of processes.
type follow struct {
	p     *Plugin
	req   tail.FollowRequest
	yield func(tail.Event, error) bool
	cur   cursor.Cursor
}

// in is the part of the call that happens in one process. again means that it goes on in the next one, got that this one delivered
// something.
func (f *follow) in(ctx context.Context, now *incarnation) (again, got bool) {
	req := f.req
	if !f.cur.Position().IsZero() {
		req.Start = f.cur.Start(f.req.Start)
		// The log was there; that it is not now is a rotation that has not come to its end.
		req.Wait = f.req.Wait || f.req.Follow
		f.cur.Resume()
		req.Left = f.cur.Lately()
	}
	bound, cancel := now.bind(ctx)
	defer cancel()
	for e, err := range now.Follow(bound, req) {
		switch {
		case err == nil:
		case now.gone(ctx, err):
			return true, got
		case ctx.Err() != nil:
			f.yield(nil, ctx.Err())
			return false, got
		case errors.Is(err, tail.ErrPositionGone) && !got && !f.cur.Position().IsZero():
			if !f.lost() {
				return false, false
			}
			return f.in(ctx, now)
		default:
			f.yield(nil, err)
			return false, got
		}
		got = true
		first, rest := f.cur.Fit(e)
		for _, e := range []tail.Event{first, rest} {
			if e == nil {
				continue
			}
			f.cur.Advance(e)
			if !f.yield(e, nil) {
				return false, got
			}
		}
	}
	// The call is over because all was delivered, or because now was retired and its tailer ended without a word.
	return ctx.Err() == nil && now.retired.Err() != nil && f.req.Follow, got
}

// lost declares that what came after the position is not there any more, and reports whether the caller wants to go on. What there
// is now may come from before the position, so it cannot be delivered without doubling; only what is written from now on can.
func (f *follow) lost() bool {
	gap := tail.Gap{
		Cause: tail.CauseDown, After: f.cur.Position(),
		Evidence: []string{"the plugin was restarted, and nothing was left after this position"},
	}
	f.cur = cursor.Cursor{}
	f.req.Start = tail.StartAtEnd()
	return f.yield(gap, nil) && f.req.Follow
}
