package supervise

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// Plugin is a plugin that is kept alive. It is safe for concurrent use.
type Plugin struct {
	o        Options
	handover chan *handover // processes that Swap has started, for Run
	swapping chan struct{}  // holds a token during a Swap
	stopped  chan struct{}  // closed when Run is about to return
	work     sync.WaitGroup // what Run started
	alive    atomic.Int64   // when the last sign of life came, in nanoseconds since 1970; 0 if none did

	started bool // a process has been up; used by Run alone

	mu      sync.Mutex // guards the rest
	status  Status
	current *incarnation  // nil while there is no process
	changed chan struct{} // closed and replaced when status or current change
}

// incarnation is one process of a plugin.
type incarnation struct {
	Process
	started time.Time
	// retired is cancelled when the process is not to be used any more, with which calls under way end. It lives as long as the
	// process, not as long as any call.
	retired context.Context
	retire  context.CancelFunc
	hung    chan error    // says why, when the process gives no sign of life
	taken   chan struct{} // closed when the process is the present one; nil if nobody waits for that
}

// handover is a process that is to take the place of the present one.
type handover struct {
	process Process
	launch  LaunchFunc
	taken   chan struct{}
}

var (
	_ tail.Tailer = (*Plugin)(nil)
	_ tail.Meter  = (*Plugin)(nil)
)

// New returns a plugin that [Plugin.Run] will start.
func New(o Options) *Plugin {
	return &Plugin{
		o:        o.filled(),
		handover: make(chan *handover),
		swapping: make(chan struct{}, 1),
		stopped:  make(chan struct{}),
		status:   Status{State: StateStarting, Since: time.Now()},
		changed:  make(chan struct{}),
	}
}

// Run starts the process and keeps it alive until ctx is cancelled; then it closes the process and returns ctx's error, within about
// 5 s. It is called once.
func (p *Plugin) Run(ctx context.Context) error {
	launch := p.o.Launch
	failures := failures{o: p.o}
	var next *incarnation // to be used instead of launching one
	for ctx.Err() == nil {
		now := next
		next = nil
		if now == nil {
			process, err := p.start(ctx, launch)
			if err != nil {
				if ctx.Err() == nil {
					next, launch = p.rest(ctx, launch, p.failed(&failures, err, 0))
				}
				continue
			}
			now = newIncarnation(ctx, process)
		}
		p.present(now)
		h, err := p.watch(ctx, now)
		switch {
		case h != nil:
			next, launch = newIncarnation(ctx, h.process), h.launch
			next.taken = h.taken
		case err != nil:
			lived := time.Since(now.started)
			p.withdraw()
			next, launch = p.rest(ctx, launch, p.failed(&failures, err, lived))
		}
	}
	if next != nil {
		p.present(next)
	}
	p.withdraw()
	p.update(func(s *Status) { s.State = StateStopped })
	close(p.stopped)
	p.work.Wait()
	return ctx.Err()
}

// start launches a process and waits until it answers.
func (p *Plugin) start(ctx context.Context, launch LaunchFunc) (Process, error) {
	ctx, cancel := context.WithTimeout(ctx, p.o.StartTimeout)
	defer cancel()
	process, err := launch(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := process.Info(ctx); err != nil {
		process.Kill()
		process.Close()
		return nil, fmt.Errorf("the plugin started, but does not answer: %w", err)
	}
	return process, nil
}

func newIncarnation(ctx context.Context, process Process) *incarnation {
	i := &incarnation{Process: process, started: time.Now(), hung: make(chan error, 1)}
	i.retired, i.retire = context.WithCancel(ctx)
	return i
}

// present makes now the process that calls go to. If there is another one, calls go over, and it is closed.
func (p *Plugin) present(now *incarnation) {
	p.mu.Lock()
	old := p.current
	p.current = now
	p.mu.Unlock()
	p.update(func(s *Status) {
		if s.State != StateUp && p.started {
			s.Restarts++
		}
		p.started = true
		s.State = StateUp
	})
	if now.taken != nil {
		close(now.taken)
	}
	p.work.Go(func() { p.listen(now) }) // Ends when now is retired.
	p.retire(old)
}

// withdraw takes the present process away, if there is one.
func (p *Plugin) withdraw() {
	p.mu.Lock()
	old := p.current
	p.current = nil
	p.mu.Unlock()
	p.retire(old)
}

// retire ends the calls to old and closes it.
func (p *Plugin) retire(old *incarnation) {
	if old == nil {
		return
	}
	old.retire()
	p.work.Go(old.Close) // Ends within 5 s, as Process promises.
}

// watch waits for the end of now: of its process, of ctx (then both results are nil), or because another one takes its place.
func (p *Plugin) watch(ctx context.Context, now *incarnation) (*handover, error) {
	select {
	case <-ctx.Done():
		return nil, nil
	case h := <-p.handover:
		return h, nil
	case <-now.Done():
		return nil, errors.New("the plugin ended by itself, or was killed")
	case err := <-now.hung:
		now.Kill()
		if errors.Is(err, errHung) {
			p.mu.Lock()
			p.status.Hangs++
			p.mu.Unlock()
		}
		return nil, err
	}
}

// failed notes that a process that lived for so long ended with err, or could not be started, and returns how long to wait before the
// next try.
func (p *Plugin) failed(f *failures, err error, lived time.Duration) time.Duration {
	wait, down := f.add(time.Now(), lived)
	p.update(func(s *Status) {
		s.Err = err
		switch {
		case down:
			s.State = StateDown
		case s.State == StateUp:
			s.State = StateRestarting
		}
	})
	return wait
}

// rest waits, unless a process is handed over meanwhile, which is returned with its own launch.
func (p *Plugin) rest(ctx context.Context, launch LaunchFunc, wait time.Duration) (*incarnation, LaunchFunc) {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case h := <-p.handover:
		next := newIncarnation(ctx, h.process)
		next.taken = h.taken
		return next, h.launch
	}
	return nil, launch
}

// Swap replaces the process by another that launch starts, and uses launch for restarts from then on. The new process is up and
// answers before anybody notices; then the calls under way go over to it, and the old process is closed. If launch fails, the
// old process stays and the error says why. Swaps are made one after the other.
func (p *Plugin) Swap(ctx context.Context, launch LaunchFunc) error {
	select {
	case p.swapping <- struct{}{}:
		defer func() { <-p.swapping }()
	case <-ctx.Done():
		return ctx.Err()
	}
	process, err := p.start(ctx, launch)
	if err != nil {
		return fmt.Errorf("the new plugin does not start, the old one stays: %w", err)
	}
	h := &handover{process: process, launch: launch, taken: make(chan struct{})}
	select {
	case p.handover <- h:
		<-h.taken
		return nil
	case <-p.stopped:
		err = fmt.Errorf("the plugin has been stopped: %w", tail.ErrPluginGone)
	case <-ctx.Done():
		err = ctx.Err()
	}
	process.Close()
	return err
}
