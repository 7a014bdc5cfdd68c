package wire

import (
	"errors"

	"github.com/livetail/livetail/host/internal/render"
	"github.com/livetail/livetail/plugin/tail"
)

// What is said in the plain protocol besides content.
const (
	PlainPing = "ping"
	PlainPong = "pong"
)

// PlainRenderer renders for the plain protocol.
type PlainRenderer struct{ r *render.Renderer }

// NewPlainRenderer returns a renderer at the start of a stream.
func NewPlainRenderer(f render.Format) PlainRenderer { return PlainRenderer{render.New(f)} }

// Render is [PlainRenderer.RenderInto] with memory of its own.
func (p PlainRenderer) Render(e tail.Event) []byte { return p.RenderInto(nil, e) }

// RenderInto returns what the client is sent for e, or nil; see [render.Renderer.RenderInto] about the memory. It is never what a ping looks
// like: a line of that text that lacks its line ending gets one.
func (p PlainRenderer) RenderInto(into []byte, e tail.Event) []byte {
	payload := p.r.RenderInto(into, e)
	if string(payload) == PlainPing {
		return append([]byte(PlainPing), p.r.Render(tail.Boundary{})...)
	}
	return payload
}

// PlainUnparsable is the refusal of a URL that makes no sense.
var PlainUnparsable = render.Notice(render.HTML, "Fail to parse URL")

// PlainRefusal is the one frame that a client of the plain protocol gets when its log cannot be followed.
func PlainRefusal(err error) string {
	var text string
	switch {
	case errors.Is(err, tail.ErrNotAllowed):
		text = "Forbidden"
	case errors.Is(err, tail.ErrNotFound), errors.Is(err, tail.ErrNotRegular):
		text = "Not found"
	case errors.Is(err, tail.ErrUnreadable):
		text = "Cannot be read"
	case errors.Is(err, tail.ErrPositionGone):
		text = "Position is gone"
	case errors.Is(err, tail.ErrTooMany):
		text = "Too many connections"
	case errors.Is(err, tail.ErrBadRequest):
		return PlainUnparsable
	case errors.Is(err, tail.ErrUnsupported):
		text = "Not supported"
	default:
		text = "Internal error"
	}
	return render.Notice(render.HTML, text)
}
