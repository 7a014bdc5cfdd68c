package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"sync"
	"time"

	"github.com/livetail/livetail/host/internal/hub/cursor"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

// Errors of a [Client].
var (
	// ErrFollowing: the client follows already; it has one connection.
	ErrFollowing = errors.New("client is following already")
	// ErrNotConnected: there is no connection to ask over; try again when [Connected] comes.
	ErrNotConnected = errors.New("not connected")
)

// Follow yields the events of the log at a URL, like ws://127.0.0.1:8765/var/log/app.log, over livetail.v1. The sequence ends after
// the first error; what a reconnection can mend is none. Errors that come from the log are the Err… values of package tail.
//
// A position may be gone when the client comes back after a long time. Then it goes on with the lines that there are, after a
// [tail.Gap] that says so.
func Follow(ctx context.Context, rawURL string, o Options) iter.Seq2[tail.Event, error] {
	c, err := New(rawURL, o)
	if err != nil {
		return func(yield func(tail.Event, error) bool) { yield(nil, err) }
	}
	return c.Follow(ctx)
}

// Client follows one log, and can meanwhile read its history and change the filter. It is safe for concurrent use.
type Client struct {
	url *url.URL
	o   Options

	mu        sync.Mutex // guards the rest
	filter    tail.Filter
	following bool
	conn      *conn // nil while there is none
}

// New returns a client for the log at a URL. It does not connect yet.
func New(rawURL string, o Options) (*Client, error) {
	u, err := target(rawURL, "ws")
	if err != nil {
		return nil, err
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Queue == 0 {
		o.Queue = DefaultQueue
	}
	if o.HandshakeTimeout == 0 {
		o.HandshakeTimeout = 10 * time.Second
	}
	if o.OnStatus == nil {
		o.OnStatus = func(Status) {}
	}
	return &Client{url: u, o: o, filter: o.Filter}, nil
}

// Follow is the method behind the function [Follow]. Only one sequence can be ranged over at a time.
func (c *Client) Follow(ctx context.Context) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		c.mu.Lock()
		busy := c.following
		c.following = true
		c.mu.Unlock()
		if busy {
			yield(nil, ErrFollowing)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		q := newQueue(c.o.Queue)
		var work sync.WaitGroup
		work.Go(func() { q.end(c.connect(ctx, q)) }) // Ends with ctx, below.
		defer func() {
			cancel()
			work.Wait()
			c.mu.Lock()
			c.following = false
			c.mu.Unlock()
		}()
		for {
			e, ok, err := q.get(ctx)
			if err != nil {
				yield(nil, err)
			}
			if !ok || err != nil || !yield(e, nil) {
				return
			}
		}
	}
}

