package dockerlogs

import (
	"context"
	"fmt"
	"slices"

	"github.com/livetail/livetail/plugin/internal/follow"
	"github.com/livetail/livetail/plugin/tail"
)

const (
	// leastEntries is how many entries are read at the least, because several may make one line.
	leastEntries = 64
	// maxSearch is how many pages of the file are looked at for one of ours, or for the last lines, if the filter wants few of them.
	maxSearch = 200
	// maxText is about how much text one page holds, in bytes.
	maxText = 1 << 20
)

// item is a line, or what happened between two lines.
type item struct {
	line  *line
	event tail.Event
}

// page is a stretch of lines.
type page struct {
	items               []item
	start, end          tail.Position
	atBeginning, atEnd  bool
	lines               int // that the filter wants, and that end in the page
	text                int // bytes
	firstLine, lastLine int // of all, as indices of items; -1 if there is none
}

func newPage(start tail.Position) *page {
	return &page{start: start, end: start, firstLine: -1, lastLine: -1}
}

// unwrapper returns one that fills p.
func (p *page) unwrapper(match *follow.Matcher, at tail.Position) *unwrapper {
	return &unwrapper{match: match, at: at, line: func(l line) {
		if p.firstLine < 0 {
			p.firstLine = len(p.items)
		}
		p.lastLine = len(p.items)
		p.items = append(p.items, item{line: &l})
		p.text += len(l.text)
		if l.counts() {
			p.lines++
		}
	}, event: func(e tail.Event) {
		if _, ok := e.(tail.CaughtUp); !ok {
			p.items = append(p.items, item{event: e})
		}
	}}
}

// counts reports whether l is, or ends, a line that the filter wants.
func (l line) counts() bool {
	return len(l.text) > 0 && (l.piece == tail.PieceNone || l.piece == tail.PieceLast)
}

// Read implements [tail.Tailer].
func (t *Tailer) Read(ctx context.Context, req tail.ReadRequest) (tail.Page, error) {
	if req.Lines < 1 || req.Lines > tail.MaxPageLines {
		return tail.Page{}, fmt.Errorf("%d lines are asked for, 1 to %d are possible: %w", req.Lines, tail.MaxPageLines, tail.ErrBadRequest)
	}
	match, err := follow.Compile(req.Filter)
	if err != nil {
		return tail.Page{}, err
	}
	c, err := t.find(req.Log)
	if err != nil {
		return tail.Page{}, err
	}
	at := req.At
	if !req.AtTime.IsZero() {
		// A page of one entry says where that time is.
		p, err := t.files.Read(ctx, tail.ReadRequest{Log: t.file(c.id), AtTime: req.AtTime, Lines: 1})
		if err != nil {
			return tail.Page{}, err
		}
		at = p.Start
	}
	var p *page
	if req.Backward {
		p, err = t.backward(ctx, c, at, req.Lines, match, req.Times)
	} else {
		p, err = t.forward(ctx, c, at, req.Lines, match, req.Times)
	}
	if err != nil {
		return tail.Page{}, err
	}
	return p.page(req.Times), nil
}

// page makes what the contract calls a page of p.
func (p *page) page(times bool) tail.Page {
	out := tail.Page{Start: p.start, End: p.end, AtBeginning: p.atBeginning, AtEnd: p.atEnd}
	b := batch{times: times}
	flush := func() { b.flush(func(l tail.Lines) { out.Events = append(out.Events, l) }) }
	for _, i := range p.items {
		if i.line != nil {
			b.add(*i.line)
			continue
		}
		flush()
		out.Events = append(out.Events, i.event)
	}
	flush()
	return out
}

// forward reads what comes after at.
func (t *Tailer) forward(ctx context.Context, c container, at tail.Position, lines int, match *follow.Matcher, times bool) (*page, error) {
	p := newPage(at)
	u := p.unwrapper(match, at)
	read := at
	for pages := 0; pages < maxSearch && p.lines < lines && p.text < maxText && !p.atEnd; pages++ {
		got, err := t.files.Read(ctx, tail.ReadRequest{Log: t.file(c.id), At: read, Lines: min(max(lines, leastEntries), tail.MaxPageLines), Times: times})
		if err != nil {
			return nil, err
		}
		if pages == 0 {
			p.start, p.atBeginning = got.Start, got.AtBeginning
		}
		for _, e := range got.Events {
			u.add(e)
		}
		read, p.atEnd = got.End, got.AtEnd
	}
	p.end = u.edge(read)
	if p.lines > lines {
		p.cutAfter(lines)
	}
	return p, nil
}

// cutAfter leaves out what comes after so many lines.
func (p *page) cutAfter(lines int) {
	n := 0
	for i, it := range p.items {
		if it.line == nil || !it.line.counts() {
			continue
		}
		if n++; n == lines {
			p.items, p.lines = p.items[:i+1], n
			p.end, p.atEnd = it.line.end, false
			return
		}
	}
}

// backward reads what comes before at.
func (t *Tailer) backward(ctx context.Context, c container, at tail.Position, lines int, match *follow.Matcher, times bool) (*page, error) {
	// One more than is asked for, because the first entry may be in the middle of a line.
	ask := min(max(lines+1, leastEntries), tail.MaxPageLines)
	got, err := t.files.Read(ctx, tail.ReadRequest{Log: t.file(c.id), At: at, Backward: true, Lines: ask, Times: times})
	if err != nil {
		return nil, err
	}
	p := newPage(got.Start)
	p.atBeginning, p.atEnd, p.end = got.AtBeginning, got.AtEnd, got.End
	u := p.unwrapper(match, got.Start)
	for _, e := range got.Events {
		u.add(e)
	}
	if u.open != nil {
		u.part(got.End) // The line goes on after at.
	}
	if len(got.Events) > 0 {
		if first, ok := got.Events[0].(tail.Lines); ok && first.Start.Offset > 0 && !got.AtBeginning {
			if err := t.behead(ctx, c, p); err != nil {
				return nil, err
			}
		}
	}
	if p.lines > lines {
		p.cutBefore(lines)
	}
	return p, nil
}

// behead takes the first line off a page if it may have begun before the page. If there is no other, what there is of it is a
// piece.
func (t *Tailer) behead(ctx context.Context, c container, p *page) error {
	if p.firstLine < 0 {
		return nil
	}
	first := p.items[p.firstLine].line
	if p.firstLine != p.lastLine {
		p.items = p.items[p.firstLine+1:]
		p.start = first.end
		if first.counts() {
			p.lines--
		}
		return nil
	}
	before, err := t.files.Read(ctx, tail.ReadRequest{Log: t.file(c.id), At: p.start, Backward: true, Lines: 1})
	if err != nil {
		return err
	}
	for _, e := range before.Events {
		if l, ok := e.(tail.Lines); ok && l.Piece == tail.PieceNone && parseEntry(l.Text).complete() {
			return nil // It begins here.
		}
	}
	switch first.piece {
	case tail.PieceNone:
		first.piece = tail.PieceLast
	case tail.PieceFirst:
		first.piece = tail.PieceMiddle
	}
	return nil
}

// cutBefore leaves out what comes before the last so many lines.
func (p *page) cutBefore(lines int) {
	n := 0
	for i, it := range slices.Backward(p.items) {
		if it.line != nil && it.line.counts() {
			n++
		}
		if n > lines {
			p.items, p.lines = p.items[i+1:], lines
			p.start, p.atBeginning = it.line.end, false
			return
		}
	}
}
