package tailtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/heartbeat"
)

// Fake is a [tail.Tailer] whose logs are in memory and do what a test says. It keeps the contract ([Run] proves it), needs no file
// and no process, and its time is that of package time, so that it can be used in a testing/synctest bubble.
//
// It is safe for concurrent use.
type Fake struct {
	mu        sync.Mutex // guards the rest, and all of its logs
	logs      map[string]*FakeLog
	made      int // counts logs, for the names of generations
	forbidden []string
	irregular map[string]bool
	changed   chan struct{} // closed and replaced at each change
	crashes   int           // how many times Crash was called
	crash     chan struct{} // closed and replaced by it
	hung      bool
	failures  []error // of the next calls
	batch     int     // most lines in a batch; 0: as many as fit
	calls     Calls
	beats     heartbeat.Defaults
}

var _ tail.Tailer = (*Fake)(nil)

// Calls counts how often each method of a [Fake] was called.
type Calls struct{ Info, List, Follow, Read, Scan, Diagnose, Heartbeat int }

// NewFake returns a Fake without logs.
func NewFake() *Fake {
	return &Fake{logs: map[string]*FakeLog{}, irregular: map[string]bool{}, changed: make(chan struct{}), crash: make(chan struct{})}
}

// AddLog makes a log that holds lines, which are given without line endings, or adds them to the log if there is one by that name.
func (f *Fake) AddLog(name string, lines ...string) *FakeLog {
	f.mu.Lock()
	l := f.logs[name]
	if l == nil {
		f.made++
		l = &FakeLog{fake: f, name: name, number: f.made}
		l.begin()
		f.logs[name] = l
	}
	f.change()
	f.mu.Unlock()
	l.Append(lines...)
	return l
}

// RemoveLog makes a log unknown. Whoever follows it gets nothing more.
func (f *Fake) RemoveLog(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.logs, name)
	f.change()
}

// Forbid makes all logs whose names begin with prefix [tail.ErrNotAllowed].
func (f *Fake) Forbid(prefix string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forbidden = append(f.forbidden, prefix)
}

// Irregular makes a name that of a thing that is no log: [tail.ErrNotRegular].
func (f *Fake) Irregular(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.irregular[name] = true
}

// FailNext makes the next calls fail, each with one of errs, before they do anything.
func (f *Fake) FailNext(errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = append(f.failures, errs...)
}

// Crash ends all calls under way with [tail.ErrPluginGone], as if the plugin had died. Later calls work.
func (f *Fake) Crash() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crashes++
	close(f.crash)
	f.crash = make(chan struct{})
	f.change()
}

// Hang makes all calls, those under way as well, do nothing until [Fake.Resume]; they still end with their contexts and by [Fake.Crash].
func (f *Fake) Hang() { f.hang(true) }

// Resume ends a [Fake.Hang].
func (f *Fake) Resume() { f.hang(false) }

func (f *Fake) hang(hung bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hung = hung
	f.change()
}

// SetBatch sets the most lines of one batch; 0, the default, means as many as the contract allows.
func (f *Fake) SetBatch(lines int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.batch = lines
}

// SetHeartbeat sets the interval and the timeout of sessions that name none; 0 means the defaults of the contract.
func (f *Fake) SetHeartbeat(interval, timeout time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.beats = heartbeat.Defaults{Interval: interval, Timeout: timeout}
}

