package dockerlogs

import (
	"bytes"

	"github.com/livetail/livetail/plugin/internal/follow"
	"github.com/livetail/livetail/plugin/tail"
)

// maxRaw is how long a line of the file may be to be looked at as an entry, in bytes. The daemon writes at most 16 KiB of text into one,
// which is 96 KiB if all of it has to be escaped.
const maxRaw = 512 << 10

// line is a line of a container, or a piece of a long one.
type line struct {
	text       []byte
	start, end tail.Position // between two entries
	piece      tail.Piece
	time       int64
}

// unwrapper makes lines of containers out of lines of a file. It gets the events of the file in order and hands out lines, and events of
// other kinds, in order.
//
// A line stays open while its last entry has no line end. An open line that gets too long is handed out in pieces. If the other stream of
// the container writes something meanwhile, the open line ends there: the entries of the two cannot be told apart by position.
type unwrapper struct {
	match *follow.Matcher
	// line and event are handed what comes out; event after all lines before it.
	line  func(line)
	event func(tail.Event)

	raw    []byte // the beginning of a line of the file that comes in pieces
	rawAt  tail.Position
	rawNS  int64
	passed bool // the line of the file is too long: its pieces are handed on as they stand

	open   []byte // the line so far that has no end yet
	openAt tail.Position
	openNS int64
	stream string
	long   bool          // pieces of the open line have been handed out
	wanted bool          // whether the filter wants that line
	at     tail.Position // where what has been handed out ends
	read   tail.Position // where the last entry ends that has been taken
}

// add takes an event of the file.
func (u *unwrapper) add(e tail.Event) {
	switch e := e.(type) {
	case tail.Lines:
		u.lines(e)
	case tail.CaughtUp:
		if u.open == nil && u.raw == nil {
			u.at = e.At
		}
		u.event(tail.CaughtUp{At: u.edge(e.At)})
	case tail.Late:
		u.late(e)
	case tail.Boundary:
		u.finish(e.From)
		u.at = e.To
		u.event(e)
	case tail.Truncated:
		u.finish(e.From)
		u.at = e.To
		u.event(e)
	case tail.Gap:
		u.finish(tail.Position{})
		if !e.Before.IsZero() {
			u.at = e.Before
		}
		u.event(e)
	}
}

// edge is where what has been handed out ends, while the file has been read up to at.
func (u *unwrapper) edge(at tail.Position) tail.Position {
	switch {
	case u.open != nil:
		return u.openAt
	case u.raw != nil:
		return u.rawAt
	}
	return at
}

// lines takes lines of the file, or a piece of one.
func (u *unwrapper) lines(l tail.Lines) {
	first := int64(0)
	if len(l.Times) > 0 {
		first = l.Times[0]
	}
	switch l.Piece {
	case tail.PieceFirst:
		u.raw, u.rawAt, u.rawNS, u.passed = bytes.Clone(l.Text), l.Start, first, false
		return
	case tail.PieceMiddle, tail.PieceLast:
		u.piece(l)
		return
	}
	text, offset := l.Text, int64(0)
	for i := 0; len(text) > 0; i++ {
		n := bytes.IndexByte(text, '\n') + 1
		if n == 0 {
			n = len(text)
		}
		from, to := l.Start.Add(offset), l.Start.Add(offset+int64(n))
		if to.Same(l.End) {
			to = l.End // It has the evidence.
		}
		ns := int64(0)
		if i < len(l.Times) {
			ns = l.Times[i]
		}
		u.entry(text[:n], from, to, ns)
		text, offset = text[n:], offset+int64(n)
	}
}

// piece takes what follows the first piece of a long line of the file.
func (u *unwrapper) piece(l tail.Lines) {
	if !u.passed && u.raw != nil && len(u.raw)+len(l.Text) <= maxRaw {
		u.raw = append(u.raw, l.Text...)
		if l.Piece == tail.PieceLast {
			raw := u.raw
			u.raw = nil
			if e := parseEntry(raw); e.stream != "" && len(e.text) <= tail.MaxPiece/2 {
				u.take(e, u.rawAt, l.End, u.rawNS)
				return
			}
			u.hand(raw, l.End, true)
		}
		return
	}
	if !u.passed {
		// It is no entry of the daemon's, or reading began within it.
		u.passed = true
		raw := u.raw
		u.raw = nil
		u.hand(raw, l.Start, false)
	}
	u.pass(line{text: l.Text, start: l.Start, end: l.End, piece: l.Piece, time: u.rawNS})
	if l.Piece == tail.PieceLast {
		u.passed = false
	}
}

