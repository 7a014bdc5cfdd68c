package render

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/livetail/livetail/plugin/tail"
)

// Format says what a [Renderer] makes of a log.
type Format int

// The formats.
const (
	// HTML is text with spans of inline styles for what ANSI escape sequences say about looks.
	HTML Format = iota
	// ANSI is text with the SGR escape sequences for the same.
	ANSI
	// Text is text alone.
	Text
)

// String returns the name of f in a query and as part of the key of a feed.
func (f Format) String() string {
	switch f {
	case HTML:
		return "html"
	case ANSI:
		return "ansi"
	default:
		return "text"
	}
}

// ParseFormat is the opposite of [Format.String].
func ParseFormat(s string) (f Format, ok bool) {
	for _, f := range []Format{HTML, ANSI, Text} {
		if s == f.String() {
			return f, true
		}
	}
	return 0, false
}

// Renderer renders one stream of events. It is not safe for concurrent use.
type Renderer struct {
	format Format
	seq    sequence
	style  style // what the log asked for last
	shown  style // what the output since the start of this result is in
	// partial is the unfinished rune at the end of a piece of a long line.
	partial  [utf8.UTFMax]byte
	nPartial uint8
	midLine  bool // the output ends within a line
}

// New returns a renderer at the start of a stream.
func New(f Format) *Renderer { return &Renderer{format: f} }

// Render is [Renderer.RenderInto] with memory of its own.
func (r *Renderer) Render(e tail.Event) []byte { return r.RenderInto(nil, e) }

// RenderInto returns what the reader of the stream is shown for e, or nil if that is nothing. The result may be the text of e itself, where
// nothing had to be changed; otherwise it is appended to into, which is empty, or is the caller's if that has no room.
func (r *Renderer) RenderInto(into []byte, e tail.Event) []byte {
	switch e := e.(type) {
	case tail.Lines:
		return r.Lines(into, e)
	case tail.Late:
		return r.Lines(into, e.Lines)
	case tail.Gap:
		return r.notice(GapText(e))
	case tail.Boundary, tail.Truncated:
		return r.endLine(nil)
	default:
		return nil
	}
}

// Lines renders a batch of lines; see [Renderer.RenderInto] about the result.
func (r *Renderer) Lines(into []byte, l tail.Lines) []byte {
	unfinished := l.Piece == tail.PieceFirst || l.Piece == tail.PieceMiddle
	n := 0
	if r.nPartial == 0 && r.seq.state == ground {
		n = run(l.Text, r.classes())
	}
	if n == len(l.Text) && n > 0 && r.style == (style{}) {
		r.midLine = l.Text[n-1] != '\n'
		return l.Text
	}
	dst := slices.Grow(into, len(l.Text)+len(l.Text)/16+64)
	if n > 0 {
		dst = r.appendShown(dst, l.Text[:n])
	}
	dst = r.appendText(dst, l.Text[n:], unfinished)
	if len(dst) == 0 {
		return nil
	}
	return dst
}

// Held returns how many bytes at the end of the input so far wait for the rest of their rune. It is 0 unless the last batch was a piece
// with more to come.
func (r *Renderer) Held() int { return int(r.nPartial) }

func (r *Renderer) classes() *[256]uint8 {
	if r.format == HTML {
		return htmlClasses
	}
	return textClasses
}

// appendText appends src as it is shown. If it is unfinished, a rune cut off at its end waits for the next call.
func (r *Renderer) appendText(dst, src []byte, unfinished bool) []byte {
	for r.nPartial > 0 && len(src) > 0 {
		r.partial[r.nPartial] = src[0]
		r.nPartial++
		src = src[1:]
		dst = r.appendPartial(dst, false)
	}
	if !unfinished {
		dst = r.appendPartial(dst, true)
	}
	return r.closeStyle(r.appendBytes(dst, src, unfinished))
}

