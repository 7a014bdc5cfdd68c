package follow

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/livetail/livetail/plugin/internal/level"
	"github.com/livetail/livetail/plugin/internal/linetime"
	"github.com/livetail/livetail/plugin/tail"
)

// stretch looks through the lines of g that begin between from and to. It returns false after the last report.
func (s *scan) stretch(ctx context.Context, g *generation, c coding, from, to int64) (more bool, err error) {
	if err := s.turn(ctx); err != nil {
		return false, err
	}
	w := s.newLook(ctx, g, from)
	var fresh, damaged bool
	for at := from; ; {
		damaged, err = walkFrom(ctx, g, c, at, to, fresh, w.line)
		var empty *hole
		if !errors.As(err, &empty) {
			break
		}
		if err = nil; empty.to >= to {
			break
		}
		at, fresh = empty.to, true // Bytes that were never written hold no line.
	}
	s.pass()
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case s.left:
		return false, errLeft
	case err != nil:
		return false, err
	}
	if damaged {
		s.report.Skipped++
	}
	far := from // How far it has been looked at.
	if !s.req.Backward {
		far = to
	}
	if g.packed == nil {
		s.report.Scanned += to - from
	} else {
		if size, _, _, err := g.on.size(); err == nil {
			s.report.Scanned += size
		}
		if !s.req.Backward {
			far = max(from, w.seen)
		}
	}
	matches := w.inOrder()
	full := s.req.Matches > 0 && w.total >= w.most
	if full && s.req.Backward {
		far = matches[len(matches)-1].At.Offset
	} else if full && w.after > 0 {
		far = w.after
	}
	for i, m := range matches {
		m.At.Generation = g.token
		s.report.Matches = append(s.report.Matches, m)
		s.found++
		if s.text += len(m.Text) + 64; s.text >= maxReportText {
			switch {
			case s.req.Backward:
				s.at(g, m.At.Offset)
			case i+1 < len(matches):
				s.at(g, matches[i+1].At.Offset)
			default:
				s.at(g, far)
			}
			if err := s.tell(); err != nil {
				return false, err
			}
		}
	}
	s.at(g, far)
	if !w.time.IsZero() {
		s.report.Time = w.time
	}
	if full {
		return false, s.end(tail.ScanMatches)
	}
	if s.report.Scanned >= s.bytes || time.Now().After(s.until) {
		return false, s.end(tail.ScanLimit)
	}
	if time.Since(s.told) >= scanTell || len(s.counts) >= maxReportCounts {
		if err := s.tell(); err != nil {
			return false, err
		}
	}
	return true, s.pay(ctx, time.Since(w.begun), int(min(to-from, scanStretch)))
}

// newLook begins to look at the lines of g from an offset on.
func (s *scan) newLook(ctx context.Context, g *generation, from int64) *look {
	w := &look{
		scan: s, ctx: ctx, parser: s.l.newParser(g), most: s.req.Matches - s.found, begun: time.Now(),
		since: math.MinInt64, until: math.MaxInt64,
	}
	if g.packed != nil { // Of others, only what lies within the bounds is walked.
		if !s.req.Since.IsZero() {
			w.since = s.req.Since.UnixNano()
		}
		if !s.req.Until.IsZero() {
			w.until = s.req.Until.UnixNano()
		}
	}
	w.bounded = w.since != math.MinInt64 || w.until != math.MaxInt64
	if s.req.Bucket > 0 || w.bounded {
		w.stamp = &linetime.Stamper{Parser: w.parser, Base: g.on.id.btime}
		c := &content{ctx: ctx, g: g}
		if err := w.stamp.Prime(c, from); err != nil {
			w.stamp.Restart()
		}
		c.close()
	}
	return w
}

