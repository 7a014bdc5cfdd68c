package host

import (
	"context"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/livetail/livetail/host/internal/supervise"
	"github.com/livetail/livetail/plugin/tail"
)

// launcher starts plugin processes for the supervisor. The first one can be started ahead of time, so that a plugin that cannot work is a
// mistake that is told at once, and not a state that is waited out.
type launcher struct {
	opts   tail.LaunchOptions
	log    *logrus.Logger
	prefix string // where it is mounted; for the log
	// started is told how long a process took to start.
	started func(time.Duration)

	mu    sync.Mutex // guards first
	first *tail.Process
}

// ahead starts the first process.
func (l *launcher) ahead(ctx context.Context) error {
	p, err := l.process(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.first = p
	return nil
}

// launch is the supervisor's way to get a process.
func (l *launcher) launch(ctx context.Context) (supervise.Process, error) {
	l.mu.Lock()
	p := l.first
	l.first = nil
	l.mu.Unlock()
	if p != nil {
		return p, nil
	}
	return l.start(ctx)
}

// start is launch for a new process in any case.
func (l *launcher) start(ctx context.Context) (supervise.Process, error) {
	p, err := l.process(ctx)
	if err != nil {
		return nil, err // Not p: a nil *tail.Process in the interface would not be nil.
	}
	return p, nil
}

// drop closes a first process that nobody took.
func (l *launcher) drop() {
	l.mu.Lock()
	p := l.first
	l.first = nil
	l.mu.Unlock()
	if p != nil {
		p.Close()
	}
}

func (l *launcher) process(ctx context.Context) (*tail.Process, error) {
	opts := l.opts
	if opts.Stderr == nil {
		opts.Stderr = pluginLog(l.log, l.prefix)
	}
	began := time.Now()
	p, err := tail.Launch(ctx, opts)
	if err != nil {
		return nil, err
	}
	l.started(time.Since(began))
	l.log.WithField("pid", p.Pid()).Debug("the plugin is up")
	return p, nil
}
