package client

import (
	"context"
	"sync"

	"github.com/livetail/livetail/plugin/tail"
)

// queue holds events between the connection and the consumer. One goroutine puts, one gets.
type queue struct {
	limit int

	mu     sync.Mutex // guards the rest
	events []tail.Event
	bytes  int
	lifted int // how many requests wait for an answer, behind which no event may block the connection
	ended  bool
	err    error

	// Both hold a token when something changed.
	filled, drained chan struct{}
}

// lift is how much larger the queue may get while a request waits for its answer.
const lift = 16

func newQueue(limit int) *queue {
	return &queue{limit: limit, filled: make(chan struct{}, 1), drained: make(chan struct{}, 1)}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// size is what an event counts for.
func size(e tail.Event) int {
	const fixed = 256
	switch e := e.(type) {
	case tail.Lines:
		return fixed + len(e.Text) + 4*len(e.Offsets)
	case tail.Late:
		return fixed + len(e.Text) + 4*len(e.Offsets)
	default:
		return fixed
	}
}

// put appends an event, and waits until there is room for more.
func (q *queue) put(ctx context.Context, e tail.Event) error {
	q.mu.Lock()
	q.events = append(q.events, e)
	q.bytes += size(e)
	q.mu.Unlock()
	signal(q.filled)
	for {
		q.mu.Lock()
		limit := q.limit
		if q.lifted > 0 {
			limit *= lift
		}
		room := q.bytes < limit
		q.mu.Unlock()
		if room {
			return nil
		}
		select {
		case <-q.drained:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// get takes the next event; ok is false at the end.
func (q *queue) get(ctx context.Context) (e tail.Event, ok bool, err error) {
	for {
		q.mu.Lock()
		if len(q.events) > 0 {
			e, q.events[0] = q.events[0], nil
			if q.events = q.events[1:]; len(q.events) == 0 {
				q.events = nil
			}
			q.bytes -= size(e)
			q.mu.Unlock()
			signal(q.drained)
			return e, true, nil
		}
		ended, err := q.ended, q.err
		q.mu.Unlock()
		if ended {
			return nil, false, err
		}
		select {
		case <-q.filled:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// end is what comes after the last event.
func (q *queue) end(err error) {
	q.mu.Lock()
	q.ended, q.err = true, err
	q.mu.Unlock()
	signal(q.filled)
}

// lifting lets the queue grow until the returned function is called.
func (q *queue) lifting() (lower func()) {
	q.mu.Lock()
	q.lifted++
	q.mu.Unlock()
	signal(q.drained)
	return func() {
		q.mu.Lock()
		q.lifted--
		q.mu.Unlock()
	}
}