// turn waits until the scan may work, and pass lets others.
func (s *scan) turn(ctx context.Context) error {
	select {
	case s.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *scan) pass() { <-s.turns }

// pay waits if the filter is an expensive one.
func (s *scan) pay(ctx context.Context, took time.Duration, size int) error {
	if s.match == nil {
		return nil
	}
	rest := s.match.charge(took, size)
	if rest <= 0 {
		return nil
	}
	t := time.NewTimer(rest)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look is what is found in one stretch.
type look struct {
	*scan
	ctx    context.Context // of the scan that w is part of
	parser *linetime.Parser
	stamp  *linetime.Stamper // nil unless the times of lines are needed
	begun  time.Time
	lines  int
	seen   int64     // the end of the last line
	time   time.Time // of a line near the far side of the stretch

	bounded      bool // lines are to be compared with since and until
	since, until int64

	most  int          // matches that are still wanted
	total int          // matches in the stretch
	ring  []tail.Match // the last of them going backward, the first otherwise
	next  int
	after int64 // where the line after the last match begins; 0 if there is none

	bucket *[tail.Levels]int64
	begins int64 // when that bucket begins
}

// timeTries is how many lines at the beginning of a stretch are tried for a time to display.
const timeTries = 32

// line looks at one; it is called for one after the other. false ends the walk.
func (w *look) line(line []byte, at int64) bool {
	if w.lines++; w.lines%256 == 0 && !w.breathe() {
		return false
	}
	if w.req.Matches > 0 && !w.req.Backward && w.total >= w.most {
		w.after = at
		return false
	}
	w.seen = at + int64(len(line))
	var t int64
	if w.stamp != nil {
		t = w.stamp.Stamp(line, at)
		if w.bounded && (t < w.since || t >= w.until) {
			w.over = w.over || w.req.Backward && t < w.since || !w.req.Backward && t >= w.until
			return w.req.Backward || t < w.until
		}
		if w.time.IsZero() || !w.req.Backward {
			w.time = time.Unix(0, t)
		}
	} else if w.lines <= timeTries && w.time.IsZero() {
		w.time, _ = w.parser.Find(line)
	}
	if !w.match.pass(line) {
		return true
	}
	if w.req.Bucket > 0 {
		w.count(line, t)
		return true
	}
	w.total++
	switch {
	case len(w.ring) < w.most:
		w.ring = append(w.ring, w.matchOf(line, at))
	case w.req.Backward: // Only the newest are wanted.
		w.ring[w.next] = w.matchOf(line, at)
		w.next = (w.next + 1) % len(w.ring)
	}
	return true
}

// matchOf keeps what is told of a line.
func (w *look) matchOf(line []byte, at int64) tail.Match {
	t, _ := w.parser.Find(line)
	text := bytes.TrimSuffix(bytes.TrimSuffix(line, newline), []byte{'\r'})
	m := tail.Match{At: tail.Position{Offset: at}, Time: t, Level: level.Of(text)}
	if len(text) > tail.MaxMatchText {
		text, m.Cut = text[:tail.MaxMatchText], true
	}
	m.Text = bytes.Clone(text)
	return m
}

// inOrder returns the matches in the direction of the scan.
func (w *look) inOrder() []tail.Match {
	out := append(slices.Clone(w.ring[w.next:]), w.ring[:w.next]...)
	if w.req.Backward {
		slices.Reverse(out)
	}
	return out
}

// count counts a line in the bucket of its time.
func (w *look) count(line []byte, t int64) {
	width := int64(w.req.Bucket)
	if w.bucket == nil || t < w.begins || t-w.begins >= width {
		w.begins = t - mod(t, width)
		if w.bucket = w.counts[w.begins]; w.bucket == nil {
			w.bucket = new([tail.Levels]int64)
			w.counts[w.begins] = w.bucket
		}
	}
	w.bucket[level.Of(line)]++
}

// mod is the remainder that is never negative.
func mod(a, b int64) int64 {
	if m := a % b; m >= 0 {
		return m
	}
	return a%b + b
}

// breathe is called now and then within a stretch, which may be a large archive: it lets others work, and says that the scan is alive.
func (w *look) breathe() bool {
	if w.ctx.Err() != nil {
		return false
	}
	if time.Since(w.told) < 2*scanTell {
		return true
	}
	w.pass()
	defer func() { w.turns <- struct{}{} }()
	w.told = time.Now()
	// Nothing that is found is told before its stretch is complete.
	w.left = !w.yield(tail.ScanReport{At: w.report.At, Time: w.report.Time, Scanned: w.report.Scanned, Left: w.report.Left, Skipped: w.report.Skipped}, nil)
	return !w.left
}
