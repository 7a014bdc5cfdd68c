package supervise

import (
	"context"
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

// Executable returns a LaunchFunc for a plugin in a file. options is called for every start, so that each process can be given a writer of
// its own for its standard error; see [NewStderr].
func Executable(options func() tail.LaunchOptions) LaunchFunc {
	return func(ctx context.Context) (Process, error) {
		p, err := tail.Launch(ctx, options())
		if err != nil {
			return nil, err
		}
		return p, nil
	}
}

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
	// AliveInterval is how often a process has to give a sign of life, and AliveMisses how many may be missing in a row before it is
	// killed; default 2 s and 3. The contract promises one every second.
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

// filled returns o with the defaults in place.
func (o Options) filled() Options {
	o.BackoffMin = positive(o.BackoffMin, 100*time.Millisecond)
	o.BackoffMax = max(o.BackoffMin, positive(o.BackoffMax, 30*time.Second))
	o.Healthy = positive(o.Healthy, time.Minute)
	o.BreakerFailures = positive(o.BreakerFailures, 10)
	o.BreakerWindow = positive(o.BreakerWindow, 5*time.Minute)
	o.AliveInterval = positive(o.AliveInterval, 2*time.Second)
	o.AliveMisses = positive(o.AliveMisses, 3)
	o.StartTimeout = positive(o.StartTimeout, 15*time.Second)
	o.CallTimeout = positive(o.CallTimeout, 30*time.Second)
	o.WaitTimeout = positive(o.WaitTimeout, 5*time.Second)
	if o.OnStatus == nil {
		o.OnStatus = func(Status) {}
	}
	return o
}

// positive returns v, or otherwise if v is not positive.
func positive[N ~int | ~int64](v, otherwise N) N {
	if v > 0 {
		return v
	}
	return otherwise
}
