package follow

import (
	"context"
	"time"

	"github.com/livetail/livetail/plugin/internal/linetime"
)

func newStamper() *linetime.Stamper {
	return &linetime.Stamper{Parser: &linetime.Parser{Location: time.Local}}
}

// reference is about when g was last written, for dates without a year; zero, which is now, for the live one.
func (l *Log) reference(g *generation) time.Time {
	l.mu.Lock()
	live := g.next == nil
	l.mu.Unlock()
	if live {
		return time.Time{}
	}
	_, written, _, err := g.on.size()
	if err != nil {
		return time.Time{}
	}
	return written
}

const (
	// nearStart is how near the start of a generation the times of its lines may depend on the one before.
	nearStart = 64 << 10
	// maxTimesBack is how many generations that are all near their start are looked at for that.
	maxTimesBack = 3
)

// lastTimeBefore returns the time of the last line of the generation before g, if a line at off can depend on that. It
// looks at no compressed one, which would have to be unpacked for it.
func (l *Log) lastTimeBefore(ctx context.Context, g *generation, off int64, most int) (last int64, ok bool) {
	if off-g.from > nearStart || most == 0 {
		return 0, false
	}
	l.mu.Lock()
	var before *generation
	for _, p := range l.chain {
		if p.next == g && p.state == ready && !p.cut && p.packed == nil {
			before = p
		}
	}
	l.mu.Unlock()
	if before == nil {
		return 0, false
	}
	end, err := before.length(ctx)
	if err != nil {
		return 0, false
	}
	last, ok = l.lastTimeBefore(ctx, before, end, most-1)
	s := newStamper()
	s.Base = before.on.id.btime
	s.Parser.Reference = l.reference(before)
	if err := prime(ctx, s, before, end, last, ok); err != nil {
		return 0, false
	}
	return s.Last()
}

// prime makes s ready for the line of g at off; last is the time of the last line before g, if ok.
func prime(ctx context.Context, s *linetime.Stamper, g *generation, off, last int64, ok bool) error {
	c := &content{ctx: ctx, g: g}
	if ok {
		return s.PrimeAfter(last, c, off)
	}
	return s.Prime(c, off)
}
