// Package pace says how many lines are due.
package pace

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// MaxRate is the highest rate, in lines a second. Whoever wants more takes 0, as fast as it goes.
const MaxRate = 100_000_000

const (
	// tick is the shortest sleep; what becomes due within one comes together.
	tick = time.Millisecond
	// backlog is how far a producer that was held up may catch up; what was due before that is given up.
	backlog = time.Second
)

// Pace hands out lines at an even rate, or in bursts. It is not safe for concurrent use.
type Pace struct {
	rate    float64
	burst   int
	timer   *time.Timer
	from    time.Time
	handed  int64
	started bool
}

// New returns a pace of rate lines a second, as fast as it goes if rate is 0. With a burst above 1, lines come that many at once.
func New(rate float64, burst int) (*Pace, error) {
	switch {
	case rate < 0 || rate > MaxRate || rate != rate:
		return nil, fmt.Errorf("rate %v must be from 0 to %d lines a second", rate, MaxRate)
	case burst < 0 || burst > MaxRate:
		return nil, fmt.Errorf("burst %d must be from 0 to %d lines", burst, MaxRate)
	case burst > 1 && rate == 0:
		return nil, errors.New("a burst needs a rate: without one, everything is one burst")
	}
	return &Pace{rate: rate, burst: max(burst, 1)}, nil
}

// Next waits until lines are due and returns how many, at most limit. The error is ctx's.
func (p *Pace) Next(ctx context.Context, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if p.rate == 0 {
		return limit, nil
	}
	if !p.started {
		p.started, p.from = true, time.Now()
	}
	for {
		now := time.Now()
		due := p.due(now)
		if late := int64(p.rate * backlog.Seconds()); due-p.handed > max(late, int64(p.burst)) {
			// Held up: begin anew, with what the backlog allows.
			p.from, p.handed = now.Add(-backlog), 0
			due = p.due(now)
		}
		if n := due - p.handed; n > 0 {
			n = min(n, int64(limit))
			p.handed += n
			return int(n), nil
		}
		// The first burst is due at once, the k-th one k intervals later.
		next := float64(p.handed/int64(p.burst)*int64(p.burst)) / p.rate
		wait := max(p.from.Add(time.Duration(next*float64(time.Second))).Sub(now), tick)
		if err := p.sleep(ctx, wait); err != nil {
			return 0, err
		}
	}
}

func (p *Pace) due(now time.Time) int64 {
	n := int64(now.Sub(p.from).Seconds() * p.rate)
	return (n/int64(p.burst) + 1) * int64(p.burst)
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
