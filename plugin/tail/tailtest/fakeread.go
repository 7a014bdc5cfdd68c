package tailtest

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// cursor is a place in a log: before the item of that number, which counts the dropped ones, too, and at pos.
type cursor struct {
	item int
	pos  tail.Position
}

// Follow implements [tail.Tailer].
func (f *Fake) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		if err := f.follow(ctx, req, yield); err != nil {
			yield(nil, err)
		}
	}
}

func (f *Fake) follow(ctx context.Context, req tail.FollowRequest, yield func(tail.Event, error) bool) error {
	c, err := f.enter(func(c *Calls) { c.Follow++ })
	if err != nil {
		return err
	}
	pass, err := compile(req.Filter)
	if err != nil {
		return err
	}
	if err := c.locked(ctx); err != nil {
		return err
	}
	l, err := f.find(ctx, c, req.Log, req.Wait)
	if err != nil {
		f.mu.Unlock()
		return err
	}
	at, err := l.seek(req.Start)
	if err != nil {
		f.mu.Unlock()
		return err
	}
	l.followers++
	failures := len(l.failures)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		l.followers--
	}()
	for caughtUp := (tail.Position{}); ; {
		if err := c.locked(ctx); err != nil {
			return err
		}
		if len(l.failures) > failures {
			f.mu.Unlock()
			return l.failures[failures]
		}
		e := l.next(&at, pass, req.Times)
		switch {
		case e != nil:
			caughtUp = tail.Position{}
		case caughtUp != at.pos:
			caughtUp, e = at.pos, tail.CaughtUp{At: at.pos}
		case !req.Follow:
			f.mu.Unlock()
			return nil
		default:
			c.wait(ctx)
		}
		f.mu.Unlock()
		if e != nil && !yield(e, nil) {
			return nil
		}
	}
}

// find returns a log, waiting for it if told to. The caller holds mu, also after an error.
func (f *Fake) find(ctx context.Context, c call, name string, wait bool) (*FakeLog, error) {
	if err := f.allowed(name); err != nil {
		return nil, err
	}
	for {
		if l := f.logs[name]; l != nil {
			return l, nil
		}
		if !wait {
			return nil, fmt.Errorf("%q: %w", name, tail.ErrNotFound)
		}
		c.wait(ctx)
		f.mu.Unlock()
		if err := c.locked(ctx); err != nil {
			f.mu.Lock()
			return nil, err
		}
	}
}

// seek returns where a Follow begins.
func (l *FakeLog) seek(s tail.Start) (cursor, error) {
	end := cursor{item: l.gone + len(l.items), pos: at(l.generation(), l.end)}
	if p, ok := s.Position(); ok {
		return l.locate(p)
	}
	if n, ok := s.LastLines(); ok {
		if n < 0 {
			return cursor{}, fmt.Errorf("the last %d lines: %w", n, tail.ErrBadRequest)
		}
		i := len(l.items)
		for ; i > 0 && n > 0; i-- {
			if l.items[i-1].event == nil {
				n--
			}
		}
		return l.before(i, end), nil
	}
	if t, ok := s.Time(); ok {
		return l.atTime(t), nil
	}
	if s.Beginning() {
		return l.before(0, end), nil
	}
	return end, nil
}

// before is the cursor before the item of that index.
func (l *FakeLog) before(index int, end cursor) cursor {
	if index == len(l.items) {
		return end
	}
	i := l.items[index]
	return cursor{item: l.gone + index, pos: at(i.generation, i.start)}
}

// atTime is the cursor before the first line whose time is not before t.
func (l *FakeLog) atTime(t time.Time) cursor {
	end := cursor{item: l.gone + len(l.items), pos: at(l.generation(), l.end)}
	for index, i := range l.items {
		if i.event == nil && i.time >= t.UnixNano() {
			return l.before(index, end)
		}
	}
	return end
}

