// Package torture tries a log follower with every kind of rotation, at several speeds, with readers that lag in several ways, and says
// for each combination whether every line is accounted for.
package torture

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/livetail/livetail/simulator"
	"github.com/livetail/livetail/simulator/internal/verify"
)

// Lag is a way of reading late that has a name.
type Lag struct {
	Name string
	verify.Lag
}

// Lags are the ways of reading late.
func Lags() []Lag {
	return []Lag{
		{"none", verify.Lag{}},
		{"pause", verify.Lag{Pause: 2 * time.Second, After: 64 << 10}},
		{"slow", verify.Lag{Rate: 1 << 20}},
	}
}

// Options says what is tried. Every combination of Rotations, Rates and Lags is one trial.
type Options struct {
	// Dir is where the logs are written, one folder for each trial, which is deleted afterwards unless lines were lost.
	Dir string
	// Source returns what follows the log at path, reading late as lag says.
	Source func(path string, lag verify.Lag) (verify.Source, error)

	Rotations []string
	Rates     []float64
	Lags      []Lag

	// Count is how many lines each trial writes.
	Count int64
	// MaxSize, MaxBackups, Compress and Late are those of the producer. Compress and Late are left out where a rotation has none.
	MaxSize    int64
	MaxBackups int
	Compress   bool
	Late       time.Duration
	// Encoding is that of the log; empty means UTF-8.
	Encoding string
	// Repeat is how often each trial is made; 0 means once.
	Repeat int
	// Settle is how long the follower has between the first line and the others at the least; until it has delivered the first one, it has Patience.
	Settle time.Duration
	// Patience is how long nothing may arrive before the rest is given up.
	Patience time.Duration

	// Done is told about each trial as it ends; nil drops it.
	Done func(Trial)
}

// Trial is the result of one combination.
type Trial struct {
	Rotate    string        `json:"rotate"`
	Rate      float64       `json:"rate"`
	Lag       string        `json:"lag"`
	Rotations int64         `json:"rotations"`
	Took      time.Duration `json:"took_ns"`
	Report    verify.Report `json:"report"`
	// Error is what the follower said when it ended by itself.
	Error string `json:"error,omitempty"`
}

// OK reports whether every line is accounted for.
func (t Trial) OK() bool { return t.Report.OK && t.Error == "" }

// errNothing is the error of a trial in which the follower ended before it delivered a line.
var errNothing = errors.New("the follower ended before it delivered a line")

// hopeless is after how many such trials in a row there is nobody who follows; at the very beginning, one is enough.
const hopeless = 3

// Run makes the trials one after the other. The error is why they could not be made; lines that are lost are none. If ctx is cancelled it is
// the cause, and the trials are those that were whole.
func Run(ctx context.Context, o Options) ([]Trial, error) {
	switch {
	case o.Dir == "":
		return nil, errors.New("torture needs a directory")
	case o.Count < 2:
		return nil, fmt.Errorf("count %d must be at least 2", o.Count)
	}
	var trials []Trial
	failed := 0
	for _, rotate := range o.Rotations {
		for _, rate := range o.Rates {
			for i := range len(o.Lags) * max(o.Repeat, 1) {
				lag := o.Lags[i/max(o.Repeat, 1)]
				t, err := try(ctx, &o, rotate, rate, lag)
				switch {
				case ctx.Err() != nil:
					return trials, ctx.Err()
				case errors.Is(err, errNothing):
					if failed++; failed == hopeless || len(trials) == 0 {
						return trials, err
					}
				case err != nil:
					return trials, err
				default:
					failed = 0
				}
				trials = append(trials, t)
				if o.Done != nil {
					o.Done(t)
				}
			}
		}
	}
	return trials, nil
}

// try makes one trial. With [errNothing] it is one that failed.
func try(ctx context.Context, o *Options, rotate string, rate float64, lag Lag) (t Trial, err error) {
	dir := filepath.Join(o.Dir, fmt.Sprintf("torture-%s-%s-%v-%s", strings.ToLower(rand.Text()[:6]), rotate, rate, lag.Name))
	p := simulator.RunOptions{
		File: filepath.Join(dir, "app.log"), Rotate: rotate, MaxSize: o.MaxSize, MaxBackups: o.MaxBackups, Compress: o.Compress, Late: o.Late,
		Encoding: o.Encoding, Sequence: true, Stream: "torture", Count: 1,
	}
	if o.Compress {
		if p.Check() != nil {
			p.Compress = false
		}
	}
	if p.Check() != nil {
		p.Late = 0
	}
	if err := p.Check(); err != nil {
		return Trial{}, err
	}
	source, err := o.Source(p.File, lag.Lag)
	if err != nil {
		return Trial{}, err
	}
	defer func() {
		if ctx.Err() != nil || err != nil || t.OK() {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	start := time.Now()
	if _, err := simulator.Run(ctx, p); err != nil {
		return Trial{}, err
	}
	a := verify.NewAccount(true)
	a.Expect(p.Stream, uint64(o.Count))
	followCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	followed := make(chan error, 1)
	go func() { followed <- verify.Run(followCtx, source, a, verify.Options{Complete: true}) }() // Ends with followCtx; waited for below.

	t = Trial{Rotate: rotate, Rate: rate, Lag: lag.Name}
	sleep(ctx, o.Settle)
	if err := o.awaitFirst(ctx, a, followed); err != nil {
		t.Error, t.Took, t.Report = err.Error(), time.Since(start), a.Report()
		return t, err
	}
	p.First, p.Count, p.Rate = 2, o.Count-1, rate
	written, err := simulator.Run(ctx, p)
	if err != nil {
		cancel()
		return Trial{}, errors.Join(err, <-followed)
	}
	t.Rotations = written.Rotations
	if err := o.await(ctx, a, followed, cancel, lag); err != nil {
		t.Error = err.Error()
	}
	t.Took = time.Since(start)
	t.Report = a.Report()
	return t, nil
}

// awaitFirst waits until the follower has delivered the first line, ends, or has had as long as patience lasts: a follower that is
// not there yet has nothing to follow, and would lose what was deleted before it came. If it failed before, that is [errNothing].
func (o *Options) awaitFirst(ctx context.Context, a *verify.Account, followed chan error) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(o.Patience); time.Now().Before(end); {
		if _, arrived := a.Accounted(); arrived > 0 {
			return nil
		}
		select {
		case err := <-followed:
			if _, arrived := a.Accounted(); arrived == 0 && err != nil {
				return fmt.Errorf("%w: %w", errNothing, err)
			}
			followed <- err // For await.
			return nil
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
	return nil
}

// await waits until the follower is done, or has delivered nothing for as long as patience lasts.
func (o *Options) await(ctx context.Context, a *verify.Account, followed <-chan error, cancel context.CancelFunc, lag Lag) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	_, last := a.Accounted()
	moved := time.Now()
	for {
		select {
		case err := <-followed:
			if err == nil && !a.Complete() {
				err = errors.New("the follower ended before the last line")
			}
			return err
		case <-ctx.Done():
			cancel()
			return <-followed
		case now := <-ticker.C:
			if _, arrived := a.Accounted(); arrived != last {
				last, moved = arrived, now
			}
			if silent := o.Patience + lag.Pause; now.Sub(moved) > silent {
				cancel()
				err := <-followed
				if err == nil && !a.Complete() {
					err = fmt.Errorf("nothing came for %v, and the last line is still to come: it may be slow (--patience) rather than lose lines", silent)
				}
				return err
			}
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
