package hub

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/livetail/livetail/plugin/tail"
)

// largeText is the length in bytes above which the text of a batch is never merged with another, and its frame gets memory that is used again.
const largeText = mergeLimit

// page is room for the text of a batch, or for its payload unless that is much longer.
type page [tail.MaxBatch + tail.MaxBatch/8]byte

// pages are pages that nobody uses. Fresh memory for each large frame would cost as much as filling it does, because it has to be cleared and is
// in no cache.
var pages = sync.Pool{New: func() any { return new(page) }}

// memory is where the text and the payload of a large frame stand. Its pages are used again when everybody has let go of the frame: the
// ring, and each session to which Next has returned it. Who never does leaves them to the garbage collector.
type memory struct {
	text, payload *page // nil where the frame has other memory
	users         atomic.Int32
}

// hold keeps the frame's memory until release. Frames that are not large need neither.
func (f *Frame) hold() {
	if f.memory != nil {
		f.memory.users.Add(1)
	}
}

// release says that who called hold does not use the frame any more.
func (f *Frame) release() {
	if f.memory == nil || f.memory.users.Add(-1) > 0 {
		return
	}
	f.Payload = nil
	for _, p := range []*page{f.memory.text, f.memory.payload} {
		if p != nil {
			spoil(p[:])
			pages.Put(p)
		}
	}
}

// render makes the payload of f with r, in memory of f if f is large.
func (f *Frame) render(r Renderer) {
	if textSize(f.Event) <= largeText {
		f.Payload = r.RenderInto(nil, f.Event)
		return
	}
	into := pages.Get().(*page)
	f.Payload = r.RenderInto(into[:0], f.Event)
	if cap(f.Payload) == 0 || &f.Payload[:1][0] != &into[0] {
		pages.Put(into) // It is the text itself, or longer.
		return
	}
	if f.memory == nil {
		f.memory = &memory{}
	}
	f.memory.payload = into
}

// pended is an event that a feed has read and not rendered yet.
type pended struct {
	tail.Event
	text *page // where its text stands, if that is a page
}

// own returns e with bytes that nobody else will change.
func own(e tail.Event) pended {
	switch e := e.(type) {
	case tail.Lines:
		var p *page
		if n := len(e.Text); n > largeText && n <= len(p) {
			p = pages.Get().(*page)
			e.Text = p[:copy(p[:], e.Text)]
		} else {
			e.Text = bytes.Clone(e.Text)
		}
		e.Offsets, e.Times = slices.Clone(e.Offsets), slices.Clone(e.Times)
		return pended{e, p}
	case tail.Late:
		e.Text, e.Offsets, e.Times = bytes.Clone(e.Text), slices.Clone(e.Offsets), slices.Clone(e.Times)
		return pended{Event: e}
	default:
		return pended{Event: e}
	}
}

// frame makes a frame of p that sessions share.
func (p pended) frame() *Frame {
	f := &Frame{Event: p.Event, shared: true}
	if p.text != nil {
		f.memory = &memory{text: p.text}
	}
	return f
}
