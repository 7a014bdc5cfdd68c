package follow

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/tail"
)

// Limits of one scan.
const (
	// maxScanBytes and maxScanTime are how much one scan looks at, and how long it may take: the caller goes on with another.
	maxScanBytes = 1 << 30
	maxScanTime  = 30 * time.Second
	// scanStretch is how much a scan looks at in one piece of work.
	scanStretch = 1 << 20
	// maxScans is how many scans of an engine work at a time; following comes first.
	maxScans = 2
	// scanTell is how often a scan says how far it has got.
	scanTell = 100 * time.Millisecond
	// maxReportText is how many bytes of matches are put into one report, about, which has to fit into a message.
	maxReportText = 128 << 10
	// maxReportCounts is how many counts.
	maxReportCounts = 4000
)

// Scan looks through the log at path, as [tail.Tailer] has it; path is req.Log, resolved.
//
// It walks stretches of about a MiB in its direction; going backward, the lines of a stretch are walked forward and reported from its end. A
// compressed generation can only be read from its front, so it is one stretch. Bounds of time become offsets, once for each generation, by
// binary search. Everything runs on the goroutine of the caller.
func (e *Engine) Scan(ctx context.Context, path guard.Path, req tail.ScanRequest) iter.Seq2[tail.ScanReport, error] {
	return func(yield func(tail.ScanReport, error) bool) {
		if err := e.scan(ctx, path, req, yield); err != nil && !errors.Is(err, errLeft) {
			yield(tail.ScanReport{}, err)
		}
	}
}

// errLeft says that the caller has left the loop.
var errLeft = errors.New("left")

// scan is one scan under way.
type scan struct {
	l     *Log
	req   tail.ScanRequest
	match *matcher
	yield func(tail.ScanReport, error) bool
	turns chan struct{} // of the engine; holds an element for each scan at work

	gens  []*generation
	first int   // what comes before that generation is too old, by its time
	last  int   // what comes after that one is too new
	i     int   // the generation that the scan is at
	off   int64 // where in it
	bytes int64 // to be looked at, at the most
	until time.Time

	report tail.ScanReport // what has not been told yet
	atOn   *generation     // that of report.At
	found  int             // matches so far
	text   int             // bytes of matches in the report
	counts map[int64]*[tail.Levels]int64
	told   time.Time
	over   bool  // what comes next lies outside the bounds of time
	left   bool  // the caller has left the loop
	ahead  int64 // Left without the generation that the scan is at
}

func (e *Engine) scan(ctx context.Context, path guard.Path, req tail.ScanRequest, yield func(tail.ScanReport, error) bool) error {
	if err := req.Check(); err != nil {
		return err
	}
	m, err := compile(req.Filter)
	if err != nil {
		return err
	}
	l, err := e.acquire(ctx, path)
	if err != nil {
		return err
	}
	s := &scan{
		l: l, req: req, match: m, yield: yield, turns: e.turns, bytes: maxScanBytes, until: time.Now().Add(maxScanTime), told: time.Now(),
		counts: map[int64]*[tail.Levels]int64{},
	}
	if req.Bytes > 0 {
		s.bytes = min(s.bytes, req.Bytes)
	}
	r := &Reader{l: l, left: -1, follow: req.At.IsZero()} // Following, the live end is before a line that is not finished.
	defer r.Close()                                       // It holds the log, and knows how to find places in it.
	unpin, err := s.begin(ctx, r)
	if err != nil {
		return err
	}
	defer unpin()
	return s.run(ctx)
}

