package wire

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/livetail/livetail/host/internal/render"
	"github.com/livetail/livetail/plugin/tail"
)

// Format says what the text of lines is in livetail.v1: what stands in the log, or what a [render.Renderer] makes of it.
type Format struct {
	// Raw: the text as it stands in the log, escape sequences and control characters included; only what is not UTF-8 is replaced.
	Raw bool
	// As is the rendering otherwise.
	As render.Format
}

// String returns the name of f in a query.
func (f Format) String() string {
	if f.Raw {
		return "raw"
	}
	return f.As.String()
}

// Renderer encodes the events of one stream as messages of livetail.v1. It is not safe for concurrent use.
type Renderer struct {
	render *render.Renderer // nil: raw
	// held is the unfinished rune at the end of a piece of a long line, with a raw text.
	held  [utf8.UTFMax]byte
	nHeld int
}

// NewRenderer returns a renderer at the start of a stream.
func NewRenderer(f Format) *Renderer {
	if f.Raw {
		return &Renderer{}
	}
	return &Renderer{render: render.New(f.As)}
}

// Render is [Renderer.RenderInto] with memory of its own.
func (r *Renderer) Render(e tail.Event) []byte { return r.RenderInto(nil, e) }

// RenderInto returns the message for e, or nil if this version has none. It is appended to into, which is empty, or is the caller's if that
// has no room.
func (r *Renderer) RenderInto(into []byte, e tail.Event) []byte {
	size := 256
	switch e := e.(type) {
	case tail.Lines:
		size += len(e.Text) + len(e.Text)/16 + 8*len(e.Offsets)
	case tail.Late:
		size += len(e.Text) + len(e.Text)/16 + 8*len(e.Offsets)
	}
	message := r.appendEvent(slices.Grow(into, size), e)
	if len(message) == 0 {
		return nil
	}
	return message
}

// appendEvent appends the message for e; nothing if there is none.
func (r *Renderer) appendEvent(dst []byte, e tail.Event) []byte {
	switch e := e.(type) {
	case tail.Lines:
		return r.appendLines(dst, "lines", e)
	case tail.Late:
		return r.appendLines(dst, "late", e.Lines)
	case tail.Boundary:
		r.endLine()
		dst = appendPosition(append(dst, `{"t":"boundary","from":`...), e.From)
		dst = appendPosition(append(dst, `,"to":`...), e.To)
		dst = appendText(append(dst, `,"how":`...), e.How.String())
		dst = appendText(append(dst, `,"order":`...), e.Order.String())
		dst = appendText(append(dst, `,"name":`...), e.Name)
		return append(dst, '}')
	case tail.Truncated:
		r.endLine()
		dst = appendPosition(append(dst, `{"t":"truncated","from":`...), e.From)
		dst = appendPosition(append(dst, `,"to":`...), e.To)
		return append(dst, '}')
	case tail.Gap:
		r.endLine()
		return appendGap(dst, e)
	case tail.CaughtUp:
		dst = appendPosition(append(dst, `{"t":"caught_up","at":`...), e.At)
		return append(dst, '}')
	default:
		return dst
	}
}

// endLine forgets what a broken-off line left behind.
func (r *Renderer) endLine() {
	r.nHeld = 0
	if r.render != nil {
		r.render.Render(tail.Boundary{})
	}
}

func (r *Renderer) appendLines(dst []byte, kind string, l tail.Lines) []byte {
	unfinished := l.Piece == tail.PieceFirst || l.Piece == tail.PieceMiddle
	// before and after are the bytes of a cut rune that come out later than they went in: the positions say where they came out.
	var before, after int
	var text []byte
	changed := false
	if r.render != nil {
		before = r.render.Held()
		text = r.render.Lines(nil, l)
		after = r.render.Held()
		changed = len(text) != len(l.Text) || (len(text) > 0 && &text[0] != &l.Text[0])
	} else {
		before = r.nHeld
		text = r.joined(l.Text, unfinished)
		after = r.nHeld
	}
	dst = append(append(append(dst, `{"t":"`...), kind...), `","start":`...)
	dst = appendPosition(dst, l.Start.Add(int64(-before)))
	dst = appendPosition(append(dst, `,"end":`...), l.End.Add(int64(-after)))
	dst = append(dst, `,"text":`...)
	dst, replaced := appendString(dst, text)
	switch {
	case l.Piece != tail.PieceNone: // one line alone, which begins at the start
	case l.Offsets != nil:
		dst = append(dst, `,"at":[`...)
		for i, offset := range l.Offsets {
			dst = appendNumber(dst, i, int64(offset))
		}
		dst = append(dst, ']')
	case changed || replaced:
		dst = appendStarts(append(dst, `,"at":[`...), l.Text)
		dst = append(dst, ']')
	}
	switch l.Piece {
	case tail.PieceFirst:
		dst = append(dst, `,"piece":"first"`...)
	case tail.PieceMiddle:
		dst = append(dst, `,"piece":"middle"`...)
	case tail.PieceLast:
		dst = append(dst, `,"piece":"last"`...)
	}
	return append(dst, '}')
}

// joined returns text with the rest of the rune before it, and without the unfinished one at its end, which is kept for the next piece.
func (r *Renderer) joined(text []byte, unfinished bool) []byte {
	if r.nHeld > 0 {
		text = append(append(make([]byte, 0, r.nHeld+len(text)), r.held[:r.nHeld]...), text...)
		r.nHeld = 0
	}
	if !unfinished {
		return text
	}
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		rest := text[len(text)-n:]
		if utf8.RuneStart(rest[0]) {
			if !utf8.FullRune(rest) {
				r.nHeld = copy(r.held[:], rest)
				text = text[:len(text)-n]
			}
			break
		}
	}
	return text
}

// appendStarts appends where each line of text begins.
func appendStarts(dst, text []byte) []byte {
	for i, at := 0, 0; at < len(text); i++ {
		dst = appendNumber(dst, i, int64(at))
		n := bytes.IndexByte(text[at:], '\n')
		if n < 0 {
			break
		}
		at += n + 1
	}
	return dst
}

// appendNumber appends the i-th element of an array.
func appendNumber(dst []byte, i int, n int64) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	return strconv.AppendInt(dst, n, 10)
}

func appendGap(dst []byte, g tail.Gap) []byte {
	dst = appendText(append(dst, `{"t":"gap","cause":`...), g.Cause.String())
	dst = strconv.AppendBool(append(dst, `,"certain":`...), g.Certain)
	dst = appendPosition(append(dst, `,"after":`...), g.After)
	dst = appendPosition(append(dst, `,"before":`...), g.Before)
	dst = appendCount(append(dst, `,"generations":`...), g.Generations)
	dst = appendCount(append(dst, `,"bytes":`...), g.Bytes)
	dst = appendCount(append(dst, `,"min_bytes":`...), g.MinBytes)
	dst = appendCount(append(dst, `,"lines":`...), g.Lines)
	dst = append(dst, `,"evidence":[`...)
	for i, fact := range g.Evidence {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, fact)
	}
	return append(dst, "]}"...)
}
