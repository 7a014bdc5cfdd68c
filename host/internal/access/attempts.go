package access

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// attemptsKept bounds how many addresses are remembered; the one that was not heard of for the longest time is forgotten first.
const attemptsKept = 10_000

// attempts counts failed attempts. Each address may fail burst times, and once more after each interval.
//
// Somebody who once logged in from an address is counted apart from the strangers there, so that one forgotten script behind a proxy does
// not lock out everyone else behind it.
type attempts struct {
	burst int
	every time.Duration

	mu    sync.Mutex // guards what follows
	byKey map[attemptKey]*list.Element
	order list.List // of *attemptBucket, the last used first
}

type attemptKey struct {
	from netip.Prefix
	name string // empty for strangers
}

type attemptBucket struct {
	key     attemptKey
	limiter *rate.Limiter
	running int // attempts that are being looked at
}

func newAttempts(burst int, every time.Duration) *attempts {
	return &attempts{burst: burst, every: every, byKey: make(map[attemptKey]*list.Element)}
}

// sourceOf is what counts as one address: whoever has an IPv6 address has the 2^64 beside it.
func sourceOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // The zero Prefix for the zero Addr.
	return p
}

// wait says how long from has to wait before it may try as name; 0 means not at all.
func (t *attempts) wait(from netip.Addr, name string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.due(t.find(from, name), 0, now)
}

// begin is wait, and counts the attempt as running until end is called. It counts as failed meanwhile, so that many at a time gain nothing.
func (t *attempts) begin(from netip.Addr, name string, now time.Time) (b *attemptBucket, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b = t.find(from, name)
	if b == nil {
		b = t.add(attemptKey{from: sourceOf(from)})
	}
	if wait = t.due(b, b.running, now); wait > 0 {
		return nil, wait
	}
	b.running++
	return b, 0
}

// end says how the attempt came out.
func (t *attempts) end(b *attemptBucket, failed bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b.running--
	if failed {
		b.limiter.AllowN(now, 1)
	}
}

// failed counts an attempt that needed no looking at.
func (t *attempts) failed(from netip.Addr, now time.Time) {
	if b, wait := t.begin(from, "", now); wait == 0 {
		t.end(b, true, now)
	}
}

// succeeded remembers that name logs in from there.
func (t *attempts) succeeded(from netip.Addr, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if key := (attemptKey{sourceOf(from), name}); t.byKey[key] == nil {
		t.add(key)
	}
}

func (t *attempts) due(b *attemptBucket, running int, now time.Time) time.Duration {
	if b == nil {
		return 0
	}
	missing := 1 + float64(running) - b.limiter.TokensAt(now)
	if missing < 1e-9 { // What remains below that is rounding.
		return 0
	}
	return max(time.Duration(missing*float64(t.every)), time.Second)
}

// find returns the bucket that an attempt is counted in, or nil. mu is held.
func (t *attempts) find(from netip.Addr, name string) *attemptBucket {
	source := sourceOf(from)
	e := t.byKey[attemptKey{source, name}]
	if e == nil {
		e = t.byKey[attemptKey{from: source}]
	}
	if e == nil {
		return nil
	}
	t.order.MoveToFront(e)
	return e.Value.(*attemptBucket)
}

// add makes a bucket, in place of the one unused for the longest time if there are too many. mu is held.
func (t *attempts) add(key attemptKey) *attemptBucket {
	if t.order.Len() >= attemptsKept {
		oldest := t.order.Back()
		t.order.Remove(oldest)
		delete(t.byKey, oldest.Value.(*attemptBucket).key)
	}
	b := &attemptBucket{key: key, limiter: rate.NewLimiter(rate.Every(t.every), t.burst)}
	t.byKey[key] = t.order.PushFront(b)
	return b
}
