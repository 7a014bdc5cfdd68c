package ws

import (
	"bytes"
	"net"
	"sync"
	"time"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/plugin/tail"
)

const (
	// smallPayload is the largest payload that is copied to go out together with others; larger ones are written from where they are.
	smallPayload = 1 << 10
	// batchSize is how much is put together before it is written, in bytes.
	batchSize = 64 << 10
	// batchCopied is how much of that is copied: what a connection that takes nothing holds of its own.
	batchCopied = 16 << 10
	// batchPieces is the most buffers that one system call is given.
	batchPieces = 64
)

// batch puts frames together for one system call. It holds memory only between add and flush.
type batch struct {
	conn   *conn
	out    *outgoing // the frames so far; nil if there are none
	frames int       // frames of content
	lines  int
	bytes  int

	arrived time.Time // when the oldest of them came to the host
	written int       // batches of content so far
}

// outgoing is what is written next.
type outgoing struct {
	pieces net.Buffers
	copied []byte // headers and small payloads; never grows, because the pieces are parts of it
	begun  int    // the part of copied that is not in pieces yet begins here
	size   int
	alone  bool // the last payload may not wait for others
}

var outgoings = sync.Pool{New: func() any {
	return &outgoing{copied: make([]byte, 0, batchCopied+smallPayload+64), pieces: make(net.Buffers, 0, batchPieces+2)}
}}

// add puts a frame into the batch, with a payload that has to stay as it is until flush if it is larger than smallPayload.
func (b *batch) add(op byte, payload []byte) { b.put(op, payload, false) }

// put is add. lasting says that the payload stays as it is for ever, so that it can wait for others.
func (b *batch) put(op byte, payload []byte, lasting bool) {
	if b.out == nil {
		b.out = outgoings.Get().(*outgoing)
	}
	o := b.out
	o.copied = appendHeader(o.copied, op, len(payload))
	o.size += len(payload)
	if len(payload) <= smallPayload {
		o.copied = append(o.copied, payload...)
		return
	}
	o.pieces = append(o.pieces, o.copied[o.begun:], payload)
	o.begun = len(o.copied)
	o.alone = !lasting
}

// frame puts content into the batch.
func (b *batch) frame(f *hub.Frame) {
	b.put(opText, f.Payload, f.Lasting())
	b.frames++
	b.bytes += len(f.Payload)
	if b.frames == 1 {
		b.arrived = f.Arrived
	}
	if b.conn.server.o.Observer.Sent != nil {
		b.lines += Lines(f)
	}
}

// full reports whether the batch is to be written before anything else is added.
func (b *batch) full() bool {
	o := b.out
	return o != nil && (o.alone || o.size >= batchSize || len(o.copied) >= batchCopied || len(o.pieces) >= batchPieces)
}

// flush writes the batch.
func (b *batch) flush() error {
	o := b.out
	if o == nil {
		return nil
	}
	if rest := o.copied[o.begun:]; len(rest) > 0 {
		o.pieces = append(o.pieces, rest)
	}
	err := b.conn.socket.write(o.pieces)
	clear(o.pieces) // What was not written.
	*o = outgoing{pieces: o.pieces[:0], copied: o.copied[:0]}
	outgoings.Put(o)
	b.out = nil
	if err == nil {
		b.conn.server.o.Observer.sent(b.frames, b.lines, b.bytes)
		if b.frames > 0 {
			if b.written++; Sampled(b.written) {
				b.conn.server.o.Observer.delivered(b.arrived)
			}
		}
	}
	b.frames, b.lines, b.bytes = 0, 0, 0
	if err != nil {
		return lost{err}
	}
	return nil
}

// Lines counts the lines of a frame; once, if others share it.
func Lines(f *hub.Frame) int {
	count := func([]byte) any {
		switch e := f.Event.(type) {
		case tail.Lines:
			return bytes.Count(e.Text, []byte("\n"))
		case tail.Late:
			return bytes.Count(e.Text, []byte("\n"))
		}
		return 0
	}
	if !f.Shared() {
		return count(nil).(int)
	}
	return f.Prepared(count).(int)
}
