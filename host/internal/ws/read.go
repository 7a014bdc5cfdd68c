package ws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

// maxSlots is how many requests for pages one connection may have under way.
const maxSlots = 2

// read takes what the peer says until it stops, or breaks the rules. What comes after the connection has begun to end is dropped.
func (c *conn) read() {
	defer close(c.reading)
	c.ws.SetReadLimit(int64(c.server.o.Limits.Frame))
	c.ws.SetPongHandler(func(string) error { return c.mayTalk() })
	answer := c.ws.PingHandler()
	c.ws.SetPingHandler(func(data string) error {
		if err := c.mayTalk(); err != nil {
			return err
		}
		return answer(data)
	})
	c.ws.SetCloseHandler(func(int, string) error { return nil }) // the writer answers it
	for {
		if err := c.message(); err != nil {
			closed := (*websocket.CloseError)(nil)
			c.parted = errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure
			c.cancel(readEnding(err))
			return
		}
	}
}

// messages are buffers for what peers say, one of which is needed only while a message is being taken.
var messages = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// message waits for a message and takes it. The error is that of reading.
func (c *conn) message() error {
	kind, in, err := c.ws.NextReader()
	if err != nil {
		return err
	}
	text := messages.Get().(*bytes.Buffer)
	defer messages.Put(text)
	text.Reset()
	if _, err := text.ReadFrom(in); err != nil {
		return err
	}
	if c.ctx.Err() != nil {
		return nil
	}
	switch data := text.Bytes(); {
	case kind != websocket.TextMessage:
		c.stop(wire.CloseBinary)
	case !utf8.Valid(data):
		c.stop(wire.CloseNotUTF8)
	case c.v1:
		err = c.hear(data)
	default:
		c.hearPlain(data)
	}
	if err == nil {
		_ = c.mayTalk() // An error is that of the connection, which is ending.
	}
	return nil
}

// mayTalk waits until the peer may say more. The error is that of the connection.
func (c *conn) mayTalk() error { return c.talk.Wait(c.ctx) }

// readEnding is why a connection ends of which nothing more can be read.
func readEnding(err error) error {
	closed, lost := (*websocket.CloseError)(nil), (net.Error)(nil)
	switch {
	case errors.As(err, &closed) && closed.Code == websocket.CloseNoStatusReceived:
		return &ending{Close: wire.Close{Code: wire.CloseDone.Code, Reason: "peer"}, bare: true}
	case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure: // the peer's own code goes back to it
		return &ending{Close: wire.Close{Code: closed.Code, Reason: "peer"}, bare: true}
	case errors.As(err, &closed), errors.As(err, &lost), errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe), errors.Is(err, io.EOF):
		return errPeer
	case errors.Is(err, websocket.ErrReadLimit):
		return &ending{Close: wire.CloseTooBig}
	default:
		return &ending{Close: wire.CloseProtocol}
	}
}

// hearPlain takes a message of the plain protocol.
func (c *conn) hearPlain(data []byte) {
	if string(data) != wire.PlainPong {
		c.wrong()
		return
	}
	c.beat.Lock()
	defer c.beat.Unlock()
	c.answered()
}

// wrong is what happens to a peer that says something that is no answer. The plugin decides; should it not be there to do so, we
// do.
func (c *conn) wrong() {
	if c.session != nil {
		c.session.Wrong()
	}
	t := time.NewTimer(c.server.o.Farewell)
	defer t.Stop()
	select {
	case <-t.C:
		c.stop(wire.CloseWrong)
	case <-c.ctx.Done():
	}
}

// answered notes that the last ping was answered. The caller holds beat.
func (c *conn) answered() {
	if c.askedAt.IsZero() {
		return
	}
	c.rtt = time.Since(c.askedAt)
	c.askedAt = time.Time{}
	c.server.o.Observer.roundTrip(c.rtt)
	c.session.Answered()
}

