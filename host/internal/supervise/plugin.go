package supervise

import (
	"context"
	"iter"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// Process is a running plugin. [*tail.Process] is one.
type Process interface {
	tail.Tailer
	// Done is closed when the process has ended.
	Done() <-chan struct{}
	// Pid is the process id, for display.
	Pid() int
	// Kill ends the process at once, also when it hangs.
	Kill()
	// Close ends the process kindly, and by force if that takes too long; it returns within 5 s.
	Close()
}

var _ Process = (*tail.Process)(nil)

// LaunchFunc starts a plugin and returns when it answers. ctx bounds the start alone.
type LaunchFunc func(ctx context.Context) (Process, error)

// Options of a [Plugin]. The zero value of each field but Launch means the default.
type Options struct {
	// Launch starts a process. It is not called concurrently. Needed.
	Launch LaunchFunc
	// BackoffMin and BackoffMax bound the wait before a restart; default 100 ms and 30 s. The first restart after a healthy time comes at
	// once, and every wait is shortened by up to a quarter by chance.
	BackoffMin, BackoffMax time.Duration
	// Healthy is how long a process has to live for the back-off to begin anew; default 60 s.
	Healthy time.Duration
	// BreakerFailures in BreakerWindow make the plugin [StateDown]; default 10 in 5 min. It is still tried, every BackoffMax.
	BreakerFailures int
	BreakerWindow   time.Duration
	// AliveInterval is how often a process has to give a sign of life, and AliveMisses how many may be missing before it is killed;
	// default 1 s and 3.
	AliveInterval time.Duration
	AliveMisses   int
	// StartTimeout bounds one launch; default 15 s.
	StartTimeout time.Duration
	// CallTimeout bounds Info and Read, and the time between two entries of List, once a process is there; default 30 s.
	CallTimeout time.Duration
	// WaitTimeout bounds how long Info, Read and List wait for a process; default 5 s. Follow and Heartbeat wait as long as their
	// context lets them.
	WaitTimeout time.Duration
	// OnStatus is told every change of the status, one after the other, and must return soon; nil tells nobody.
	OnStatus func(Status)
}

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
	// Restarts counts the processes that were started to replace one that died or hung. Swaps do not count.
	Restarts int
	// Hangs counts the processes that were killed because they gave no sign of life.
	Hangs int
	// Err is why the last process ended or could not be started; nil if none did.
	Err error
}

// Plugin is a plugin that is kept alive. It is safe for concurrent use.
type Plugin struct{}

var _ tail.Tailer = (*Plugin)(nil)

// New returns a plugin that [Plugin.Run] will start.
func New(o Options) *Plugin { return &Plugin{} }

// Run starts the process and keeps it alive until ctx is cancelled; then it closes the process and returns ctx's error, within about
// 5 s. It is called once.
func (p *Plugin) Run(ctx context.Context) error { return nil }

// Status returns how the plugin is now.
func (p *Plugin) Status() Status { return Status{} }

// Watch yields the status now and after every change, until ctx is cancelled or Run has returned. Whoever is slow misses states in
// between, never the last one.
func (p *Plugin) Watch(ctx context.Context) iter.Seq[Status] { return func(func(Status) bool) {} }

// Ready returns nil if the plugin is up, or is only being restarted, and otherwise why it is not, in one sentence.
func (p *Plugin) Ready() error { return nil }

// Swap replaces the process by another that launch starts, and uses launch for restarts from then on. The new process is up and
// answers before anybody notices; then the calls under way go over to it, and the old process is closed. If launch fails, the
// old process stays and the error says why. Swaps are made one after the other.
func (p *Plugin) Swap(ctx context.Context, launch LaunchFunc) error { return nil }

// Info implements [tail.Tailer]. It waits for a process for a bounded time.
func (p *Plugin) Info(ctx context.Context) (tail.Info, error) { return tail.Info{}, nil }

// List implements [tail.Tailer]. It waits for a process for a bounded time; it does not go on in another process.
func (p *Plugin) List(ctx context.Context, req tail.ListRequest) iter.Seq2[tail.Entry, error] {
	return func(func(tail.Entry, error) bool) {}
}

// Read implements [tail.Tailer]. It waits for a process for a bounded time, and asks again if the process dies meanwhile.
func (p *Plugin) Read(ctx context.Context, req tail.ReadRequest) (tail.Page, error) {
	return tail.Page{}, nil
}

// Follow implements [tail.Tailer]. It goes on in the next process when one goes away, at the end of the last event that it yielded.
func (p *Plugin) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(func(tail.Event, error) bool) {}
}

// Heartbeat implements [tail.Tailer]. It waits for a process, and ends with [tail.ErrPluginGone] when the process goes away: what it knew
// about sessions is gone then.
func (p *Plugin) Heartbeat(ctx context.Context, in iter.Seq[tail.Beat]) iter.Seq2[tail.Order, error] {
	return func(func(tail.Order, error) bool) {}
}