// locate finds a position, which may be in the middle of a line.
func (l *FakeLog) locate(p tail.Position) (cursor, error) {
	if _, err := tail.ParsePosition(p.String()); err != nil {
		return cursor{}, err
	}
	p = at(p.Generation, p.Offset)
	for index, i := range l.items {
		if i.generation != p.Generation {
			continue
		}
		if i.event == nil && i.start <= p.Offset && p.Offset < i.end() || i.event != nil && p.Offset == i.start {
			return cursor{item: l.gone + index, pos: p}, nil
		}
	}
	if p.Generation == l.generation() && p.Offset <= l.end+int64(len(l.partial)) {
		return cursor{item: l.gone + len(l.items), pos: p}, nil
	}
	return cursor{}, fmt.Errorf("the log has nothing at %s: %w", p, tail.ErrPositionGone)
}

// next returns the next event at a cursor and moves it on; nil at the end.
func (l *FakeLog) next(c *cursor, pass func([]byte) bool, times bool) tail.Event {
	if c.item < l.gone {
		return l.dropped(c)
	}
	lines := tail.Lines{Start: c.pos}
	b := batch{limit: tail.MaxBatch, lines: l.fake.batch, times: times}
	for c.item-l.gone < len(l.items) {
		i := l.items[c.item-l.gone]
		if i.event != nil {
			if len(b.offsets) > 0 {
				break
			}
			c.item++
			c.pos = i.next
			return i.event
		}
		rest := i.text
		if c.pos.Generation == i.generation && c.pos.Offset > i.start {
			rest = i.text[c.pos.Offset-i.start:]
		}
		if (len(i.text) > tail.MaxPiece || i.cut) && pass(i.text) {
			if len(b.offsets) > 0 {
				break
			}
			return l.piece(c, i, rest, times)
		}
		if pass(i.text) && !b.add(rest, i.end()-int64(len(rest))-lines.Start.Offset, i.time) {
			break
		}
		c.item++
		c.pos = at(i.generation, i.end())
	}
	if len(b.offsets) == 0 {
		return nil
	}
	lines.End, lines.Text, lines.Times = c.pos, b.text, b.timesOf
	if int64(len(b.text)) != lines.End.Offset-lines.Start.Offset {
		lines.Offsets = b.offsets
	}
	return lines
}

// piece returns the next piece of a long line.
func (l *FakeLog) piece(c *cursor, i item, rest []byte, times bool) tail.Event {
	out := tail.Lines{Start: c.pos, Piece: tail.PieceMiddle}
	if times {
		out.Times = []int64{i.time}
	}
	n := min(len(rest), tail.MaxPiece)
	switch {
	case len(rest) == len(i.text):
		out.Piece = tail.PieceFirst
	case n == len(rest) && !i.cut:
		out.Piece = tail.PieceLast
	}
	out.Text = bytes.Clone(rest[:n])
	out.End = at(i.generation, i.end()-int64(len(rest)-n))
	c.pos = out.End
	if n == len(rest) {
		c.item++
	}
	return out
}

// dropped declares what DropOldest destroyed before the cursor came to it.
func (l *FakeLog) dropped(c *cursor) tail.Event {
	g := tail.Gap{Cause: tail.CauseDeleted, Certain: true, After: c.pos, Before: l.oldest()}
	c.item, c.pos = l.gone, g.Before
	return g
}

// batch collects lines.
type batch struct {
	limit, lines int
	times        bool
	text         []byte
	offsets      []uint32
	timesOf      []int64
}

// add adds a line that begins at offset; false if it does not fit.
func (b *batch) add(text []byte, offset, t int64) bool {
	if len(b.text)+len(text) > b.limit || b.lines > 0 && len(b.offsets) == b.lines {
		return false
	}
	b.text = append(b.text, text...)
	b.offsets = append(b.offsets, uint32(offset))
	if b.times {
		b.timesOf = append(b.timesOf, t)
	}
	return true
}

// compile makes a filter a function.
func compile(f tail.Filter) (pass func(line []byte) bool, err error) {
	patterns := func(in []string) (out []*regexp.Regexp) {
		for _, s := range in {
			re, e := regexp.Compile(s)
			if e != nil {
				err = fmt.Errorf("%w: %w", e, tail.ErrBadRequest)
				return nil
			}
			out = append(out, re)
		}
		return out
	}
	include, exclude := patterns(f.Include), patterns(f.Exclude)
	return func(line []byte) bool {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		wanted := len(include) == 0
		for _, re := range include {
			wanted = wanted || re.Match(line)
		}
		for _, re := range exclude {
			wanted = wanted && !re.Match(line)
		}
		return wanted
	}, err
}