// connect makes one connection after the other until there is nothing more to come, which is nil, or no hope.
func (c *Client) connect(ctx context.Context, q *queue) error {
	var at tail.Position
	if p, ok := c.o.Start.Position(); ok {
		at = p
	}
	asked := at   // what the caller asked for; when that is gone, it is for the caller to know
	once := false // there has been a connection
	lost := false // the position was gone, and it goes on with what there is
	var left cursor.Cursor
	for failed := 0; ; {
		end := c.serve(ctx, q, &at, &left, lost)
		if err := ctx.Err(); err != nil {
			return err
		}
		if end.greeted {
			once, failed = true, 0
		}
		if end.err == nil {
			return nil
		}
		if errors.Is(end.err, tail.ErrPositionGone) && !at.Same(asked) {
			// What the position named is gone, and with it everything between it and the oldest line that there is.
			gone := tail.Gap{
				Cause: tail.CauseDown, Certain: true, After: at, Evidence: []string{"the position to go on at does not exist any more"},
			}
			if err := q.put(ctx, gone); err != nil {
				return err
			}
			at, asked, left, lost, end.final = tail.Position{}, tail.Position{}, cursor.Cursor{}, true, false
		} else if errors.Is(end.err, tail.ErrPositionGone) {
			return end.err
		}
		failed++
		switch {
		case end.final:
			return end.err
		case c.o.NoReconnect:
			return end.err
		case c.o.Attempts > 0 && failed >= c.o.Attempts:
			return fmt.Errorf("gave up after %d attempts: %w", failed, end.err)
		case c.o.Attempts == 0 && !once:
			return end.err
		}
		wait := backoff(failed-1, end.after)
		c.o.OnStatus(Disconnected{Err: end.err, Retry: wait})
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// serve makes one connection and puts what comes into q. at is where to begin, and afterwards where to go on; left knows what was
// left before that. lost leaves out the position that the options name.
func (c *Client) serve(ctx context.Context, q *queue, at *tail.Position, left *cursor.Cursor, lost bool) ending {
	c.mu.Lock()
	filter := c.filter
	c.mu.Unlock()
	u := *c.url
	if err := c.o.query(&u, *at, left.Lately(), lost, filter); err != nil {
		return ending{err: err, final: true}
	}
	n, end := dial(ctx, &u, &c.o)
	if end != nil {
		return *end
	}
	n.at, n.left, n.queue = *at, left, q
	n.ready = func() {
		c.mu.Lock()
		c.conn = n
		c.mu.Unlock()
	}
	stop := context.AfterFunc(ctx, n.cut)
	result := n.run(ctx)
	stop()
	c.mu.Lock()
	c.conn = nil
	c.mu.Unlock()
	n.close()
	*at = n.at
	return result
}

// Read returns a page of the log's history, over the connection of the sequence that is being ranged over. Log and Filter of the
// request are those of the client; leave them empty.
//
// It may be called from within the loop over the events. While it waits, up to 16 times Options.Queue of events may pile up behind it.
func (c *Client) Read(ctx context.Context, req tail.ReadRequest) (tail.Page, error) {
	if req.Lines < 1 || req.Lines > wire.MaxPageLines {
		return tail.Page{}, fmt.Errorf("lines %d must be from 1 to %d: %w", req.Lines, wire.MaxPageLines, tail.ErrBadRequest)
	}
	if req.At.IsZero() {
		return tail.Page{}, fmt.Errorf("a page needs a position: %w", tail.ErrBadRequest)
	}
	if req.Log != "" || !req.Filter.IsZero() || !req.AtTime.IsZero() || req.Times {
		return tail.Page{}, fmt.Errorf("a page is of the client's log, with its filter, at a position, without times: %w", tail.ErrUnsupported)
	}
	n := c.current()
	if n == nil {
		return tail.Page{}, ErrNotConnected
	}
	answer, err := n.ask(ctx, func(id int64) any {
		return map[string]any{"t": "read", "id": id, "at": req.At.String(), "backward": req.Backward, "lines": req.Lines}
	})
	if err != nil {
		return tail.Page{}, err
	}
	return answer.page, nil
}

// SetFilter changes which lines come. With a connection, it waits until the server agrees: lines that come after the ones that are
// on their way have passed the new filter. Without one, the next connection begins with it.
func (c *Client) SetFilter(ctx context.Context, f tail.Filter) error {
	if err := wire.CheckFilter(f); err != nil {
		return err
	}
	c.mu.Lock()
	before := c.filter
	c.filter = f
	n := c.conn
	c.mu.Unlock()
	if n == nil {
		return nil
	}
	_, err := n.ask(ctx, func(id int64) any {
		m := map[string]any{"t": "filter", "id": id}
		if f.Include != nil {
			m["include"] = f.Include
		}
		if f.Exclude != nil {
			m["exclude"] = f.Exclude
		}
		return m
	})
	if errors.Is(err, ErrNotConnected) {
		return nil // It broke meanwhile, and the next one begins with the new filter.
	}
	if err != nil {
		c.mu.Lock()
		c.filter = before
		c.mu.Unlock()
	}
	return err
}

func (c *Client) current() *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn
}
