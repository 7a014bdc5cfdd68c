// Package heartbeat is the heartbeat logic for any tailer: it decides which sessions of a host are to be pinged now and which are dead. It
// carries no frames: the host does.
//
// A session is pinged one interval after it was opened and then once in every interval, up to a hundredth of it sooner where another one is
// pinged. From the moment the host says that the ping has been written, the peer has its timeout to answer; silence until then, or
// anything that is no answer at any time, ends the session. An answer that nobody waits for is ignored.
//
// One call of [Run] serves all sessions of a host with one timer and one goroutine, which ends with the call. A session costs one
// entry in a map and a heap.
package heartbeat

import (
	"container/heap"
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// What is used where neither the session nor the caller says otherwise.
const (
	DefaultInterval = 10 * time.Second
	DefaultTimeout  = 5 * time.Second
	// AliveInterval is the time between two [tail.OrderAlive].
	AliveInterval = time.Second
)

// Limits. Durations outside of them are brought back inside.
const (
	MinInterval = 10 * time.Millisecond
	MaxInterval = time.Hour
	MinTimeout  = 10 * time.Millisecond
	MaxTimeout  = 10 * time.Minute
	// MaxSessions is the most sessions that one call watches, and MaxSessionName the longest name of one, in bytes. More is
	// [tail.ErrTooMany], a longer one [tail.ErrBadRequest]; both end the call.
	MaxSessions    = 1 << 20
	MaxSessionName = 256
)

// When the process was held up for longer than heldUp (it was stopped, or the host did not take an order), answers may be waiting
// behind. Then nobody is declared silent before grace has passed.
const (
	heldUp = 100 * time.Millisecond
	grace  = time.Second
)

// Defaults are the durations for sessions that name none. Zero means the default of this package.
type Defaults struct {
	Interval, Timeout time.Duration
}

// Run watches the sessions that in tells of and yields what is to be done about them; see [tail.Tailer.Heartbeat].
//
// It ends when in ends, when ctx is cancelled (with ctx's error), or when the loop over it is left. In each case it waits until the
// loop over in has ended, so in has to end when ctx is cancelled, and who leaves the loop, or gets an error, cancels ctx first.
func Run(ctx context.Context, in iter.Seq[tail.Beat], d Defaults) iter.Seq2[tail.Order, error] {
	return func(yield func(tail.Order, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		beats := make(chan tail.Beat, 64)
		var receiver sync.WaitGroup
		defer receiver.Wait()
		defer cancel()
		receiver.Go(func() { // Ends with in, or at the first beat after cancel.
			defer close(beats)
			for b := range in {
				select {
				case beats <- b:
				case <-ctx.Done():
					return
				}
			}
		})
		w := &watch{
			defaults: Defaults{
				Interval: within(d.Interval, DefaultInterval, MinInterval, MaxInterval),
				Timeout:  within(d.Timeout, DefaultTimeout, MinTimeout, MaxTimeout),
			},
			sessions: make(map[string]*session),
		}
		w.run(ctx, beats, yield)
	}
}

// within returns d, or the default if it is not positive, brought into the limits.
func within(d, byDefault, low, high time.Duration) time.Duration {
	if d <= 0 {
		d = byDefault
	}
	return min(max(d, low), high)
}

// watch is the state of one call.
type watch struct {
	defaults  Defaults
	sessions  map[string]*session
	due       dueHeap
	seq       uint64    // counts what was put into the heap, so that equal times keep their order
	nextAlive time.Time // when OrderAlive is due
	spare     time.Time // before it nobody is silent
}

// session is one session, in one of three states: resting until the next ping (in the heap), ordered to be pinged (in no heap: the host
// says when it was done, or closes the session), and waiting for the answer (in the heap).
type session struct {
	name              string
	interval, timeout time.Duration
	state             state
	answered          bool      // while ordered: the answer came before the news that the ping was written
	pinged            time.Time // when the last ping was written
	at                time.Time // when something is due
	seq               uint64
	index             int // in the heap, -1 if in none
}

type state int

const (
	resting state = iota
	ordered
	waiting
)

func (w *watch) run(ctx context.Context, beats <-chan tail.Beat, yield func(tail.Order, error) bool) {
	w.nextAlive = time.Now().Add(AliveInterval)
	timer := time.NewTimer(AliveInterval)
	defer timer.Stop()
	for {
		wake := w.wake()
		timer.Reset(time.Until(wake))
		select {
		case <-ctx.Done():
			yield(tail.Order{}, ctx.Err())
			return
		case b, ok := <-beats:
			if !ok {
				if ctx.Err() != nil {
					yield(tail.Order{}, ctx.Err())
				}
				return
			}
			if !w.hear(b, yield) {
				return
			}
		case <-timer.C:
		}
		// Beats come first: an answer that has arrived counts, however late it is looked at.
		for range len(beats) {
			b, ok := <-beats
			if !ok {
				break // The next turn sees it.
			}
			if !w.hear(b, yield) {
				return
			}
		}
		now := time.Now()
		if now.Sub(wake) > heldUp {
			w.spare = now.Add(grace)
		}
		if !w.act(now, yield) {
			return
		}
	}
}

// wake returns when something is due next.
func (w *watch) wake() time.Time {
	if len(w.due) > 0 && w.due[0].at.Before(w.nextAlive) {
		return w.due[0].at
	}
	return w.nextAlive
}

// act yields what is due. It reports whether to go on.
func (w *watch) act(now time.Time, yield func(tail.Order, error) bool) bool {
	if !now.Before(w.nextAlive) {
		// From now, not from when it was due: no burst after a stop.
		w.nextAlive = now.Add(AliveInterval)
		if !yield(tail.Order{Kind: tail.OrderAlive}, nil) {
			return false
		}
	}
	if len(w.due) == 0 || w.due[0].at.After(now) {
		return true
	}
	// Bounded: what is put back lies in the future.
	for len(w.due) > 0 && !w.due[0].at.After(now.Add(w.due[0].early())) {
		s := w.due[0]
		kind := tail.OrderPing
		switch {
		case s.state == resting:
			w.rest(s)
			s.state, s.answered = ordered, false
		case now.Before(w.spare):
			w.schedule(s, w.spare)
			continue
		default:
			w.forget(s)
			kind = tail.OrderDeadSilent
		}
		if !yield(tail.Order{Kind: kind, Session: s.name}, nil) {
			return false
		}
	}
	return true
}

// early returns how much sooner than it is due a session may be pinged if another one is pinged anyway. Sessions come together so, and stay together:
// a host with thousands of them wakes a hundred times in an interval, and not for each one.
func (s *session) early() time.Duration {
	if s.state != resting {
		return 0
	}
	return s.interval / 100
}

// hear takes in what a session did. It reports whether to go on.
func (w *watch) hear(b tail.Beat, yield func(tail.Order, error) bool) bool {
	s := w.sessions[b.Session]
	if b.Kind == tail.BeatOpened {
		return w.open(b, s, yield)
	}
	if s == nil {
		return true // Closed or dead, and the beat was on its way.
	}
	now := time.Now()
	switch b.Kind {
	case tail.BeatPinged:
		if s.state != ordered {
			return true
		}
		s.pinged, s.state = now, waiting
		if s.answered {
			w.answer(s, now)
		} else {
			w.schedule(s, now.Add(s.timeout))
		}
	case tail.BeatAnswered:
		switch s.state {
		case ordered:
			s.answered = true
		case waiting:
			w.answer(s, now)
		}
	case tail.BeatWrong:
		w.forget(s)
		return yield(tail.Order{Kind: tail.OrderDeadWrong, Session: s.name}, nil)
	case tail.BeatClosed:
		w.forget(s)
	}
	return true
}

// open begins to watch a session. One that is watched already (old) begins anew.
func (w *watch) open(b tail.Beat, old *session, yield func(tail.Order, error) bool) bool {
	if len(b.Session) > MaxSessionName {
		yield(tail.Order{}, fmt.Errorf("the name of a session has %d bytes, at most %d are possible: %w",
			len(b.Session), MaxSessionName, tail.ErrBadRequest))
		return false
	}
	if old != nil {
		w.forget(old)
	}
	if len(w.sessions) >= MaxSessions {
		yield(tail.Order{}, fmt.Errorf("more than %d sessions: %w", MaxSessions, tail.ErrTooMany))
		return false
	}
	s := &session{
		name:     b.Session,
		interval: within(b.Interval, w.defaults.Interval, MinInterval, MaxInterval),
		timeout:  within(b.Timeout, w.defaults.Timeout, MinTimeout, MaxTimeout),
		index:    -1,
	}
	w.sessions[s.name] = s
	w.schedule(s, time.Now().Add(s.interval))
	return true
}

// answer lets s rest until its next ping, which is one interval after the last.
func (w *watch) answer(s *session, now time.Time) {
	s.state = resting
	next := s.pinged.Add(s.interval)
	if next.Before(now) {
		next = now
	}
	w.schedule(s, next)
}

// schedule puts s into the heap, or moves it there.
func (w *watch) schedule(s *session, at time.Time) {
	w.seq++
	s.at, s.seq = at, w.seq
	if s.index >= 0 {
		heap.Fix(&w.due, s.index)
		return
	}
	heap.Push(&w.due, s)
}

// rest takes s out of the heap.
func (w *watch) rest(s *session) {
	if s.index >= 0 {
		heap.Remove(&w.due, s.index)
	}
}

func (w *watch) forget(s *session) {
	w.rest(s)
	delete(w.sessions, s.name)
}

// dueHeap orders sessions by what is due first.
type dueHeap []*session

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].seq < h[j].seq
}

func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *dueHeap) Push(x any) {
	s := x.(*session)
	s.index = len(*h)
	*h = append(*h, s)
}

func (h *dueHeap) Pop() any {
	old := *h
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	s.index = -1
	return s
}
