package supervise

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// State is what a plugin does.
type State int

// The states of a plugin.
const (
	// StateStarting: the first process is being started.
	StateStarting State = iota
	// StateUp: a process answers.
	StateUp
	// StateRestarting: the process is gone, another one is being started, or will be after a short wait.
	StateRestarting
	// StateDown: starting has failed too often; it is still tried, slowly.
	StateDown
	// StateStopped: Run has returned.
	StateStopped
)

// String returns the name of s as used on every wire.
func (s State) String() string {
	switch s {
	case StateStarting:
		return "starting"
	case StateUp:
		return "up"
	case StateRestarting:
		return "restarting"
	case StateDown:
		return "down"
	case StateStopped:
		return "stopped"
	default:
		return "unknown"
	}
}

// Status is how a plugin is.
type Status struct {
	State State
	// Pid is that of the process; 0 if there is none.
	Pid int
	// Since is when the state began; for display.
	Since time.Time
	// Restarts counts the processes that took the place of one that died or hung. Swaps do not count.
	Restarts int
	// Hangs counts the processes that were killed because they gave no sign of life.
	Hangs int
	// Alive is when the process gave its last sign of life; zero if none has come yet.
	Alive time.Time
	// Err is why the last process ended or could not be started; nil if none did.
	Err error
}

// Status returns how the plugin is now.
func (p *Plugin) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.status
	if at := p.alive.Load(); at != 0 {
		now.Alive = time.Unix(0, at)
	}
	return now
}

// Watch yields the status now and after every change, until ctx is cancelled or Run has returned. Whoever is slow misses states in
// between, never the last one.
func (p *Plugin) Watch(ctx context.Context) iter.Seq[Status] {
	return func(yield func(Status) bool) {
		for {
			p.mu.Lock()
			now, changed := p.status, p.changed
			p.mu.Unlock()
			if !yield(now) || now.State == StateStopped {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// Ready returns nil if the plugin is up, or is only being restarted, and otherwise why it is not, in one sentence.
func (p *Plugin) Ready() error {
	switch s := p.Status(); s.State {
	case StateUp, StateRestarting:
		return nil
	case StateStarting:
		if s.Err != nil {
			return fmt.Errorf("the plugin has not started yet: %w", s.Err)
		}
		return errors.New("the plugin has not started yet")
	case StateDown:
		return fmt.Errorf("the plugin fails again and again, it is tried less often now: %w", s.Err)
	default:
		return fmt.Errorf("the plugin has been stopped: %w", tail.ErrPluginGone)
	}
}

// update changes the status and tells everybody who wants to know. It is called by the goroutine of Run alone.
func (p *Plugin) update(change func(*Status)) {
	p.mu.Lock()
	before := p.status.State
	change(&p.status)
	if p.status.State != before {
		p.status.Since = time.Now()
	}
	p.status.Pid = 0
	if p.current != nil {
		p.status.Pid = p.current.Pid()
	}
	now := p.status
	close(p.changed)
	p.changed = make(chan struct{})
	p.mu.Unlock()
	p.o.OnStatus(now)
}
