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

// page is room for the text of a batch, or for its payload unless that is much longer. There are half pages, too, because most of those who take
// nothing have half a batch waiting for them.
type page struct {
	bytes []byte
	pool  *sync.Pool // where it comes from
}

// wholePages and halfPages are pages that nobody uses. Fresh memory for each large frame would cost as much as filling it does, because it
// has to be cleared and is in no cache.
var (
	wholePages = pagesOf(tail.MaxBatch)
	halfPages  = pagesOf(tail.MaxBatch / 2)
)

// pagesOf are pages for texts of up to n bytes and what is made of them: lines of JSON grow by a quarter in a message of JSON.
func pagesOf(n int) *sync.Pool {
	pool := &sync.Pool{}
	pool.New = func() any { return &page{make([]byte, n+n*3/8), pool} }
	return pool
}

// takePage returns a page for a text of n bytes.
func takePage(n int) *page {
	if n <= tail.MaxBatch/2 {
		return halfPages.Get().(*page)
	}
	return wholePages.Get().(*page)
}

func (p *page) giveBack() {
	if p != nil {
		spoil(p.bytes)
		p.pool.Put(p)
	}
}

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
	f.memory.text.giveBack()
	f.memory.payload.giveBack()
}

// render makes the payload of f with r, in memory of f if f is large.
func (f *Frame) render(r Renderer) {
	if textSize(f.Event) <= largeText {
		f.Payload = r.RenderInto(nil, f.Event)
		return
	}
	into := takePage(textSize(f.Event))
	f.Payload = r.RenderInto(into.bytes[:0], f.Event)
	if cap(f.Payload) == 0 || &f.Payload[:1][0] != &into.bytes[0] {
		into.giveBack() // It is the text itself, or longer.
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
		if n := len(e.Text); n > largeText && n <= tail.MaxBatch {
			p = takePage(n)
			e.Text = p.bytes[:copy(p.bytes, e.Text)]
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