// begin finds the place where the scan begins, and keeps the generations from being given up until unpin is called.
func (s *scan) begin(ctx context.Context, r *Reader) (unpin func(), err error) {
	start := tail.StartAtPosition(s.req.At)
	if s.req.At.IsZero() {
		start = tail.StartAtEnd()
	}
	if err := r.begin(ctx, start); err != nil {
		return nil, err
	}
	if !s.req.At.IsZero() && (len(r.queue) > 0 || r.g == nil) {
		return nil, fmt.Errorf("position %s: %w", s.req.At, tail.ErrPositionGone)
	}
	if err := s.l.wholeChain(ctx); err != nil {
		return nil, err
	}
	s.gens, unpin = s.l.snapshot()
	if tooOld, doubt := s.l.older(); !s.req.Backward || s.req.At.IsZero() {
		if s.report.Skipped = int(tooOld); doubt != nil {
			s.report.Skipped++
		}
	}
	s.i = len(s.gens) - 1
	switch {
	case r.g == nil: // There is nothing yet.
		if s.i >= 0 {
			s.off = s.gens[s.i].from
		}
	case s.req.At.IsZero() && !s.req.Backward:
		s.i, s.off = 0, s.gens[0].from
	default:
		for s.i > 0 && s.gens[s.i] != r.g {
			s.i--
		}
		s.off = r.b.off
	}
	if err := s.narrow(ctx); err != nil {
		unpin()
		return nil, err
	}
	return unpin, nil
}

// narrow finds the generations that can hold lines of the wanted time, by the times of their first lines, and goes to the first of them in the
// direction of the scan, unless it begins there or beyond.
func (s *scan) narrow(ctx context.Context) (err error) {
	s.first, s.last = 0, len(s.gens)-1
	gens := slices.DeleteFunc(slices.Clone(s.gens), func(g *generation) bool { return !g.readable(s.l) })
	if !s.req.Since.IsZero() {
		before, _, err := s.l.around(ctx, gens, s.req.Since)
		if err != nil {
			return err
		}
		if before >= 0 {
			s.first = slices.Index(s.gens, gens[before])
		}
	}
	if !s.req.Until.IsZero() {
		_, after, err := s.l.around(ctx, gens, s.req.Until)
		if err != nil {
			return err
		}
		if after < len(gens) {
			s.last = slices.Index(s.gens, gens[after]) - 1
		}
	}
	switch {
	case s.first > s.last: // Of a time that no generation has.
	case !s.req.Backward && s.i < s.first:
		s.i, s.off = s.first, s.gens[s.first].from
	case s.req.Backward && s.i > s.last:
		s.i, s.off = s.last, -1
	}
	return nil
}

// run goes from generation to generation.
func (s *scan) run(ctx context.Context) error {
	if s.i < 0 {
		return s.end(tail.ScanAll)
	}
	step := 1
	if s.req.Backward {
		step = -1
	}
	for first := true; ; first = false {
		g := s.gens[s.i]
		if !first && s.req.Backward {
			s.off = -1 // Its end.
		} else if !first {
			s.off = g.from
		}
		s.ahead = s.sizeOf(s.i+step, step)
		more, err := s.generation(ctx, g)
		switch {
		case errors.Is(err, errLeft), ctx.Err() != nil, errors.Is(err, errClosed):
			return err
		case err != nil: // It was emptied, or cannot be read: the others still can.
			s.report.Skipped++
			more = true
		}
		if !more {
			return nil
		}
		if s.i+step < s.first || s.i+step > s.last {
			return s.end(tail.ScanAll)
		}
		s.i += step
	}
}

// sizeOf adds up what the generations from the i-th on take on the disk, as far as the scan goes.
func (s *scan) sizeOf(i, step int) (sum int64) {
	for ; i >= s.first && i <= s.last; i += step {
		if s.gens[i].readable(s.l) {
			size, _, _, err := s.gens[i].on.size()
			if err == nil {
				sum += size
			}
		}
	}
	return sum
}

// generation looks through one. It returns false after the last report.
func (s *scan) generation(ctx context.Context, g *generation) (more bool, err error) {
	if !g.readable(s.l) {
		s.report.Skipped++
		return true, nil
	}
	lo, hi, over, err := s.bounds(ctx, g)
	if err != nil {
		return false, err
	}
	c := codingOf(ctx, g, s.l.encoding())
	from, to := lo, hi
	if s.off >= 0 && s.req.Backward {
		to = min(to, s.off)
	} else if s.off >= 0 {
		from = max(from, s.off)
	}
	if from >= to {
		s.at(g, max(s.off, g.from))
	}
	for from < to {
		a, b := from, to
		if g.packed == nil {
			if a, b, err = s.cutOut(ctx, g, c, from, to); err != nil {
				return false, err
			}
		}
		more, err := s.stretch(ctx, g, c, a, b)
		if !more || err != nil {
			return more, err
		}
		if s.req.Backward {
			to = a
		} else {
			from = b
		}
	}
	if over || s.over {
		return false, s.end(tail.ScanAll)
	}
	return true, nil
}

