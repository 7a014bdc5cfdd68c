// Package follow is the tail engine: it makes one path look like one endless file, whatever rotates.
//
// The idea is to hold generations open instead of finding them again. For each followed path a [Log] sees every new generation as soon
// as it appears and opens it, however far its readers have come; a file that is open survives renaming, compression and deletion. Readers
// share the descriptors and read at offsets of their own, so a reader that does not read costs nothing and loses nothing. What was destroyed
// before anybody could open it becomes an event in the stream.
//
// DESIGN.md beside this file has the picture: who owns which goroutine, what flows where, what can fail.
package follow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/livetail/livetail/plugin/internal/encoding"
	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/internal/perlog"
	"github.com/livetail/livetail/plugin/internal/watch"
	"github.com/livetail/livetail/plugin/tail"
)

// Options adapt an [Engine]. Zero values stand for the defaults that are named.
type Options struct {
	// Guard opens the files. Needed.
	Guard *guard.Guard
	// Poll is how often a followed path is looked at without being told; default 250 ms. Where the system gives events, it is looked at
	// four times more rarely.
	Poll time.Duration
	// NoEvents does without events of the system: everything is found by looking.
	NoEvents bool
	// Quiet is how long a file that was rotated must not have grown, while its successor has, until it counts as complete; default
	// 250 ms. Only used where the system cannot say that no writer has it open.
	Quiet time.Duration
	// Rest is the same while the successor is empty; default 2 s.
	Rest time.Duration
	// Linger is how long a generation is held open after the last reader left it; default 60 s. What is written to it meanwhile is
	// delivered late.
	Linger time.Duration
	// Grace is how long a path is looked after when nobody follows it any more; default 10 s.
	Grace time.Duration
	// Encodings are those of files without a byte order mark; the zero value is UTF-8, which leaves everything as it stands.
	Encodings perlog.Rules[encoding.Encoding]
	// Zones are those of lines whose time names none; nil is that of the process.
	Zones perlog.Rules[*time.Location]
	// OldFolders are those to which rotators move files away (logrotate's olddir), absolute or as seen from the folder of the log; empty: they
	// stay there. One outside of what the guard allows is left out.
	OldFolders perlog.Rules[string]
	// MaxLogs is how many paths may be followed at a time; default 10,000.
	MaxLogs int
	// MaxHeld is how many generations of one log are held open at the most; default 256.
	MaxHeld int
	// MaxHeldBytes is how many bytes of deleted files are kept from being freed by one log; default 1 GiB.
	MaxHeldBytes int64
	// MaxUnpacked is how many bytes of one compressed generation are unpacked at the most; default 4 GiB.
	MaxUnpacked int64
}

func (o *Options) setDefaults() {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.Poll, 250*time.Millisecond)
	def(&o.Quiet, 250*time.Millisecond)
	def(&o.Rest, 2*time.Second)
	def(&o.Linger, time.Minute)
	def(&o.Grace, 10*time.Second)
	if o.MaxLogs <= 0 {
		o.MaxLogs = 10_000
	}
	if o.MaxHeld <= 0 {
		o.MaxHeld = 256
	}
	if o.MaxHeldBytes <= 0 {
		o.MaxHeldBytes = 1 << 30
	}
	if o.MaxUnpacked <= 0 {
		o.MaxUnpacked = 4 << 30
	}
}

// Engine follows any number of logs. It is safe for concurrent use.
type Engine struct {
	opts    Options
	guard   *guard.Guard
	watch   *watch.Watcher
	noWatch error           // why there are no events; nil if there are
	ctx     context.Context // ends the trackers; its lifetime is the engine's
	stop    context.CancelFunc

	trackers sync.WaitGroup
	turns    chan struct{} // holds an element for each scan at work
	shelf    shelf
	tally    tally

	mu     sync.Mutex // guards the rest; taken before Log.mu
	closed bool
	logs   map[guard.Path]*Log
}

// New returns an engine. Without events of the system, it does its work by looking.
func New(opts Options) (*Engine, error) {
	if opts.Guard == nil {
		return nil, errors.New("follow: no guard is given")
	}
	opts.setDefaults()
	w, noWatch := watch.Off(), watch.ErrOff
	if !opts.NoEvents {
		on, err := watch.New()
		if noWatch = err; err == nil {
			w = on
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Engine{
		opts: opts, guard: opts.Guard, watch: w, noWatch: noWatch, ctx: ctx, stop: stop,
		logs: make(map[guard.Path]*Log), turns: make(chan struct{}, maxScans),
	}, nil
}

// Events reports whether the system gives events.
func (e *Engine) Events() bool { return e.watch.On() }

// Close ends all following, and returns when everything is closed. Readers get an error.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.stop()
	e.trackers.Wait()
	e.watch.Close()
}

var errClosed = fmt.Errorf("the tailer is closed: %w", tail.ErrUnreadable)

// acquire returns the log at path, looked at after the call, and counts the caller as a user of it until [Log.release].
func (e *Engine) acquire(ctx context.Context, path guard.Path) (*Log, error) {
	l, err := e.join(path)
	if err != nil {
		return nil, err
	}
	if err := l.ask(ctx); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

func (e *Engine) join(path guard.Path) (*Log, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, errClosed
	}
	l := e.logs[path]
	if l == nil {
		if len(e.logs) >= e.opts.MaxLogs {
			return nil, fmt.Errorf("%d logs are followed already: %w", len(e.logs), tail.ErrTooMany)
		}
		l = newLog(e, path)
		e.logs[path] = l
		e.trackers.Go(l.run) // Ends when the log is retired or the engine closed.
	}
	l.mu.Lock()
	l.users++
	l.mu.Unlock()
	return l, nil
}

// retire takes l out of the engine if nobody has used it for the grace time. The caller is its tracker, and ends if so.
func (e *Engine) retire(l *Log) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users > 0 || time.Since(l.unused) < e.opts.Grace {
		return false
	}
	delete(e.logs, l.path)
	return true
}
