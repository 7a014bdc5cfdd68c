package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// fanoutRate returns how many lines are written each time, and how often. Beyond a few thousand viewers two thousand lines a second are
// more than a machine's loopback carries, so that is for who asks for it to try.
func (b *bench) fanoutRate(clients int) (lines int, every time.Duration) {
	if b.rate > 0 {
		return max(b.rate/100, 1), 10 * time.Millisecond
	}
	if clients > 2000 {
		return 10, 100 * time.Millisecond
	}
	return 20, 10 * time.Millisecond
}

// fanout measures many clients on one log.
func (b *bench) fanout(ctx context.Context, dir string) error {
	for _, clients := range b.clients {
		// A log of its own for each: the last lines of one that was deleted would come, too, as those of a rotated file do.
		for round := range b.rounds {
			for _, s := range b.turn(round) {
				if err := b.fanoutRound(ctx, s, clients, filepath.Join(dir, fmt.Sprintf("fanout-%d-%d.log", clients, round))); err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
			}
		}
	}
	return nil
}

func (b *bench) fanoutRound(ctx context.Context, s *server, clients int, path string) error {
	defer os.Remove(path)
	l, err := createLog(path)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.write(1); err != nil {
		return err
	}
	c, err := gather(ctx, s, path, clients, 1000, 1)
	if err != nil {
		return err
	}
	defer c.close()
	used, own, start := s.cpu(), ownCPU(), time.Now()
	written, err := b.trickle(ctx, l, clients)
	if err != nil {
		return err
	}
	elapsed := time.Since(start)
	expected := written * int64(clients)
	for end := time.Now().Add(time.Second); c.lines.Load() < expected && time.Now().Before(end); {
		rest(ctx, 10*time.Millisecond) // What is on its way counts.
	}
	got := c.lines.Load()
	used, own = s.cpu()-used, ownCPU()-own
	lost := c.lost.Load()
	c.close()
	took := c.delays()
	if lost > 0 {
		return fmt.Errorf("%d of %d viewers were cut off", lost, clients)
	}
	lines, every := b.fanoutRate(clients)
	what := fmt.Sprintf("fan-out to %d", clients)
	note := fmt.Sprintf("%d lines/s each", lines*int(time.Second/every))
	b.figure(s, what+", delivered", "%", note, 100*float64(got)/float64(expected))
	b.figure(s, what+", p50", "ms", note, took.quantile(0.5))
	b.figure(s, what+", p99", "ms", note, took.quantile(0.99))
	b.figure(s, what+", server", "CPU ms/s", note, milliseconds(used)/elapsed.Seconds())
	b.figure(s, what+", bench", "CPU ms/s", "writing and reading", milliseconds(own)/elapsed.Seconds())
	return nil
}

// trickle writes at an even rate and returns how many lines it wrote.
func (b *bench) trickle(ctx context.Context, l *logFile, clients int) (written int64, err error) {
	lines, every := b.fanoutRate(clients)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for start := time.Now(); time.Since(start) < time.Duration(b.seconds)*time.Second && ctx.Err() == nil; {
		<-ticker.C
		// A writer that was held up writes what it owes.
		for due := int64(time.Since(start)/every) * int64(lines); written < due; written += int64(lines) {
			if err := l.write(lines); err != nil {
				return written, err
			}
		}
	}
	return written, ctx.Err()
}