// bounds is where in g the lines of the wanted time are. over says that there are none in what comes after g in the direction of the scan.
// In a compressed generation, which would have to be unpacked to find out, the lines are looked at for it instead.
func (s *scan) bounds(ctx context.Context, g *generation) (lo, hi int64, over bool, err error) {
	lo = g.from
	if g.packed != nil {
		return lo, math.MaxInt64, false, nil
	}
	if hi, err = g.length(ctx); err != nil {
		return 0, 0, false, err
	}
	s.l.mu.Lock()
	if g.ends > 0 {
		hi = min(hi, g.ends)
	}
	live := g.next == nil
	s.l.mu.Unlock()
	if live { // Without a line that is not finished.
		c := codingOf(ctx, g, s.l.encoding())
		if c.wide() {
			hi, _, err = lastLinesWide(ctx, g, c, hi, 0, false)
		} else {
			hi, _, err = lastLines(ctx, g, hi, 0, false)
		}
		if err != nil {
			return 0, 0, false, err
		}
	}
	if !s.req.Since.IsZero() {
		off, _, err := s.l.firstAtTime(ctx, g, s.req.Since)
		if err != nil {
			return 0, 0, false, err
		}
		over = s.req.Backward && off > lo // A line that is too old: those of older generations are, too.
		lo = max(lo, off)
	}
	if !s.req.Until.IsZero() {
		off, found, err := s.l.firstAtTime(ctx, g, s.req.Until)
		if err != nil {
			return 0, 0, false, err
		}
		over = over || !s.req.Backward && found
		hi = min(hi, off)
	}
	return lo, max(lo, hi), over, nil
}

// cutOut is the next stretch between from and to: whole lines, unless one is longer than the stretch.
func (s *scan) cutOut(ctx context.Context, g *generation, c coding, from, to int64) (a, b int64, err error) {
	a, b = from, to
	if to-from <= scanStretch {
		return a, b, nil
	}
	if s.req.Backward {
		a, err = lineAfter(ctx, g, c, to-scanStretch, to)
		return a, b, err
	}
	b, err = lineAfter(ctx, g, c, from+scanStretch, to)
	return a, b, err
}

// at notes that everything has been looked at up to an offset.
func (s *scan) at(g *generation, off int64) {
	s.atOn, s.report.At = g, g.position(off, nil)
	s.report.Left = s.ahead
	switch {
	case g.packed != nil:
	case s.req.Backward:
		s.report.Left += max(off-g.from, 0)
	default:
		s.report.Left += max(g.max.Load()-off, 0)
	}
}

// tell reports what has been found. In the end, end says why; otherwise it waits until there is something to say.
func (s *scan) tell() error { return s.send(tail.ScanGoesOn) }

func (s *scan) end(why tail.ScanEnd) error {
	if why == tail.ScanAll {
		s.report.Left = 0
	}
	return s.send(why)
}

func (s *scan) send(end tail.ScanEnd) error {
	out := s.report
	if s.atOn != nil && s.atOn.packed == nil { // The evidence finds the place again in an archive.
		var w window
		if w.load(s.atOn.on, out.At.Offset) == nil {
			out.At.Check = w.check()
		}
	}
	for start, lines := range s.counts {
		out.Counts = append(out.Counts, tail.Count{Start: start, Lines: *lines})
	}
	clear(s.counts)
	s.report.Matches, s.text = nil, 0
	s.told = time.Now()
	out.End = end
	if s.left = !s.yield(out, nil); s.left {
		return errLeft
	}
	return nil
}