// Calls returns how often each method was called.
func (f *Fake) Calls() Calls {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Followers returns how many Follow calls of a log are under way.
func (f *Fake) Followers(log string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l := f.logs[log]; l != nil {
		return l.followers
	}
	return 0
}

// change wakes all who wait. The caller holds mu.
func (f *Fake) change() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// call is one call under way.
type call struct {
	f       *Fake
	crashes int
}

// enter begins a call that is counted by count.
func (f *Fake) enter(count func(*Calls)) (call, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	count(&f.calls)
	c := call{f: f, crashes: f.crashes}
	if len(f.failures) > 0 {
		err := f.failures[0]
		f.failures = f.failures[1:]
		return c, err
	}
	return c, nil
}

// locked waits until the fake does not hang and holds mu if it returns nil.
func (c call) locked(ctx context.Context) error {
	c.f.mu.Lock()
	for {
		if err := ctx.Err(); err != nil {
			c.f.mu.Unlock()
			return err
		}
		if c.f.crashes != c.crashes {
			c.f.mu.Unlock()
			return fmt.Errorf("%w: the fake was told to crash", tail.ErrPluginGone)
		}
		if !c.f.hung {
			return nil
		}
		c.wait(ctx)
	}
}

// wait waits, with mu unlocked meanwhile, until something changes or ctx is cancelled.
func (c call) wait(ctx context.Context) {
	changed := c.f.changed
	c.f.mu.Unlock()
	select {
	case <-changed:
	case <-ctx.Done():
	}
	c.f.mu.Lock()
}

// Info implements [tail.Tailer].
func (f *Fake) Info(ctx context.Context) (tail.Info, error) {
	c, err := f.enter(func(c *Calls) { c.Info++ })
	if err != nil {
		return tail.Info{}, err
	}
	if err := c.locked(ctx); err != nil {
		return tail.Info{}, err
	}
	defer f.mu.Unlock()
	return tail.Info{
		Name: "fake", Version: "1", Roots: []string{"/"},
		Capabilities: []string{
			tail.CapabilityFilter, tail.CapabilityTime, tail.CapabilityHistory, tail.CapabilityScan, tail.CapabilityDiagnose,
		},
	}, nil
}

// List implements [tail.Tailer].
func (f *Fake) List(ctx context.Context, req tail.ListRequest) iter.Seq2[tail.Entry, error] {
	return func(yield func(tail.Entry, error) bool) {
		entries, err := f.list(ctx, req)
		if err != nil {
			yield(tail.Entry{}, err)
			return
		}
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (f *Fake) list(ctx context.Context, req tail.ListRequest) ([]tail.Entry, error) {
	c, err := f.enter(func(c *Calls) { c.List++ })
	if err != nil {
		return nil, err
	}
	if err := c.locked(ctx); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	if req.Limit < 0 {
		return nil, fmt.Errorf("limit %d: %w", req.Limit, tail.ErrBadRequest)
	}
	if req.Prefix != "" {
		if err := f.allowed(req.Prefix); err != nil {
			return nil, err
		}
	}
	prefix := strings.TrimSuffix(req.Prefix, "/")
	var out []tail.Entry
	for _, name := range slices.Sorted(maps.Keys(f.logs)) {
		if f.allowed(name) != nil || name != prefix && !strings.HasPrefix(name, prefix+"/") {
			continue
		}
		if req.Limit > 0 && len(out) == req.Limit {
			break
		}
		out = append(out, f.logs[name].entry())
	}
	return out, nil
}

// allowed checks a name. The caller holds mu.
func (f *Fake) allowed(name string) error {
	switch {
	case name == "" || name[0] != '/' || strings.ContainsRune(name, 0) || len(name) > tail.MaxPath:
		return fmt.Errorf("%.100q is not the name of a log: %w", name, tail.ErrBadRequest)
	case slices.ContainsFunc(f.forbidden, func(p string) bool { return strings.HasPrefix(name, p) }):
		return fmt.Errorf("%q: %w", name, tail.ErrNotAllowed)
	case f.irregular[name]:
		return fmt.Errorf("%q: %w", name, tail.ErrNotRegular)
	}
	return nil
}

// Diagnose implements [tail.Tailer].
func (f *Fake) Diagnose(ctx context.Context, log string) (tail.Report, error) {
	c, err := f.enter(func(c *Calls) { c.Diagnose++ })
	if err != nil {
		return tail.Report{}, err
	}
	if err := c.locked(ctx); err != nil {
		return tail.Report{}, err
	}
	defer f.mu.Unlock()
	if log == "" {
		return report("logs", tail.FindingOK, fmt.Sprintf("There are %d logs.", len(f.logs)), ""), nil
	}
	switch err := f.allowed(log); {
	case errors.Is(err, tail.ErrNotRegular):
		return report("not-a-file", tail.FindingProblem, log+" is no log.", "Name a log."), nil
	case err != nil:
		return tail.Report{}, err
	case f.logs[log] == nil:
		return report("file-missing", tail.FindingProblem, log+" does not exist.", "Start the program that writes it."), nil
	}
	return report("readable", tail.FindingOK, log+" can be read.", ""), nil
}

func report(id string, level tail.FindingLevel, what, do string) tail.Report {
	return tail.Report{Findings: []tail.Finding{{ID: id, Level: level, What: what, Do: do}}}
}

// Heartbeat implements [tail.Tailer].
func (f *Fake) Heartbeat(ctx context.Context, in iter.Seq[tail.Beat]) iter.Seq2[tail.Order, error] {
	return func(yield func(tail.Order, error) bool) {
		c, err := f.enter(func(c *Calls) { c.Heartbeat++ })
		if err != nil {
			yield(tail.Order{}, err)
			return
		}
		f.mu.Lock()
		defaults, crash := f.beats, f.crash
		f.mu.Unlock()
		runCtx, cancel := context.WithCancel(ctx)
		var crashed sync.WaitGroup
		defer func() { cancel(); crashed.Wait() }()
		crashed.Go(func() { // Ends with the call.
			select {
			case <-crash:
				cancel()
			case <-runCtx.Done():
			}
		})
		for o, err := range heartbeat.Run(runCtx, in, defaults) {
			if err != nil {
				if runCtx.Err() != nil {
					err = c.locked(ctx) // Says why.
				}
				yield(o, err)
				return
			}
			if err := c.locked(ctx); err != nil {
				yield(tail.Order{}, err)
				return
			}
			f.mu.Unlock()
			if !yield(o, nil) {
				return
			}
		}
	}
}
