package verify

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Options says when a verification ends. It also ends when the source does.
type Options struct {
	// Count ends it when so many lines are accounted for; 0 does not.
	Count int64
	// Timeout ends it after so long; with Count that is [ErrTimeout]. 0 does not.
	Timeout time.Duration
	// Idle ends it when nothing has arrived for so long, once something has; 0 does not.
	Idle time.Duration
	// Complete ends it when the last line of each expected stream has come.
	Complete bool
	// Progress is told once a ProgressEvery how far it is, from the goroutine that called Run; nil or 0 means never.
	Progress      func(Report)
	ProgressEvery time.Duration
}

// Errors of [Run] when fewer lines than wanted came.
var (
	// ErrTimeout: in time.
	ErrTimeout = errors.New("timed out")
	// ErrShort: before the source ended, fell silent for Idle, or ctx was cancelled.
	ErrShort = errors.New("too few lines came")
)

// look is how often it is looked whether the end is reached.
const look = 10 * time.Millisecond

// Run lets a source deliver into an account until an end is reached. The error is that of the source, [ErrTimeout], [ErrShort], or nil;
// cancelling ctx is a normal end.
func Run(ctx context.Context, source Source, a *Account, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- source(ctx, a) }() // Ends with ctx; waited for below.
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	start := time.Now()
	told, moved, last := start, start, int64(0)
	// early is the end before the count is reached, unless it is reached now.
	early := func(err error) error {
		if accounted, _ := a.Accounted(); err == nil && accounted < o.Count {
			err = fmt.Errorf("%w: %d of %d", ErrShort, accounted, o.Count)
		}
		return err
	}
	stop := func(err error) error {
		cancel()
		return errors.Join(<-done, err)
	}
	for {
		select {
		case err := <-done:
			return early(err)
		case <-ctx.Done():
			return early(stop(nil))
		case <-ticker.C:
		}
		now := time.Now()
		accounted, arrived := a.Accounted()
		if arrived != last {
			last, moved = arrived, now
		}
		if o.Progress != nil && o.ProgressEvery > 0 && now.Sub(told) >= o.ProgressEvery {
			told = now
			o.Progress(a.Report())
		}
		switch {
		case o.Count > 0 && accounted >= o.Count, o.Complete && a.Complete():
			return stop(nil)
		case o.Timeout > 0 && now.Sub(start) >= o.Timeout && o.Count > 0:
			return stop(fmt.Errorf("%d of %d lines came in %v: %w", accounted, o.Count, o.Timeout, ErrTimeout))
		case o.Timeout > 0 && now.Sub(start) >= o.Timeout:
			return stop(nil)
		case o.Idle > 0 && arrived > 0 && now.Sub(moved) >= o.Idle:
			return early(stop(nil))
		}
	}
}
