// Package pace says how many lines are due.
package pace

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// MaxRate is the highest rate, in lines a second. Whoever wants more takes 0, as fast as it goes.
const MaxRate = 100_000_000

const (
	// tick is the shortest sleep; what becomes due within one comes together.
	tick = time.Millisecond
	// backlog is how far a producer that was held up may catch up; what was due before that is given up.
	backlog = time.Second
	// maxRamp is the longest ramp.
	maxRamp = 24 * time.Hour
)

// Options says how lines become due.
type Options struct {
	// Rate is lines a second; 0 is as fast as it goes.
	Rate float64
	// Burst makes lines come that many at once, at the same rate; 0 and 1 mean evenly.
	Burst int
	// Ramp is how long the rate takes to change evenly from From to Rate; 0 is no ramp.
	Ramp time.Duration
	// From is the rate at the start of the ramp. It may be above Rate.
	From float64
}

// Pace hands out lines at a rate. It is not safe for concurrent use.
type Pace struct {
	o       Options
	timer   *time.Timer
	from    time.Time
	handed  int64
	started bool
}

// New returns a pace.
func New(o Options) (*Pace, error) {
	switch {
	case o.Rate < 0 || o.Rate > MaxRate || o.Rate != o.Rate:
		return nil, fmt.Errorf("rate %v must be from 0 to %d lines a second", o.Rate, MaxRate)
	case o.Burst < 0 || o.Burst > MaxRate:
		return nil, fmt.Errorf("burst %d must be from 0 to %d lines", o.Burst, MaxRate)
	case o.Burst > 1 && o.Rate == 0:
		return nil, errors.New("a burst needs a rate: without one, everything is one burst")
	case o.Ramp < 0 || o.Ramp > maxRamp:
		return nil, fmt.Errorf("ramp %v must be from 0 to %v", o.Ramp, maxRamp)
	case o.Ramp > 0 && o.Rate == 0:
		return nil, errors.New("a ramp needs a rate that it leads to")
	case o.From < 0 || o.From > MaxRate || o.From != o.From:
		return nil, fmt.Errorf("the rate %v at the start of the ramp must be from 0 to %d lines a second", o.From, MaxRate)
	case o.From > 0 && o.Ramp == 0:
		return nil, errors.New("a rate to start from needs a ramp, which says how long it takes to the other")
	}
	o.Burst = max(o.Burst, 1)
	return &Pace{o: o}, nil
}

// Next waits until lines are due and returns how many, at most limit. The error is ctx's.
func (p *Pace) Next(ctx context.Context, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if p.o.Rate == 0 {
		return limit, nil
	}
	if !p.started {
		p.started, p.from = true, time.Now()
	}
	burst := int64(p.o.Burst)
	for {
		now := time.Now()
		due := p.due(now)
		if most := max(int64(p.rate(now)*backlog.Seconds()), burst); due-p.handed > most {
			// Held up: what is older is given up, in whole bursts.
			p.handed = (due - most + burst - 1) / burst * burst
		}
		if n := due - p.handed; n > 0 {
			n = min(n, int64(limit))
			p.handed += n
			return int(n), nil
		}
		// The first burst is due at once, the k-th one when the lines of k-1 bursts have become due.
		wait := max(p.from.Add(p.when(float64(p.handed/burst*burst))).Sub(now), tick)
		if err := p.sleep(ctx, wait); err != nil {
			return 0, err
		}
	}
}

// due returns how many lines are due from the start up to now.
func (p *Pace) due(now time.Time) int64 {
	t, ramp := now.Sub(p.from).Seconds(), p.o.Ramp.Seconds()
	var lines float64
	if t < ramp {
		lines = p.o.From*t + (p.o.Rate-p.o.From)*t*t/(2*ramp)
	} else {
		lines = p.rampLines() + p.o.Rate*(t-ramp)
	}
	return (int64(lines)/int64(p.o.Burst) + 1) * int64(p.o.Burst)
}

// rampLines returns how many lines the ramp has.
func (p *Pace) rampLines() float64 { return (p.o.From + p.o.Rate) / 2 * p.o.Ramp.Seconds() }

// rate returns the rate at a time.
func (p *Pace) rate(now time.Time) float64 {
	if t := now.Sub(p.from); t < p.o.Ramp {
		return p.o.From + (p.o.Rate-p.o.From)*t.Seconds()/p.o.Ramp.Seconds()
	}
	return p.o.Rate
}

// when returns how long after the start so many lines have become due.
func (p *Pace) when(lines float64) time.Duration {
	var seconds float64
	if ramp := p.rampLines(); lines >= ramp {
		seconds = p.o.Ramp.Seconds() + (lines-ramp)/p.o.Rate
	} else {
		slope := (p.o.Rate - p.o.From) / p.o.Ramp.Seconds()
		if slope == 0 {
			seconds = lines / p.o.Rate
		} else {
			seconds = (math.Sqrt(p.o.From*p.o.From+2*slope*lines) - p.o.From) / slope
		}
	}
	return time.Duration(seconds * float64(time.Second))
}

func (p *Pace) sleep(ctx context.Context, d time.Duration) error {
	if p.timer == nil {
		p.timer = time.NewTimer(d)
	} else {
		p.timer.Reset(d)
	}
	select {
	case <-p.timer.C:
		return nil
	case <-ctx.Done():
		p.timer.Stop()
		return ctx.Err()
	}
}