// hand hands out a long line of the file as it stands, in pieces; whole says that it ends here, at end.
func (u *unwrapper) hand(raw []byte, end tail.Position, whole bool) {
	if len(raw) == 0 {
		return
	}
	u.finish(tail.Position{})
	u.wanted = u.match.Pass(raw)
	at, piece := u.rawAt, tail.PieceFirst
	for len(raw) > 0 {
		n := min(len(raw), tail.MaxPiece)
		to := at.Add(int64(n))
		if n == len(raw) {
			to = end
			if whole {
				piece = tail.PieceLast
			}
		}
		u.pass(line{text: raw[:n], start: at, end: to, piece: piece, time: u.rawNS})
		raw, at, piece = raw[n:], to, tail.PieceMiddle
	}
}

// entry takes one line of the file.
func (u *unwrapper) entry(text []byte, from, to tail.Position, ns int64) {
	u.take(parseEntry(text), from, to, ns)
}

// take takes an entry that stands at from to to.
func (u *unwrapper) take(e entry, from, to tail.Position, ns int64) {
	u.read = to
	if u.open != nil && e.stream != u.stream {
		u.end(append(u.open, '\n'), from)
	}
	switch {
	case u.open == nil && e.complete() && len(e.text) <= tail.MaxPiece:
		u.emit(line{text: e.text, start: from, end: to, time: ns}) // As nearly always.
		return
	case u.open != nil && len(u.open)+len(e.text) > tail.MaxPiece:
		u.part(from)
	}
	if u.open == nil {
		u.openAt, u.openNS, u.stream = from, ns, e.stream
		u.open = []byte{}
	}
	u.open = append(u.open, e.text...)
	if e.complete() {
		u.end(u.open, to)
	}
}

// part hands out what there is of the open line as a piece that ends at to.
func (u *unwrapper) part(to tail.Position) {
	piece := tail.PieceMiddle
	if !u.long {
		piece = tail.PieceFirst
		u.wanted = u.match.Pass(u.open)
	}
	u.pass(line{text: u.open, start: u.openAt, end: to, piece: piece, time: u.openNS})
	u.long, u.open, u.openAt = true, []byte{}, to
}

// end hands out the open line, whose text is given, up to its end at to.
func (u *unwrapper) end(text []byte, to tail.Position) {
	l := line{text: text, start: u.openAt, end: to, time: u.openNS}
	if u.long {
		l.piece = tail.PieceLast
		u.pass(l)
	} else {
		u.emit(l)
	}
	u.open, u.long = nil, false
}

// finish ends what is open because the file ends or is interrupted at to; zero if that is where it has been read to.
func (u *unwrapper) finish(to tail.Position) {
	if u.raw != nil {
		raw := u.raw
		u.raw = nil
		end := to
		if end.IsZero() {
			end = u.rawAt.Add(int64(len(raw)))
		}
		u.hand(raw, end, true)
	}
	if u.open == nil {
		return
	}
	if to.IsZero() {
		to = u.read
	}
	u.end(u.open, to)
}

// emit hands out a whole line, if the filter wants it.
func (u *unwrapper) emit(l line) {
	u.wanted = u.match.Pass(l.text)
	u.pass(l)
}

// pass hands out what the filter wants; of the rest, only that it has been passed.
func (u *unwrapper) pass(l line) {
	if !u.wanted {
		l.text, l.piece = nil, tail.PieceNone
	}
	u.at = l.end
	u.line(l)
}

// late hands out lines that came late as such.
func (u *unwrapper) late(e tail.Late) {
	var b batch
	inner := unwrapper{match: u.match, line: b.add, event: func(tail.Event) {}, at: e.Start}
	inner.add(e.Lines)
	inner.finish(e.End)
	b.flush(func(l tail.Lines) { u.event(tail.Late{Lines: l}) })
}
