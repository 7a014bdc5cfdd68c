package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// one measures how fast one client gets what is written at once.
func (b *bench) one(ctx context.Context, dir string) error {
	for round := range b.rounds {
		for _, s := range b.turn(round) {
			if err := b.oneRound(ctx, s, filepath.Join(dir, fmt.Sprintf("one-%d.log", round))); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return nil
}

func (b *bench) oneRound(ctx context.Context, s *server, path string) error {
	defer os.Remove(path)
	l, err := createLog(path)
	if err != nil {
		return err
	}
	defer l.Close()
	// Formatting is not what is measured.
	var block []byte
	for range 1 << 20 / lineLength {
		block = appendLine(block, l.next, time.Now())
		l.next++
	}
	v, err := dialReady(ctx, s, l, make([]byte, blockRead))
	if err != nil {
		return err
	}
	defer v.close()
	blocks := int(b.bytes) / len(block)
	used, own, start := s.cpu(), ownCPU(), time.Now()
	written := make(chan error, 1)
	go func() { // Ends when all is written.
		for range blocks {
			if _, err := l.Write(block); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	readErr := v.lines(blocks * len(block) / lineLength)
	took := time.Since(start)
	used, own = s.cpu()-used, ownCPU()-own
	if err := errors.Join(readErr, <-written); err != nil {
		return err
	}
	note := fmt.Sprintf("%d MiB written at once", b.bytes>>20)
	b.figure(s, "one client", "MB/s", note, float64(blocks*len(block))/1e6/took.Seconds())
	b.figure(s, "one client, server", "CPU ms", note, milliseconds(used))
	b.figure(s, "one client, bench", "CPU ms", "writing and reading", milliseconds(own))
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// dialReady connects to a log and returns when new lines arrive.
func dialReady(ctx context.Context, s *server, l *logFile, buf []byte) (*viewer, error) {
	v, err := dial(ctx, s, l.Name(), 1000, buf)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(l.write(1), v.lines(1)); err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

// latency measures how long a line takes on an idle system.
func (b *bench) latency(ctx context.Context, dir string) error {
	for round := range b.rounds {
		for _, s := range b.turn(round) {
			if err := b.latencyRound(ctx, s, filepath.Join(dir, fmt.Sprintf("latency-%d.log", round))); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return nil
}

func (b *bench) latencyRound(ctx context.Context, s *server, path string) error {
	defer os.Remove(path)
	l, err := createLog(path)
	if err != nil {
		return err
	}
	defer l.Close()
	v, err := dialReady(ctx, s, l, make([]byte, blockRead))
	if err != nil {
		return err
	}
	defer v.close()
	var took histogram
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for range b.samples {
		<-ticker.C
		if err := l.write(1); err != nil {
			return err
		}
		for got := false; !got; {
			err := v.next(func(content []byte) {
				if i := bytes.IndexByte(content, '@'); i >= 0 {
					made, _ := lineTime(content[i:])
					took.add(time.Since(made))
					got = true
				}
			})
			if err != nil {
				return err
			}
		}
	}
	const note = "a line every 5 ms"
	b.figure(s, "latency p50", "ms", note, took.quantile(0.5))
	b.figure(s, "latency p99", "ms", note, took.quantile(0.99))
	return nil
}

// last measures the time from dialing to the last of the last 1000 lines.
func (b *bench) last(ctx context.Context, dir string) error {
	const times = 30
	for _, size := range []int64{10 << 20, b.big} {
		path := filepath.Join(dir, "last.log")
		l, err := createLog(path)
		if err != nil {
			return err
		}
		_, err = l.fill(size)
		if err := errors.Join(err, l.Close()); err != nil {
			return err
		}
		buf := make([]byte, blockRead)
		for round := range times {
			for _, s := range b.turn(round) {
				start := time.Now()
				v, err := dial(ctx, s, path, 1000, buf)
				if err != nil {
					return err
				}
				err = v.lines(1000)
				took := time.Since(start)
				v.close()
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				b.figure(s, fmt.Sprintf("last 1000 lines of %d MiB", size>>20), "ms", "from dial to last line, 30 times", milliseconds(took))
			}
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}
