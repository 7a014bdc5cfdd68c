package loki

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// record is one line with its time in nanoseconds since 1970.
type record struct {
	at   int64
	line []byte
}

// clock gives the lines of one log their times: those that the tailer sends or, if it does not know them, the time of their arrival. What it gives
// always grows, whatever the tailer sends, because clients go on at a time and take two lines of one time for the same.
type clock struct {
	now   func() time.Time
	last  int64
	begun bool
}

// times returns the time of each of the n lines of l.
func (c *clock) times(l tail.Lines, n int) []int64 {
	out := make([]int64, n)
	if len(l.Times) == n {
		copy(out, l.Times)
	} else {
		now := nano(c.now())
		for i := range out {
			out[i] = now
		}
	}
	for i, at := range out {
		if c.begun && at <= c.last {
			out[i] = c.last + 1
		}
		c.last, c.begun = out[i], true
	}
	return out
}

// maxJoined is the longest line that is put together out of pieces, in bytes; the rest of a longer one is a line of its own.
const maxJoined = 256 << 10

// assembler makes records of batches. A line that comes in pieces is held until its end.
type assembler struct {
	clock   clock
	partial record
	open    bool
}

// add returns the lines of a batch. They share the batch's memory; keep copies.
func (a *assembler) add(l tail.Lines) []record {
	if l.Piece != tail.PieceNone {
		return a.piece(l)
	}
	out := a.flush()
	text := l.Text
	n := bytes.Count(text, []byte("\n"))
	if len(text) > 0 && text[len(text)-1] != '\n' {
		n++
	}
	times := a.clock.times(l, n)
	for _, at := range times {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
		out = append(out, record{at, bytes.TrimSuffix(line, []byte("\r"))})
	}
	return out
}

func (a *assembler) piece(l tail.Lines) []record {
	var out []record
	if l.Piece == tail.PieceFirst || len(a.partial.line)+len(l.Text) > maxJoined {
		out = a.flush()
	}
	if !a.open {
		a.partial = record{at: a.clock.times(l, 1)[0]}
		a.open = true
	}
	a.partial.line = append(a.partial.line, l.Text...)
	if l.Piece == tail.PieceLast {
		out = append(out, a.flush()...)
	}
	return out
}

// flush returns what there is of a line whose end is missing.
func (a *assembler) flush() []record {
	if !a.open {
		return nil
	}
	a.open = false
	line := bytes.TrimSuffix(a.partial.line, []byte("\n"))
	return []record{{a.partial.at, bytes.TrimSuffix(line, []byte("\r"))}}
}

// budget is how much one query may still read.
type budget struct{ total, left int64 }

func (b *budget) spend(n int) error {
	if b.left -= int64(n); b.left < 0 {
		return &apiError{http.StatusBadRequest, fmt.Sprintf("the query would read too many bytes (query: more than %d MiB, limit: %d MiB); "+
			"consider adding more specific stream selectors or reduce the time range of the query", b.total>>20, b.total>>20)}
	}
	return nil
}

// pageLines is how many lines are read at once.
const pageLines = 2000

// lookBefore is how much earlier reading begins than a query.
const lookBefore = int64(time.Second)

func before(start int64) time.Time {
	if start < math.MinInt64+lookBefore {
		return time.Unix(0, start)
	}
	return time.Unix(0, start-lookBefore)
}

// walk reads the lines of a log with times from start until before end, forward or backward, until use returns false. The line is only
// good during the call.
func (s *Server) walk(ctx context.Context, log string, start, end int64, backward bool, b *budget, use func(record) bool) error {
	// The first lines of a file may have been given later times than they carry, because the last ones of the file before carry the same.
	req := tail.ReadRequest{Log: log, AtTime: before(start), Backward: backward, Lines: pageLines, Times: true}
	if backward {
		req.AtTime = time.Unix(0, end)
	}
	order := clock{now: s.opts.Now} // Forward, the times grow from page to page, too; backward, they shrink.
	for {
		page, err := s.readPage(ctx, req)
		switch {
		case errors.Is(err, tail.ErrNotFound), errors.Is(err, tail.ErrNotAllowed), errors.Is(err, tail.ErrNotRegular), errors.Is(err, tail.ErrPositionGone):
			return nil // It went away between two looks.
		case err != nil:
			return fmt.Errorf("read %s: %w", log, err)
		}
		from := clock{now: s.opts.Now}
		if !backward {
			from = order
		}
		records, size, last := recordsOf(page.Events, from)
		if err := b.spend(size); err != nil {
			return err
		}
		if backward {
			order.precede(records)
		} else {
			order = last
		}
		for i := range records {
			r := records[i]
			if backward {
				r = records[len(records)-1-i]
			}
			if r.at >= start && r.at < end && !use(r) {
				return nil
			}
		}
		// The times of a log grow, so one line beyond the range is enough.
		next, done := page.End, page.AtEnd
		if backward {
			next, done = page.Start, page.AtBeginning
		}
		if n := len(records); n > 0 {
			done = done || (backward && records[0].at < start) || (!backward && records[n-1].at >= end)
		}
		if done || next.IsZero() || next.Same(req.At) {
			return nil
		}
		req.At, req.AtTime = next, time.Time{}
	}
}

// precede moves the times of records, which come before those it was given last, below theirs.
func (c *clock) precede(records []record) {
	for i := range slices.Backward(records) {
		r := &records[i]
		if c.begun && r.at >= c.last {
			r.at = c.last - 1
		}
		c.last, c.begun = r.at, true
	}
}

// recordsOf returns the lines of a page in their order, how many bytes they are, and the clock c after them.
func recordsOf(events []tail.Event, c clock) (out []record, size int, after clock) {
	a := assembler{clock: c}
	for _, e := range events {
		var l tail.Lines
		switch e := e.(type) {
		case tail.Lines:
			l = e
		case tail.Late:
			l = e.Lines
		default:
			continue
		}
		size += len(l.Text)
		out = append(out, a.add(l)...)
	}
	out = append(out, a.flush()...)
	return out, size, a.clock
}
