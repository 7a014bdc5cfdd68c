// Package limit says how many connections there may be: in total, per address, and how fast new ones may come. What it refuses never
// touches those who are already in.
package limit

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/livetail/livetail/plugin/tail"
)

// Options of a [Limiter]. The zero value of a field means no limit.
type Options struct {
	// Total is the most sessions at once.
	Total int
	// PerAddress is the most sessions at once from one address. An IPv6 address counts as its /64, which one machine can
	// have all of. Loopback addresses do not count: behind them stand this machine's own programs, or a proxy for everybody.
	PerAddress int
	// Rate is how many sessions per second one address may open in the long run, Burst how many at once. A Burst of 0 means 1.
	Rate  float64
	Burst int
	// Downloads is how many sessions at once may be downloads of whole logs; see [Limiter.Download].
	Downloads int
}

// Refusal is the error of [Limiter.Enter]. It is a [tail.ErrTooMany].
type Refusal struct {
	// Limit names the limit that is reached: "total", "address", "rate" or "downloads".
	Limit string
	// After is when it makes sense to try again.
	After time.Duration
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("too many connections (limit: %s); try again in %v", r.Limit, r.After.Round(time.Second))
}

// Unwrap returns [tail.ErrTooMany].
func (r *Refusal) Unwrap() error { return tail.ErrTooMany }

const (
	// maxAddresses bounds the addresses whose rates are remembered.
	maxAddresses = 16_384
	// retryAfter is when to try again after a limit that only others can make room in.
	retryAfter = 10 * time.Second
)

// Limiter counts sessions. It is safe for concurrent use.
type Limiter struct {
	o Options

	mu       sync.Mutex // guards the rest
	open     int
	loading  int // downloads
	sessions map[netip.Prefix]int
	rates    map[netip.Prefix]*rate.Limiter
}

// New returns a limiter that nobody has entered.
func New(o Options) *Limiter {
	o.Burst = max(o.Burst, 1)
	return &Limiter{o: o, sessions: map[netip.Prefix]int{}, rates: map[netip.Prefix]*rate.Limiter{}}
}

// Enter counts a session from a. The caller ends it with leave, which may be called more than once. The error is a [*Refusal].
func (l *Limiter) Enter(a netip.Addr) (leave func(), err error) { return l.enter(a, time.Now()) }

func (l *Limiter) enter(a netip.Addr, now time.Time) (leave func(), err error) {
	a = a.Unmap()
	key := block(a)
	each := !a.IsLoopback()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.o.Total > 0 && l.open >= l.o.Total {
		return nil, &Refusal{"total", retryAfter}
	}
	if each {
		if l.o.PerAddress > 0 && l.sessions[key] >= l.o.PerAddress {
			return nil, &Refusal{"address", retryAfter}
		}
		if wait := l.wait(key, now); wait > 0 {
			return nil, &Refusal{"rate", wait}
		}
		l.sessions[key]++
	}
	l.open++
	var once sync.Once
	return func() { once.Do(func() { l.leave(key, each) }) }, nil
}

// Download counts a session as a download, besides [Limiter.Enter]. The caller ends it with leave, which may be called more than once. The
// error is a [*Refusal].
func (l *Limiter) Download() (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.o.Downloads > 0 && l.loading >= l.o.Downloads {
		return nil, &Refusal{"downloads", retryAfter}
	}
	l.loading++
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.loading--
	}), nil
}

func (l *Limiter) leave(key netip.Prefix, each bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if !each {
		return
	}
	if l.sessions[key]--; l.sessions[key] == 0 {
		delete(l.sessions, key)
	}
}

// Open returns how many sessions are in.
func (l *Limiter) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// wait takes a token of key, or returns how long until there is one. The caller holds mu.
func (l *Limiter) wait(key netip.Prefix, now time.Time) time.Duration {
	if l.o.Rate <= 0 {
		return 0
	}
	bucket := l.rates[key]
	if bucket == nil {
		if len(l.rates) >= maxAddresses {
			l.forget(now)
		}
		bucket = rate.NewLimiter(rate.Limit(l.o.Rate), l.o.Burst)
		l.rates[key] = bucket
	}
	r := bucket.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// forget makes room among the rates: all that are full again, which are as good as new ones, or all of them if none is. The caller holds
// mu.
func (l *Limiter) forget(now time.Time) {
	for key, bucket := range l.rates {
		if bucket.TokensAt(now) >= float64(l.o.Burst) {
			delete(l.rates, key)
		}
	}
	if len(l.rates) >= maxAddresses {
		clear(l.rates)
	}
}

// block is what counts as one address.
func block(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.WithZone("").Prefix(bits) // the zero address has no prefix: all without one share that
	return p
}
