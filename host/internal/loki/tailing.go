package loki

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/plugin/tail"
)

// tailing is one live tail: a reader, a writer, and a goroutine for each log, which hands its lines over to the writer and reads on when
// the writer has taken them. So a slow client slows the reading down and loses nothing.
type tailing struct {
	server *Server
	conn   *websocket.Conn
	req    *tailRequest
	timed  bool
	began  time.Time
	cancel context.CancelFunc

	batches chan batch
	work    sync.WaitGroup

	mu      sync.Mutex            // guards the rest
	follows map[string]bool       // that go on now
	ended   map[string]tail.Start // where to go on if it comes back
	told    map[string]int64      // the time of the last line of each log that was shown
}

// batch is lines on their way to the writer, in their order. err ends the tail.
type batch struct {
	lines   []found
	arrived time.Time
	err     error
}

// run is the writer: of the backlog, then of what follows from the starts on, one for each log. It returns when the client has gone, or
// with the reason why the tail cannot go on.
func (t *tailing) run(ctx context.Context, backlog []found, starts []tail.Start) error {
	defer t.cancel()
	t.work.Go(t.read)
	if err := t.write(backlog); err != nil {
		return err
	}
	for i := range t.req.streams {
		t.follow(ctx, t.req.streams[i], starts[i])
	}
	t.work.Go(func() { t.look(ctx) })

	ping := time.NewTicker(t.server.limits.PingInterval)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-viewerOf(ctx).Revoked():
			return fmt.Errorf("the viewer's right has ended: %w", tail.ErrNotAllowed)
		case <-ping.C:
			if err := t.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(t.server.limits.WriteTimeout)); err != nil {
				return err
			}
		case b := <-t.batches:
			if b.err != nil {
				return b.err
			}
			if !wait(ctx, t.req.delay-time.Since(b.arrived)) {
				return nil
			}
			if err := t.write(b.lines); err != nil {
				return err
			}
			t.server.opts.Observer.Delivered(time.Since(b.arrived))
		}
	}
}

// wait reports whether ctx lasted so long.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// read throws away what the client says, notices its pongs and its end. It ends with the socket.
func (t *tailing) read() {
	defer t.cancel()
	limits := t.server.limits
	alive := func() error { return t.conn.SetReadDeadline(time.Now().Add(limits.PingInterval + limits.PongTimeout)) }
	t.conn.SetReadLimit(maxClientMessage)
	t.conn.SetPongHandler(func(string) error { return alive() })
	for alive() == nil {
		_, r, err := t.conn.NextReader()
		if err == nil {
			_, err = io.Copy(io.Discard, r) // The limit counts what is read of a message.
		}
		if err != nil {
			return
		}
	}
}

// write sends lines in messages of bounded size.
func (t *tailing) write(lines []found) error {
	var b []byte
	for len(lines) > 0 {
		n, size := 0, 0
		for n < len(lines) && n < frameEntries && (n == 0 || size+len(lines[n].line) <= frameBytes) {
			size += len(lines[n].line)
			n++
		}
		b = appendTail(b[:0], lines[:n])
		sent := n
		lines = lines[n:]
		if err := t.conn.SetWriteDeadline(time.Now().Add(t.server.limits.WriteTimeout)); err != nil {
			return err
		}
		if err := t.conn.WriteMessage(websocket.TextMessage, b); err != nil {
			return err
		}
		t.server.opts.Observer.Sent(1, sent, len(b))
	}
	return nil
}

