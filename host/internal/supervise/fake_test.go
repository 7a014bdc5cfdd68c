package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livetail/livetail/host/internal/supervise"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

// process is a plugin process that is none: its tailer is a fake that outlives it, as a file outlives the process that reads it.
type process struct {
	*tailtest.Fake
	pid    int
	done   chan struct{}
	once   sync.Once
	closed chan struct{} // closed by Close
}

func (p *process) Done() <-chan struct{} { return p.done }
func (p *process) Pid() int              { return p.pid }
func (p *process) Kill()                 { p.once.Do(func() { close(p.done); p.Crash() }) }
func (p *process) Close() {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	p.once.Do(func() { close(p.done) }) // A fake that is shared must not crash for the others.
}

// world launches processes and notes when.
type world struct {
	fake *tailtest.Fake

	mu      sync.Mutex
	at      []time.Time
	started []*process
	refuse  error
}

func (w *world) launch(context.Context) (supervise.Process, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = append(w.at, time.Now())
	if w.refuse != nil {
		return nil, w.refuse
	}
	w.fake.Resume()
	p := &process{Fake: w.fake, pid: len(w.at), done: make(chan struct{}), closed: make(chan struct{})}
	w.started = append(w.started, p)
	return p, nil
}

func (w *world) refuseWith(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = err
}

func (w *world) last() *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.started[len(w.started)-1]
}

// gaps returns the times between launches.
func (w *world) gaps() (out []time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := 1; i < len(w.at); i++ {
		out = append(out, w.at[i].Sub(w.at[i-1]))
	}
	return out
}

// bubble runs test with a supervised plugin in a synctest bubble.
func bubble(t *testing.T, o supervise.Options, test func(t *testing.T, w *world, p *supervise.Plugin)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{fake: tailtest.NewFake()}
		o.Launch = w.launch
		p := supervise.New(o)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		synctest.Wait()
		test(t, w, p)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
		if s := p.Status().State; s != supervise.StateStopped {
			t.Errorf("the state is %v after Run", s)
		}
	})
}

// follower collects what a Follow call yields.
type follower struct {
	mu     sync.Mutex
	events []string
	err    error
	done   chan struct{}
	cancel context.CancelFunc
}

func follow(ctx context.Context, t tail.Tailer, req tail.FollowRequest) *follower {
	ctx, cancel := context.WithCancel(ctx)
	f := &follower{done: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(f.done)
		for e, err := range t.Follow(ctx, req) {
			f.mu.Lock()
			switch e := e.(type) {
			case tail.Lines:
				for line := range strings.Lines(string(e.Text)) {
					f.events = append(f.events, strings.TrimSuffix(line, "\n"))
				}
			case tail.CaughtUp:
				f.events = append(f.events, "caught up")
			case tail.Gap:
				f.events = append(f.events, "gap "+e.Cause.String())
			case tail.Boundary:
				f.events = append(f.events, "boundary")
			case nil:
			default:
				f.events = append(f.events, fmt.Sprintf("%T", e))
			}
			f.err = err
			f.mu.Unlock()
		}
	}()
	return f
}

func (f *follower) got() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.events, ", ")
}
