package tailtest

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/livetail/livetail/plugin/internal/level"
	"github.com/livetail/livetail/plugin/tail"
)

// reportItems is how many lines and events the fake looks at for one report.
const reportItems = 100

// Scan implements [tail.Tailer].
func (f *Fake) Scan(ctx context.Context, req tail.ScanRequest) iter.Seq2[tail.ScanReport, error] {
	return func(yield func(tail.ScanReport, error) bool) {
		reports, err := f.scan(ctx, req)
		for _, r := range reports {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(tail.ScanReport{}, err)
		}
	}
}

func (f *Fake) scan(ctx context.Context, req tail.ScanRequest) ([]tail.ScanReport, error) {
	c, err := f.enter(func(c *Calls) { c.Scan++ })
	if err != nil {
		return nil, err
	}
	if err := req.Check(); err != nil {
		return nil, err
	}
	pass, err := compile(req.Filter)
	if err != nil {
		return nil, err
	}
	if err := c.locked(ctx); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	l, err := f.find(ctx, c, req.Log, false)
	if err != nil {
		return nil, err
	}
	from := cursor{item: l.gone, pos: l.oldest()}
	if req.Backward {
		from = cursor{item: l.gone + len(l.items), pos: at(l.generation(), l.end)}
	}
	if !req.At.IsZero() {
		if from, err = l.locate(req.At); err != nil {
			return nil, err
		}
	}
	return l.scan(from, pass, req), nil
}

// scan goes from line to line. mu is held.
func (l *FakeLog) scan(from cursor, pass func([]byte) bool, req tail.ScanRequest) (reports []tail.ScanReport) {
	out := tail.ScanReport{At: from.pos}
	tell := func(end tail.ScanEnd) {
		out.End = end
		reports = append(reports, out)
		out.Matches, out.Counts = nil, nil
	}
	left, step, n := req.Matches, 1, from.item-l.gone
	if req.Backward {
		step = -1
		if n == len(l.items) || l.items[n].event != nil || l.items[n].start == from.pos.Offset {
			n-- // The one before the position, unless that is in the middle of a line.
		}
	} else if n < len(l.items) && l.items[n].event == nil && l.items[n].start < from.pos.Offset {
		n++
	}
	for looked := 0; n >= 0 && n < len(l.items); n += step {
		i := l.items[n]
		if looked++; looked%reportItems == 0 {
			tell(tail.ScanGoesOn)
		}
		if i.event != nil {
			continue
		}
		when := time.Unix(0, i.time)
		if !req.Until.IsZero() && !when.Before(req.Until) || !req.Since.IsZero() && when.Before(req.Since) {
			continue
		}
		out.At = at(i.generation, i.end())
		if req.Backward {
			out.At = at(i.generation, i.start)
		}
		out.Time = when
		out.Scanned += int64(len(i.text))
		if pass(i.text) {
			note(&out, i, when, req.Bucket)
			if left--; left == 0 && req.Matches > 0 {
				tell(tail.ScanMatches)
				return reports
			}
		}
		if req.Bytes > 0 && out.Scanned >= req.Bytes {
			tell(tail.ScanLimit)
			return reports
		}
	}
	tell(tail.ScanAll)
	return reports
}

// note adds a line to a report.
func note(out *tail.ScanReport, i item, when time.Time, bucket time.Duration) {
	text := bytes.TrimSuffix(bytes.TrimSuffix(i.text, []byte("\n")), []byte("\r"))
	if bucket == 0 {
		m := tail.Match{At: at(i.generation, i.start), Time: when, Level: level.Of(text), Text: bytes.Clone(text)}
		if m.Cut = len(text) > tail.MaxMatchText; m.Cut {
			m.Text = m.Text[:tail.MaxMatchText]
		}
		out.Matches = append(out.Matches, m)
		return
	}
	count := tail.Count{Start: i.time - i.time%int64(bucket)}
	count.Lines[level.Of(text)] = 1
	out.Counts = append(out.Counts, count)
}
