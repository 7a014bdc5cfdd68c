package supervise

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

const (
	// retryFirst and retryLongest bound the wait before a call is made again to a process that broke it off, but is still the present one.
	retryFirst, retryLongest = 50 * time.Millisecond, time.Second
)

// next returns the process to call. If that is last, which has just failed, it first waits for another one, at most for wait.
func (p *Plugin) next(ctx context.Context, last *incarnation, wait time.Duration) (*incarnation, error) {
	var patience <-chan time.Time
	if last != nil {
		t := time.NewTimer(wait)
		defer t.Stop()
		patience = t.C
	}
	for {
		p.mu.Lock()
		now, changed, state := p.current, p.changed, p.status.State
		p.mu.Unlock()
		if now != nil && now != last {
			return now, nil
		}
		if state == StateStopped {
			return nil, fmt.Errorf("the plugin has been stopped: %w", tail.ErrPluginGone)
		}
		select {
		case <-changed:
		case <-patience:
			last, patience = nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// bind returns a context for a call to i: it ends with ctx, or when i is retired. The caller calls cancel.
func (i *incarnation) bind(ctx context.Context) (bound context.Context, cancel func()) {
	bound, end := context.WithCancel(ctx)
	stop := context.AfterFunc(i.retired, end)
	return bound, func() { stop(); end() }
}

// gone reports whether err, which a call to i ended with, means that the process is not there any more, rather than anything about what was
// asked. ctx is the caller's.
func (i *incarnation) gone(ctx context.Context, err error) bool {
	return ctx.Err() == nil && (errors.Is(err, tail.ErrPluginGone) || i.retired.Err() != nil && errors.Is(err, context.Canceled))
}

// attempts is how often a call is made to processes that go away over it. What kills one process may be the call itself.
const attempts = 2

// ask makes a call that has one answer. It waits for a process for a bounded time, and makes the call once more if the process goes away.
func ask[T any](ctx context.Context, p *Plugin, call func(context.Context, tail.Tailer) (T, error)) (T, error) {
	var none T
	var last *incarnation
	for attempt := 1; ; attempt++ {
		now, err := p.await(ctx, last)
		if err != nil {
			return none, err
		}
		bound, cancel := now.bind(ctx)
		timed, stop := context.WithTimeout(bound, p.o.CallTimeout)
		answer, err := call(timed, now)
		late := timed.Err() == context.DeadlineExceeded && ctx.Err() == nil
		stop()
		cancel()
		switch {
		case err == nil:
			return answer, nil
		case ctx.Err() != nil:
			return none, ctx.Err()
		case late:
			return none, fmt.Errorf("the plugin did not answer within %v: %w", p.o.CallTimeout, err)
		case !now.gone(ctx, err):
			return none, err
		case attempt == attempts:
			return none, fmt.Errorf("the plugin went away while it was asked: %w", tail.ErrPluginGone)
		}
		last = now
	}
}

// await is next for calls that do not wait for ever.
func (p *Plugin) await(ctx context.Context, last *incarnation) (*incarnation, error) {
	waiting, stop := context.WithTimeout(ctx, p.o.WaitTimeout)
	defer stop()
	now, err := p.next(waiting, last, retryFirst)
	if err != nil {
		return nil, p.unavailable(ctx, err)
	}
	return now, nil
}

// unavailable is the error for a caller who waited for a process in vain.
func (p *Plugin) unavailable(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, tail.ErrPluginGone):
		return err
	}
	if ready := p.Ready(); ready != nil {
		return fmt.Errorf("%w (%w)", ready, tail.ErrPluginGone)
	}
	return fmt.Errorf("the plugin is being restarted, try again in a moment: %w", tail.ErrPluginGone)
}

// Info implements [tail.Tailer]. It waits for a process for a bounded time.
func (p *Plugin) Info(ctx context.Context) (tail.Info, error) {
	return ask(ctx, p, func(ctx context.Context, t tail.Tailer) (tail.Info, error) { return t.Info(ctx) })
}

// Metrics implements [tail.Meter]. It does not wait for a process: what is counted in one that is not there is not known.
func (p *Plugin) Metrics(ctx context.Context) ([]tail.Metric, error) {
	p.mu.Lock()
	now := p.current
	p.mu.Unlock()
	if now == nil {
		return nil, fmt.Errorf("there is no process now: %w", tail.ErrPluginGone)
	}
	meter, ok := now.Process.(tail.Meter)
	if !ok {
		return nil, tail.ErrUnsupported
	}
	return meter.Metrics(ctx)
}

// Read implements [tail.Tailer]. It waits for a process for a bounded time, and asks again if the process dies meanwhile.
func (p *Plugin) Read(ctx context.Context, req tail.ReadRequest) (tail.Page, error) {
	return ask(ctx, p, func(ctx context.Context, t tail.Tailer) (tail.Page, error) { return t.Read(ctx, req) })
}

// Diagnose implements [tail.Tailer]. It waits for a process for a bounded time, and asks again if the process dies meanwhile.
func (p *Plugin) Diagnose(ctx context.Context, log string) (tail.Report, error) {
	return ask(ctx, p, func(ctx context.Context, t tail.Tailer) (tail.Report, error) { return t.Diagnose(ctx, log) })
}

// List implements [tail.Tailer]. It waits for a process for a bounded time. When the process dies in the middle, the list goes on in the
// next one, after the last entry.
func (p *Plugin) List(ctx context.Context, req tail.ListRequest) iter.Seq2[tail.Entry, error] {
	return func(yield func(tail.Entry, error) bool) {
		var last *incarnation
		seen, after := 0, ""
		for attempt := 1; ; attempt++ {
			now, err := p.await(ctx, last)
			if err != nil {
				yield(tail.Entry{}, err)
				return
			}
			done, err := p.list(ctx, now, req, func(e tail.Entry) bool {
				if seen > 0 && e.Log <= after {
					return true
				}
				seen++
				after = e.Log
				return yield(e, nil)
			})
			switch {
			case done:
				return
			case err == nil || !now.gone(ctx, err) || attempt == attempts:
				if err != nil {
					yield(tail.Entry{}, err)
				}
				return
			}
			last = now
		}
	}
}

// list is one List call to one process. done means that yield wants no more.
func (p *Plugin) list(ctx context.Context, now *incarnation, req tail.ListRequest, yield func(tail.Entry) bool) (done bool, err error) {
	return stepwise(ctx, p, now, "list", func(ctx context.Context) iter.Seq2[tail.Entry, error] { return now.List(ctx, req) }, yield)
}

// stepwise makes a call to one process whose answer comes bit by bit. There is a deadline for each step, not for the whole, because the caller may
// take its time. done means that yield wants no more.
func stepwise[T any](
	ctx context.Context, p *Plugin, now *incarnation, name string, call func(context.Context) iter.Seq2[T, error], yield func(T) bool,
) (done bool, err error) {
	bound, cancel := now.bind(ctx)
	defer cancel()
	timed, stop := context.WithCancel(bound)
	defer stop()
	late := time.AfterFunc(p.o.CallTimeout, stop)
	defer late.Stop()
	for v, err := range call(timed) {
		inTime := late.Stop()
		if err != nil {
			if !inTime && ctx.Err() == nil && now.retired.Err() == nil {
				err = fmt.Errorf("the plugin did not go on with the %s within %v: %w", name, p.o.CallTimeout, context.DeadlineExceeded)
			}
			return false, err
		}
		if !yield(v) {
			return true, nil
		}
		late.Reset(p.o.CallTimeout)
	}
	return false, nil
}

// Scan implements [tail.Tailer]. It waits for a process for a bounded time. When the process dies in the middle, the scan goes on in the
// next one where the last report says, as far as that finds the place again.
func (p *Plugin) Scan(ctx context.Context, req tail.ScanRequest) iter.Seq2[tail.ScanReport, error] {
	return func(yield func(tail.ScanReport, error) bool) {
		var last *incarnation
		var before tail.ScanReport // what came of the processes that died
		for attempt := 1; ; attempt++ {
			now, err := p.await(ctx, last)
			if err != nil {
				yield(tail.ScanReport{}, err)
				return
			}
			latest := before
			done, err := p.scan(ctx, now, req, func(r tail.ScanReport) bool {
				r.Scanned += before.Scanned
				r.Skipped += before.Skipped
				if !r.At.IsZero() {
					req.At = r.At
				}
				if req.Matches > 0 {
					req.Matches = max(1, req.Matches-len(r.Matches)) // None are left only with the last report.
				}
				latest = r
				return yield(r, nil) && r.End == tail.ScanGoesOn
			})
			switch {
			case done:
				return
			case err == nil || !now.gone(ctx, err) || attempt == attempts:
				if err != nil {
					yield(tail.ScanReport{}, err)
				}
				return
			}
			last, before = now, latest
		}
	}
}

// scan is one Scan call to one process. done means that yield wants no more.
func (p *Plugin) scan(ctx context.Context, now *incarnation, req tail.ScanRequest, yield func(tail.ScanReport) bool) (done bool, err error) {
	return stepwise(ctx, p, now, "scan", func(ctx context.Context) iter.Seq2[tail.ScanReport, error] { return now.Scan(ctx, req) }, yield)
}

// Heartbeat implements [tail.Tailer]. It waits for a process, and ends with [tail.ErrPluginGone] when the process goes away: what it knew
// about sessions is gone then.
func (p *Plugin) Heartbeat(ctx context.Context, in iter.Seq[tail.Beat]) iter.Seq2[tail.Order, error] {
	return func(yield func(tail.Order, error) bool) {
		now, err := p.next(ctx, nil, 0)
		if err != nil {
			yield(tail.Order{}, err)
			return
		}
		bound, cancel := now.bind(ctx)
		defer cancel()
		for o, err := range now.Heartbeat(bound, in) {
			if err != nil && now.gone(ctx, err) && !errors.Is(err, tail.ErrPluginGone) {
				err = fmt.Errorf("another plugin took over: %w", tail.ErrPluginGone)
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}