// appendPartial appends what has become of the partial rune; at the end, whatever that is.
func (r *Renderer) appendPartial(dst []byte, end bool) []byte {
	for r.nPartial > 0 && (end || utf8.FullRune(r.partial[:r.nPartial])) {
		joined, n := r.partial, r.nPartial
		_, size := utf8.DecodeRune(joined[:n])
		r.nPartial = uint8(copy(r.partial[:], joined[size:n]))
		dst = r.appendBytes(dst, joined[:size], false)
	}
	return dst
}

func (r *Renderer) appendBytes(dst, src []byte, unfinished bool) []byte {
	classes := r.classes()
	for len(src) > 0 {
		if r.seq.state != ground {
			src = src[r.sequence(src, unfinished):]
			continue
		}
		if n := run(src, classes); n > 0 {
			dst = r.appendShown(dst, src[:n])
			src = src[n:]
			continue
		}
		switch classes[src[0]] {
		case classMarkup:
			dst = appendEntity(r.openStyle(dst), src[0])
			r.midLine = true
			src = src[1:]
		case classControl:
			if n := sgr(src); n > 0 {
				r.style.apply(src[2 : n-1])
				src = src[n:]
				continue
			}
			if src[0] == esc {
				r.seq.begin(escape)
			}
			src = src[1:]
		case classWide:
			if unfinished && !utf8.FullRune(src) {
				r.nPartial = uint8(copy(r.partial[:], src))
				return dst
			}
			c, size := utf8.DecodeRune(src)
			if size > 1 { // one of the C1 controls
				r.seq.beginC1(c)
			} else {
				dst = append(r.openStyle(dst), "\uFFFD"...)
				r.midLine = true
			}
			src = src[size:]
		}
	}
	return dst
}

// appendShown appends what can be shown as it is; it is not empty.
func (r *Renderer) appendShown(dst, src []byte) []byte {
	r.midLine = src[len(src)-1] != '\n'
	if r.format != ANSI || r.style == (style{}) {
		return append(r.openStyle(dst), src...)
	}
	// A terminal's reader cuts lines out and puts others between them, so each line is made to stand by itself.
	for len(src) > 0 {
		n := bytes.IndexByte(src, '\n')
		if n < 0 {
			return append(r.openStyle(dst), src...)
		}
		if n > 0 {
			dst = append(r.openStyle(dst), src[:n]...)
		}
		dst = append(r.closeStyle(dst), '\n')
		src = src[n+1:]
	}
	return dst
}

// openStyle makes what is appended next look as the log asked for.
func (r *Renderer) openStyle(dst []byte) []byte {
	if r.shown == r.style {
		return dst
	}
	switch r.format {
	case HTML:
		dst = r.closeStyle(dst)
		if r.style != (style{}) {
			dst = append(dst, `<span style="`...)
			dst = append(r.style.appendCSS(dst), `">`...)
		}
	case ANSI:
		dst = r.style.appendSGR(dst)
	}
	r.shown = r.style
	return dst
}

// closeStyle makes what is appended next look plain.
func (r *Renderer) closeStyle(dst []byte) []byte {
	if r.shown == (style{}) {
		return dst
	}
	r.shown = style{}
	switch r.format {
	case HTML:
		dst = append(dst, "</span>"...)
	case ANSI:
		dst = append(dst, "\x1b[0m"...)
	}
	return dst
}

// endLine ends a line that the log left open, and the sequences and runes in it.
func (r *Renderer) endLine(dst []byte) []byte {
	if r.nPartial > 0 {
		dst = r.appendText(dst, nil, false)
	}
	r.seq.state = ground
	if r.midLine {
		dst = append(dst, '\n')
		r.midLine = false
	}
	return dst
}

// appendEntity appends one of the characters that mean something in HTML.
func appendEntity(dst []byte, c byte) []byte {
	switch c {
	case '<':
		return append(dst, "&lt;"...)
	case '>':
		return append(dst, "&gt;"...)
	case '&':
		return append(dst, "&amp;"...)
	default:
		return append(dst, c)
	}
}