// hear takes a message of livetail.v1.
func (c *conn) hear(data []byte) error {
	if c.session == nil {
		return nil // it has been refused
	}
	m, err := c.server.o.Limits.Decode(data)
	bad := (*wire.RequestError)(nil)
	switch {
	case errors.As(err, &bad):
		c.server.o.Observer.declined(wire.Refusal(err))
		return c.post(wire.AppendError(nil, bad.ID, wire.ErrorCode(err), bad.Message))
	case err != nil:
		c.stopSaying(wire.CloseBad, &wire.RequestError{Message: "What was sent is not a message of livetail.v1."})
		return c.ctx.Err()
	}
	switch m := m.(type) {
	case wire.Pong:
		c.hearPong(m)
	case wire.Ping:
		return c.post(wire.AppendPong(nil, m.ID))
	case wire.Read:
		return c.startRead(m)
	case wire.Filter:
		return c.startFilter(m)
	case wire.Scan:
		return c.startScan(m)
	case wire.Cancel:
		c.scans.cancel(m.ID)
	}
	return nil
}

// hearPong takes the answer to a ping. One that was never asked for is wrong; one that comes twice is ignored.
func (c *conn) hearPong(m wire.Pong) {
	c.beat.Lock()
	unasked := m.ID > c.asked
	if m.ID == c.asked {
		c.answered()
	}
	c.beat.Unlock()
	if unasked {
		c.wrong()
	}
}

// post queues a message for the writer, waiting for room.
func (c *conn) post(message []byte) error { return c.session.Post(c.ctx, message) }

// startRead answers a request for a page, beside everything else.
func (c *conn) startRead(m wire.Read) error {
	if c.slots.Add(1) > maxSlots {
		c.slots.Add(-1)
		c.server.o.Observer.declined(wire.CloseTooMany.Reason)
		return c.post(wire.AppendError(nil, m.ID, wire.CloseTooMany.Reason, fmt.Sprintf("Only %d requests at a time; wait for an answer.", maxSlots)))
	}
	c.work.Go(func() { // ends with the connection, or when the page has been read
		defer c.slots.Add(-1)
		page, err := c.readPage(m)
		if err != nil {
			c.server.o.Observer.declined(wire.Refusal(err))
			_ = c.post(wire.AppendError(nil, m.ID, wire.ErrorCode(err), wire.ErrorText(err))) // fails only at the end of the connection
			return
		}
		_ = c.post(wire.AppendPage(nil, m.ID, c.q.Format, page)) // likewise
	})
	return nil
}

// startFilter changes the filter, beside everything else; one change at a time, because the last one is to win.
func (c *conn) startFilter(m wire.Filter) error {
	if !c.filtering.CompareAndSwap(false, true) {
		c.server.o.Observer.declined(wire.CloseTooMany.Reason)
		return c.post(wire.AppendError(nil, m.ID, wire.CloseTooMany.Reason, "The filter before is still being set; wait for its answer."))
	}
	c.work.Go(func() { // ends with the connection, or when the filter has been set
		defer c.filtering.Store(false)
		ctx, cancel := context.WithTimeout(c.ctx, c.server.o.ReadTimeout)
		defer cancel()
		if err := c.session.SetFilter(ctx, m.Filter); err != nil {
			c.server.o.Observer.declined(wire.Refusal(err))
			_ = c.post(wire.AppendError(nil, m.ID, wire.ErrorCode(err), wire.ErrorText(err))) // fails only at the end of the connection
			return
		}
		c.filter.Store(&m.Filter)
		_ = c.post(wire.AppendFiltered(nil, m.ID)) // likewise
	})
	return nil
}

// readPage asks the tailer for a page.
func (c *conn) readPage(m wire.Read) (tail.Page, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.server.o.ReadTimeout)
	defer cancel()
	select {
	case c.server.reads <- struct{}{}:
		defer func() { <-c.server.reads }()
	case <-ctx.Done():
		return tail.Page{}, tail.ErrTooMany
	}
	page, err := c.q.Source.Tailer.Read(ctx, tail.ReadRequest{
		Log: c.q.Hub.Log, At: m.At, AtTime: m.Time, Backward: m.Backward, Lines: m.Lines, Filter: *c.filter.Load(),
	})
	return page, wire.OfPosition(atKey(m.At), err)
}

// atKey is the key of a request that names the position at; empty if it names none.
func atKey(at tail.Position) string {
	if at.IsZero() {
		return ""
	}
	return "at"
}
