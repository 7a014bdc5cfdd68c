package ws

import (
	"context"
	"fmt"
	"sync"

	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

// maxScans is how many searches and counts one connection may have under way: one of each.
const maxScans = 2

// scans are those of one connection that are under way.
type scans struct {
	mu sync.Mutex
	by map[int64]context.CancelFunc
}

// begin notes a scan. It says why there can be none, if so.
func (s *scans) begin(id int64, cancel context.CancelFunc) (refusal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.by) >= maxScans:
		return fmt.Sprintf("Only %d searches and counts at a time; wait for the end of one, or cancel it.", maxScans)
	case s.by[id] != nil:
		return "A request with this id is under way."
	case s.by == nil:
		s.by = make(map[int64]context.CancelFunc)
	}
	s.by[id] = cancel
	return ""
}

func (s *scans) end(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, id)
}

// cancel ends a scan. One that has come to its end meanwhile is none to cancel.
func (s *scans) cancel(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.by[id]; cancel != nil {
		cancel()
	}
}

// startScan searches or counts, beside everything else. Each report is one message; how fast they come is up to how fast the peer takes
// them.
func (c *conn) startScan(m wire.Scan) error {
	ctx, cancel := context.WithCancel(c.ctx)
	if refusal := c.scans.begin(m.ID, cancel); refusal != "" {
		cancel()
		return c.post(wire.AppendError(nil, m.ID, wire.CloseTooMany.Reason, refusal))
	}
	c.work.Go(func() { // ends with the connection, when the scan does, or when it is cancelled
		defer cancel()
		err := c.scan(ctx, m)
		c.scans.end(m.ID)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			_ = c.post(wire.AppendError(nil, m.ID, wire.Cancelled, "It was cancelled.")) // fails only at the end of the connection
		default:
			_ = c.post(wire.AppendError(nil, m.ID, wire.ErrorCode(err), wire.ErrorText(err))) // likewise
		}
	})
	return nil
}

// scan posts what the tailer reports.
func (c *conn) scan(ctx context.Context, m wire.Scan) error {
	select {
	case c.server.scans <- struct{}{}:
		defer func() { <-c.server.scans }()
	case <-ctx.Done():
		return ctx.Err()
	}
	m.Request.Log = c.q.Hub.Log
	message := wire.AppendFound
	if m.Request.Bucket > 0 {
		message = wire.AppendCounted
	}
	for r, err := range c.q.Source.Tailer.Scan(ctx, m.Request) {
		if err != nil {
			return wire.OfPosition(atKey(m.Request.At), err)
		}
		if r.End != tail.ScanGoesOn { // Before the peer knows, so that it may ask again at once.
			c.scans.end(m.ID)
		}
		if err := c.session.Post(ctx, message(nil, m.ID, r)); err != nil {
			return err
		}
	}
	return nil
}
