package linetime

import (
	"io"
	"time"
)

// Search finds lines of a log by time, in a generation that is roughly in the order of time, by reading about 64 KiB at each of a few
// dozen places.
type Search struct {
	// Parser finds the times of lines.
	Parser *Parser
	// Base is the time of the first byte if no line carries a time, as in [Stamper].
	Base int64
	// Slack is how far lines may stand from where their time belongs, in bytes; 0 means 256 KiB.
	Slack int64
	// Probe is how far on from a place a line with a time is looked for, in bytes; 0 means 1 MiB.
	Probe int64
}

const (
	defaultSlack = 256 << 10
	defaultProbe = 1 << 20
)

// First returns where the first line begins whose time, as a [Stamper] gives it, is not before t; size if there is none. r holds the
// generation's bytes up to size.
//
// If lines stand further from their place than Slack, or if lines without a time fill more than Probe, the answer can be too early,
// and with disorder also too late; so whoever needs more stamps the lines from there on and compares.
func (s Search) First(r io.ReaderAt, size int64, t time.Time) (int64, error) {
	slack, probe := s.slack(), s.probe()
	want := t.UnixNano()
	l := lines{r: r, size: size, buf: make([]byte, min(bufferSize, max(1, size)))}
	b := bisect{parser: s.Parser, lines: &l, want: want, found: size, hi: size}
	for b.hi-b.lo > slack && l.err == nil {
		b.step(probe)
	}
	if l.err != nil {
		return 0, l.err
	}
	return s.settle(r, &b, min(b.found, b.hi+max(slack, probe)))
}

// settle walks what b has left line by line up to end, from far enough before it that lines out of place are seen and times that several lines
// share are counted on as a Stamper does.
func (s Search) settle(r io.ReaderAt, b *bisect, end int64) (int64, error) {
	l := b.lines
	l.seek(max(0, b.lo-s.slack()))
	if l.at > 0 {
		l.at--
		l.skip()
	}
	stamper := Stamper{Parser: s.Parser, Base: s.Base}
	if err := stamper.Prime(r, l.at); err != nil {
		return 0, err
	}
	for l.next(end) {
		if stamper.Stamp(l.line, l.start) >= b.want {
			return l.start, nil
		}
	}
	if l.err == nil && !b.timed && !stamper.own && !stamper.led { // No line carries a time: they are dated by their offset.
		size := l.size
		l.seek(min(max(0, b.want-s.Base), size))
		if l.at > 0 {
			l.at--
			l.skip()
		}
		return min(l.at, size), l.err
	}
	return b.found, l.err
}

func (s Search) slack() int64 {
	if s.Slack > 0 {
		return s.Slack
	}
	return defaultSlack
}

func (s Search) probe() int64 {
	if s.Probe > 0 {
		return s.Probe
	}
	return defaultProbe
}

// bisect narrows down where the first line is that is late enough. Lines before lo are too early; from hi to found no line is known to
// carry a time; the line at found is late enough, or not known to be too early.
type bisect struct {
	parser        *Parser
	lines         *lines
	want          int64
	lo, hi, found int64
	timed         bool // some line carries a time
}

// step looks at the middle.
func (b *bisect) step(probe int64) {
	l := b.lines
	mid := b.lo + (b.hi-b.lo)/2
	l.seek(mid - 1) // A line that begins at mid itself counts.
	if !l.skip() {
		b.hi = mid
		return
	}
	limit := min(b.hi, mid+probe)
	for l.next(limit) {
		ns, ok := b.parser.Nano(l.line)
		if !ok || b.parser.isFuture(ns) {
			continue
		}
		b.timed = true
		if ns >= b.want {
			b.hi, b.found = mid, l.start
		} else {
			b.lo = l.start
		}
		return
	}
	if limit < b.hi { // Nobody knows what comes after the probe, so rather begin too early.
		b.found = l.at
	}
	b.hi = mid
}
