package follow

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/tail"
)

// Log is what a path names over time. Its tracker, one goroutine, finds and holds the generations; readers walk the chain that it makes.
//
// The tracker does no work for readers and never waits for one. Readers never open files; they wait on the wake channel, which is
// closed at each change.
type Log struct {
	e    *Engine
	path guard.Path
	zone *time.Location // of lines whose time names none

	kicked chan struct{} // something happened: look soon
	asks   chan request  // look now
	ended  chan struct{} // closed when the tracker has ended

	mu       sync.Mutex // guards the rest up to the empty line, and the chain; never held during a system call
	chain    []*generation
	wake     chan struct{}
	awaited  bool   // somebody took wake
	trouble  error  // why the path cannot be opened now; nil also before the first look
	whole    bool   // the chain begins with the oldest generation that exists, and each could be opened
	tooOld   int64  // how many older ones there are than may be held
	doubt    *doubt // what else may be older; nil if nothing
	users    int
	shutDown bool      // the tracker has ended
	unused   time.Time // since when users is 0

	// What follows belongs to the tracker.

	at         place
	links      links
	ways       ways
	names      map[string]*held // the files in the folder that are or will be held, by name
	gone       []*held          // pending files that have lost their name, oldest first
	half       map[uint32]*half // renames of which only the first part has been seen
	leftBy     tail.How         // how the live file was last seen to leave the path
	count      int64            // how many files there have been
	blind      bool             // events were lost, or there are none: the journal does not explain everything
	lossy      string           // if not empty: events were lost since the last change of generation, for people
	unreadable bool             // a pending generation could not be opened yet
	first      bool             // nothing has been found yet
	sweep      bool             // this look is at all generations, also those that are sealed
	swept      time.Time        // when the last such look was
	idle       int              // how many looks there have been since anything was heard
}

func newLog(e *Engine, path guard.Path) *Log {
	return &Log{
		e: e, path: path, zone: cmp.Or(e.opts.Zones.Of(path.String()), time.Local),
		kicked: make(chan struct{}, 1), asks: make(chan request), ended: make(chan struct{}),
		wake: make(chan struct{}), unused: time.Now(),
		names: make(map[string]*held), half: make(map[uint32]*half), first: true,
	}
}

// run is the tracker. It looks whenever something may have happened, until nobody has followed the log for a while.
func (l *Log) run() {
	defer l.shut()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var asked request
		select {
		case <-l.e.ctx.Done():
			return
		case asked = <-l.asks:
			l.idle = 0
		case <-l.kicked:
			l.idle = 0
		case <-timer.C:
			l.idle++
		}
		if asked.before != nil {
			asked.before()
		}
		next := l.look()
		l.e.shelf.sweep(nil)
		if asked.done != nil {
			if asked.history {
				l.loadHistory()
			}
			close(asked.done)
		}
		timer.Reset(next)
		if l.e.retire(l) {
			return
		}
	}
}

// kick makes the tracker look soon. It never blocks.
func (l *Log) kick() {
	select {
	case l.kicked <- struct{}{}:
	default:
	}
}

// request asks the tracker for a look.
type request struct {
	before  func()        // if not nil: called first, so that all of what it does happens between two looks; for tests
	history bool          // look for older generations too
	done    chan struct{} // closed afterwards
}

// ask returns after a look that began after the call.
func (l *Log) ask(ctx context.Context) error { return l.send(ctx, request{}) }

// history is ask, and makes the chain begin with the oldest generation that exists.
func (l *Log) history(ctx context.Context) error { return l.send(ctx, request{history: true}) }

func (l *Log) send(ctx context.Context, r request) error {
	r.done = make(chan struct{})
	select {
	case l.asks <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-l.ended:
		return errClosed
	}
	<-r.done
	return nil
}

// release is the opposite of acquire.
func (l *Log) release() {
	l.mu.Lock()
	l.users--
	l.unused = time.Now()
	last := l.users == 0
	l.mu.Unlock()
	if last {
		l.kick() // To set the time of the next look to the end of the grace.
	}
}

// shut closes everything.
func (l *Log) shut() {
	l.at.close()
	l.links.close()
	l.ways.close()
	seen := make(map[*held]bool)
	l.mu.Lock()
	for _, g := range l.chain {
		seen[g.on] = true
	}
	l.chain = nil
	l.trouble = errClosed
	l.shutDown = true
	l.mu.Unlock()
	close(l.ended)
	l.e.shelf.sweep(seen)
	for h := range seen {
		h.close()
	}
	l.broadcast()
}

// broadcast wakes all readers.
func (l *Log) broadcast() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broadcastLocked()
}

func (l *Log) broadcastLocked() {
	if l.awaited {
		close(l.wake)
		l.wake = make(chan struct{})
		l.awaited = false
	}
}