// appendTail appends lines as a message of the live tail; neighbours of one stream stand together.
func appendTail(b []byte, lines []found) []byte {
	b = append(b, `{"streams":[`...)
	var set *labelSet
	for _, f := range lines {
		if f.set != set {
			if set != nil {
				b = append(b, `]},`...)
			}
			set = f.set
			b = append(b, `{"stream":`...)
			b = append(b, f.set.json...)
			b = append(b, `,"values":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendEntry(b, f.at, f.line)
	}
	return append(b, `]}]}`...)
}

// backlog finds the lines that the tail begins with, and where each log is to be followed from.
func (t *tailing) backlog(ctx context.Context) ([]found, []tail.Start, error) {
	starts := make([]tail.Start, len(t.req.streams))
	if !t.timed { // Which lines are the last of all cannot be told; each log has its own last lines.
		for i := range starts {
			starts[i] = tail.StartAtLastLines(int64(t.req.limit))
		}
		return nil, starts, nil
	}
	c := &collector{backward: true, limit: t.req.limit}
	p := newProcessor(t.req.query)
	for i := range t.req.streams {
		st := &t.req.streams[i]
		// One page fixes where the follow begins: at the very byte where the backlog ends.
		page, err := t.server.readPage(ctx, tail.ReadRequest{Log: st.Log, AtTime: endOfTime, Backward: true, Lines: 1, Times: true})
		if silent, ok := errors.AsType[*noAnswer](err); ok && t.lack(ctx, st.Log, silent) {
			starts[i] = t.fromNow()
			continue
		}
		switch {
		case isGone(err):
			starts[i] = tail.StartAtBeginning()
			continue
		case err != nil:
			return nil, nil, err
		case page.End.IsZero():
			starts[i] = tail.StartAtBeginning()
			continue
		}
		starts[i] = tail.StartAtPosition(page.End)
		err = t.lookBack(ctx, st, page.End, p, c)
		if silent, ok := errors.AsType[*noAnswer](err); ok && t.lack(ctx, st.Log, silent) {
			err = nil // Without its backlog.
		}
		if err != nil {
			return nil, nil, err
		}
	}
	lines := c.sorted()
	slices.Reverse(lines)
	return lines, starts, nil
}

// lack notes that the part of a log does not answer. It reports whether the tail can do without: it can wait for it, unless it is never going to answer.
func (t *tailing) lack(ctx context.Context, log string, err *noAnswer) bool {
	part, _ := t.server.partOf(log)
	t.req.lacks.part(ctx, part, err)
	return !errors.Is(err, tail.ErrUnsupported)
}

// fromNow is where a log is followed from that could not be looked at when the tail began.
func (t *tailing) fromNow() tail.Start {
	if !t.timed {
		return tail.StartAtEnd()
	}
	return tail.StartAtTime(t.began)
}

// endOfTime is later than every line.
var endOfTime = time.Unix(0, 1<<63-1)

// isGone reports whether a log is not there now.
func isGone(err error) bool {
	return errors.Is(err, tail.ErrNotFound) || errors.Is(err, tail.ErrNotRegular) || errors.Is(err, tail.ErrUnreadable)
}

// lookBack collects lines of one log before a position.
func (t *tailing) lookBack(ctx context.Context, st *stream, at tail.Position, p *processor, c *collector) error {
	req := tail.ReadRequest{Log: st.Log, At: at, Backward: true, Lines: min(pageLines, max(c.limit, 1)), Times: true}
	left := backlogScan
	order := clock{now: t.server.opts.Now}
	for c.limit > 0 && left > 0 {
		page, err := t.server.readPage(ctx, req)
		if isGone(err) || errors.Is(err, tail.ErrPositionGone) {
			return nil
		}
		if err != nil {
			return err
		}
		records, size, _ := recordsOf(page.Events, clock{now: t.server.opts.Now})
		left -= max(size, 1)
		order.precede(records)
		if n := len(records); n > 0 && req.At.Same(at) {
			t.told[st.Log] = records[n-1].at
		}
		for _, r := range slices.Backward(records) {
			if r.at < t.req.start || !c.wants(r.at) {
				return nil
			}
			if line, set, ok := p.run(st, r.line); ok {
				c.add(found{r.at, string(line), set})
			}
		}
		if page.AtBeginning || page.Start.IsZero() || page.Start.Same(req.At) {
			return nil
		}
		req.At, req.Lines = page.Start, pageLines
	}
	return nil
}

// follow starts to follow a log, unless that is done already. The goroutine ends with ctx, or with the log.
func (t *tailing) follow(ctx context.Context, st stream, start tail.Start) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.follows[st.Log] || len(t.follows) >= t.server.limits.TailStreams {
		return
	}
	t.follows[st.Log] = true
	if next, ok := t.ended[st.Log]; ok {
		start = next
	}
	t.work.Go(func() {
		next, err := t.deliver(ctx, st, start)
		t.mu.Lock()
		delete(t.follows, st.Log)
		t.ended[st.Log] = next
		t.mu.Unlock()
		if err != nil && !isGone(err) && ctx.Err() == nil { // A log that has gone is looked for again.
			t.hand(ctx, batch{err: err})
		}
	})
}

// deliver hands the lines of one log to the writer. next is where to go on when it has ended.
func (t *tailing) deliver(ctx context.Context, st stream, start tail.Start) (next tail.Start, err error) {
	next = start
	p := newProcessor(t.req.query)
	a := assembler{clock: clock{now: t.server.opts.Now}}
	t.mu.Lock()
	a.clock.last, a.clock.begun = t.told[st.Log]
	t.mu.Unlock()
	defer func() {
		if a.clock.begun {
			t.mu.Lock()
			t.told[st.Log] = a.clock.last
			t.mu.Unlock()
		}
	}()
	gapAt := int64(math.MinInt64)
	req := tail.FollowRequest{Log: st.Log, Start: start, Follow: true, Wait: true, Times: t.timed}
	for e, err := range t.server.opts.Tailer.Follow(ctx, req) {
		if err != nil {
			return next, err
		}
		var lines []found
		switch e := e.(type) {
		case tail.Lines:
			lines = t.process(p, &st, a.add(e))
			next = tail.StartAtPosition(e.End)
		case tail.Late:
			lines = t.process(p, &st, a.add(e.Lines))
		case tail.Gap:
			lines = t.process(p, &st, a.flush())
			at := nano(t.server.opts.Now())
			if a.clock.begun {
				at = a.clock.last + 1
			}
			gapAt = max(at, gapAt+1) // Gaps are a stream of their own, so they take no time from the lines.
			lines = append(lines, found{gapAt, gapText(e), p.gapSet(&st)})
		}
		if len(lines) > 0 && !t.hand(ctx, batch{lines: lines, arrived: time.Now()}) {
			return next, nil
		}
	}
	return next, nil
}

// process sends lines through the query.
func (t *tailing) process(p *processor, st *stream, records []record) []found {
	p.forget()
	var out []found
	for _, r := range records {
		if line, set, ok := p.run(st, r.line); ok {
			out = append(out, found{r.at, string(line), set})
		}
	}
	return out
}

// gapText tells people what is missing.
func gapText(g tail.Gap) string {
	text := "livetail: lines may be missing here (" + g.Cause.String() + ")"
	if g.Certain {
		text = "livetail: lines are missing here (" + g.Cause.String() + ")"
	}
	if g.Bytes != nil {
		text += fmt.Sprintf(": %d bytes", *g.Bytes)
	} else if g.MinBytes != nil {
		text += fmt.Sprintf(": at least %d bytes", *g.MinBytes)
	}
	return text
}

// gapSet is the stream of notices about st.
func (p *processor) gapSet(st *stream) *labelSet {
	p.labels.Reset(st.labels)
	p.labels.Set("livetail_event", "gap")
	return p.set(p.labels.Sorted())
}

// hand gives a batch to the writer when it is ready for one. It reports false if the tail is over.
func (t *tailing) hand(ctx context.Context, b batch) bool {
	select {
	case t.batches <- b:
		return true
	case <-ctx.Done():
		return false
	}
}

// look follows logs that come into being later, from their beginning. It ends with ctx.
func (t *tailing) look(ctx context.Context) {
	tick := time.NewTicker(t.server.lookInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var lacks missing
		streams, err := t.server.streams(ctx, t.req.query.Selector, math.MinInt64, t.server.limits.TailStreams, &lacks)
		if err != nil {
			continue // Maybe next time: those that are followed go on.
		}
		for _, st := range streams {
			start := tail.StartAtBeginning()
			if part, _ := t.server.partOf(st.Log); t.req.lacks.parts[part] {
				start = t.fromNow() // It may be new, or have been there for years.
			}
			t.follow(ctx, st, start)
		}
	}
}