// Read implements [tail.Tailer].
func (f *Fake) Read(ctx context.Context, req tail.ReadRequest) (tail.Page, error) {
	c, err := f.enter(func(c *Calls) { c.Read++ })
	if err != nil {
		return tail.Page{}, err
	}
	pass, err := compile(req.Filter)
	if err != nil {
		return tail.Page{}, err
	}
	if req.Lines < 1 || req.Lines > tail.MaxPageLines {
		return tail.Page{}, fmt.Errorf("a page of %d lines: from 1 to %d are possible: %w", req.Lines, tail.MaxPageLines, tail.ErrBadRequest)
	}
	if err := c.locked(ctx); err != nil {
		return tail.Page{}, err
	}
	defer f.mu.Unlock()
	l, err := f.find(ctx, c, req.Log, false)
	if err != nil {
		return tail.Page{}, err
	}
	from := l.atTime(req.AtTime)
	if req.AtTime.IsZero() {
		if from, err = l.locate(req.At); err != nil {
			return tail.Page{}, err
		}
	}
	if req.Backward {
		return l.pageBefore(from, pass, req), nil
	}
	return l.pageAfter(from, pass, req), nil
}

// maxPage bounds the text of a page, in bytes, so that it fits into one message.
const maxPage = 1 << 20

// pageAfter reads from a cursor onward.
func (l *FakeLog) pageAfter(c cursor, pass func([]byte) bool, req tail.ReadRequest) tail.Page {
	stop, cut := c.item, 0
	left, room := req.Lines, maxPage
	for stop < l.gone+len(l.items) && left > 0 {
		if i := l.items[stop-l.gone]; i.event == nil && pass(i.text) {
			done := 0
			if stop == c.item {
				done = int(c.pos.Offset - i.start)
			}
			if n := len(i.text) - done; n > room {
				if left == req.Lines {
					stop, cut = stop+1, done+room
				}
				break
			}
			room -= len(i.text) - done
			left--
		}
		stop++
	}
	return l.page(c, stop, cut, pass, req.Times)
}

// pageBefore reads what comes before a cursor.
func (l *FakeLog) pageBefore(c cursor, pass func([]byte) bool, req tail.ReadRequest) tail.Page {
	stop, cut := c.item, 0
	if i := c.item - l.gone; i < len(l.items) && l.items[i].event == nil && c.pos.Offset > l.items[i].start {
		stop, cut = c.item+1, int(c.pos.Offset-l.items[i].start)
	}
	start := stop
	left, room := req.Lines, maxPage
	var skip int64
	for start > l.gone && left > 0 {
		if i := l.items[start-1-l.gone]; i.event == nil && pass(i.text) {
			n := len(i.text)
			if start == stop && cut > 0 {
				n = cut
			}
			if n > room {
				if left == req.Lines {
					start, skip = start-1, int64(n-room)
				}
				break
			}
			room -= n
			left--
		}
		start--
	}
	from := l.before(start-l.gone, c)
	if skip > 0 {
		from.pos = at(from.pos.Generation, from.pos.Offset+skip)
	}
	return l.page(from, stop, cut, pass, req.Times)
}

// page collects the events from a cursor up to an item; if cut is not 0, only so many bytes of the last one.
func (l *FakeLog) page(c cursor, stop, cut int, pass func([]byte) bool, times bool) tail.Page {
	part := *l
	part.items = l.items[:stop-l.gone]
	if cut > 0 {
		part.items = slices.Clone(part.items)
		last := &part.items[len(part.items)-1]
		last.text, last.cut = last.text[:cut], true
	}
	p := tail.Page{Start: c.pos, AtBeginning: c.item == l.gone && c.pos.Same(l.oldest())}
	for e := part.next(&c, pass, times); e != nil; e = part.next(&c, pass, times) {
		p.Events = append(p.Events, e)
	}
	p.End, p.AtEnd = c.pos, cut == 0 && c.item == l.gone+len(l.items)
	return p
}
