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
	smallPayload = 4 << 10
	// batchSize is how much is put together before it is written.
	batchSize = 16 << 10
)

// batch puts frames together for one system call. It holds memory only between add and flush.
type batch struct {
	conn   *conn
	buf    *[]byte // the frames so far; nil if there are none
	large  []byte  // the payload of the last one, if it is not in buf
	frames int     // frames of content
	lines  int
	bytes  int

	arrived time.Time // when the oldest of them came to the host
	written int       // batches of content so far
}

var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, batchSize+smallPayload+64)
	return &b
}}

// add puts a frame into the batch. The payload must stay as it is until flush if it is larger than smallPayload.
func (b *batch) add(op byte, payload []byte) {
	if b.buf == nil {
		b.buf = buffers.Get().(*[]byte)
	}
	*b.buf = appendHeader(*b.buf, op, len(payload))
	if len(payload) > smallPayload {
		b.large = payload
		return
	}
	*b.buf = append(*b.buf, payload...)
}

// frame puts content into the batch.
func (b *batch) frame(f *hub.Frame) {
	b.add(opText, f.Payload)
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
func (b *batch) full() bool { return b.large != nil || (b.buf != nil && len(*b.buf) >= batchSize) }

// flush writes the batch.
func (b *batch) flush() error {
	if b.buf == nil {
		return nil
	}
	bufs := net.Buffers{*b.buf}
	if b.large != nil {
		bufs = append(bufs, b.large)
	}
	err := b.conn.socket.write(bufs)
	*b.buf = (*b.buf)[:0]
	buffers.Put(b.buf)
	b.buf, b.large = nil, nil
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
