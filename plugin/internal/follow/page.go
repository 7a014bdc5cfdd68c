package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/tail"
)

// maxPage is the most bytes of text in one page; a page has to fit into one message.
const maxPage = 2 << 20

// Read returns a page of history, as [tail.Tailer] has it; path is req.Log, resolved.
func (e *Engine) Read(ctx context.Context, path guard.Path, req tail.ReadRequest) (tail.Page, error) {
	if req.Lines < 1 || req.Lines > tail.MaxPageLines {
		return tail.Page{}, fmt.Errorf("a page of %d lines is asked for, possible are 1 to %d: %w", req.Lines, tail.MaxPageLines, tail.ErrBadRequest)
	}
	if req.At.IsZero() && req.AtTime.IsZero() {
		return tail.Page{}, fmt.Errorf("no position to read from is given: %w", tail.ErrBadRequest)
	}
	pick, err := newPicker(req.Filter, req.Times)
	if err != nil {
		return tail.Page{}, err
	}
	l, err := e.acquire(ctx, path)
	if err != nil {
		return tail.Page{}, err
	}
	r := &Reader{l: l, left: -1, pick: pick}
	defer r.Close()
	start := tail.StartAtPosition(req.At)
	if !req.AtTime.IsZero() {
		start = tail.StartAtTime(req.AtTime)
	}
	if err := r.begin(ctx, start); err != nil {
		return tail.Page{}, err
	}
	if req.Backward {
		return r.pageBefore(ctx, req)
	}
	return r.pageAfter(ctx, req.Lines)
}

// pageBefore returns the page that ends where the reader is.
func (r *Reader) pageBefore(ctx context.Context, req tail.ReadRequest) (tail.Page, error) {
	if req.At.IsZero() {
		r.queue = nil // What is missing there comes after the lines that are read, or turns up between them.
	}
	if len(r.queue) > 0 || r.g == nil { // The position is gone: nothing is known about what came before it.
		return tail.Page{}, fmt.Errorf("position %s: %w", req.At, tail.ErrPositionGone)
	}
	if err := r.l.wholeChain(ctx); err != nil {
		return tail.Page{}, err
	}
	gens, unpin := r.l.snapshot()
	defer unpin()
	stop, stopOff := r.g, r.b.off
	r.b.drop() // Looking back may need the stream.
	start, off, beginning, err := r.back(ctx, gens, int64(req.Lines))
	if errors.Is(err, errRewritten) {
		err = fmt.Errorf("position %s: %w", req.At, tail.ErrPositionGone)
	}
	if err != nil {
		return tail.Page{}, err
	}
	if err := r.enter(ctx, start, off); err != nil {
		return tail.Page{}, fmt.Errorf("position %s: %w", req.At, tail.ErrPositionGone)
	}
	if beginning {
		r.declareBefore(start, time.Time{})
	}
	r.stopAt, r.stopOff = stop, stopOff
	page, dropped, err := r.collect(ctx)
	page.AtBeginning = beginning && !dropped
	return page, err
}

// back looks for the place n lines before the reader's.
func (r *Reader) back(ctx context.Context, gens []*generation, n int64) (g *generation, off int64, beginning bool, err error) {
	i := len(gens) - 1
	for i >= 0 && gens[i] != r.g {
		i--
	}
	g, off = r.g, r.b.off
	bytes := int64(maxPage)
	for ; i >= 0; i-- {
		if !gens[i].readable(r.l) {
			continue
		}
		g = gens[i]
		if g != r.g {
			if off, err = g.length(ctx); err != nil {
				return nil, 0, false, err
			}
		}
		end := off
		var found int64
		if off, found, err = r.lastIn(ctx, g, end, n, true); err != nil {
			return nil, 0, false, err
		}
		n -= found
		if r.pick != nil && r.pick.match != nil {
			if n <= 0 || r.scanned > maxScan {
				return g, off, false, nil
			}
			continue
		}
		if bytes -= end - off; bytes < 0 { // Too much for a page: begin with the first line that fits.
			off, err = lineAfter(ctx, g, codingOf(ctx, g, r.l.encoding()), off-bytes, end)
			return g, off, false, err
		}
		if n <= 0 {
			break
		}
	}
	return g, off, n > 0 || g == gens[0] && off == g.from, nil
}

// lineAfter returns where the first line begins at off or after it, or off if that is not before end or too far.
func lineAfter(ctx context.Context, g *generation, c coding, off, end int64) (int64, error) {
	buf := make([]byte, min(tail.MaxPiece, end-off))
	var n int
	var err error
	if g.packed != nil {
		var w window
		var s *stream
		if s, err = g.load(ctx, &w, off); err == nil {
			n, err = s.read(buf)
		}
		s.shelve()
	} else {
		n, err = g.on.readAt(buf, off)
	}
	if err != nil {
		return 0, err
	}
	if length := c.firstLineEnd(buf[:n], off); length >= 0 && off+int64(length) < end {
		return off + int64(length), nil
	}
	if c.wide() {
		off += (off - int64(c.mark)) & 1
	}
	return off, nil
}

// pageAfter returns the page that begins where the reader is.
func (r *Reader) pageAfter(ctx context.Context, lines int) (tail.Page, error) {
	r.left = lines
	page, _, err := r.collect(ctx)
	return page, err
}

// startOf is the position at which events begin, or end if they begin with none.
func startOf(events []tail.Event, end tail.Position) tail.Position {
	if len(events) > 0 {
		switch ev := events[0].(type) {
		case tail.Lines:
			return ev.Start
		case tail.Boundary:
			return ev.From
		case tail.Truncated:
			return ev.From
		case tail.Gap:
			return ev.Before
		}
	}
	return end
}

// collect reads until the reader ends, is caught up, or has a page. dropped says that the beginning was too much for a page and has been
// left out.
func (r *Reader) collect(ctx context.Context) (page tail.Page, dropped bool, err error) {
	page = tail.Page{Start: r.position(), End: r.position()}
	size := 0
	for {
		ev, err := r.Next(ctx)
		if errors.Is(err, errEnd) {
			return page, dropped, nil
		}
		if err != nil {
			return tail.Page{}, false, err
		}
		switch ev := ev.(type) {
		case tail.CaughtUp:
			page.AtEnd = true
			return page, dropped, nil
		case tail.Lines:
			ev.Text = append([]byte(nil), ev.Text...)
			page.Events = append(page.Events, ev)
			size += len(ev.Text)
			page.End = ev.End
		case tail.Late:
		default:
			page.Events = append(page.Events, ev)
			page.End = r.position()
		}
		if size >= maxPage && r.stopAt == nil {
			return page, false, nil
		}
		for size > maxPage+tail.MaxBatch { // A page before a position has to end there.
			first, _ := page.Events[0].(tail.Lines)
			size -= len(first.Text)
			page.Events = page.Events[1:]
			page.Start = startOf(page.Events, page.End)
			dropped = true
		}
	}
}
