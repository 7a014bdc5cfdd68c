package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/plugin/tail"
)

// idle measures what a session costs in which nothing happens. It is done once: a server does not give back at once what it needed before.
func (b *bench) idle(ctx context.Context, dir string) error {
	path := filepath.Join(dir, "idle.log")
	l, err := createLog(path)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	defer l.Close()
	if err := l.write(10); err != nil {
		return err
	}
	for _, s := range b.servers {
		if err := b.idleOf(ctx, s, path); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (b *bench) idleOf(ctx context.Context, s *server, path string) error {
	// The first session pays for what all share.
	first, err := gather(ctx, s, path, 1, 10, 10)
	if err != nil {
		return err
	}
	first.close()
	rest(ctx, b.still/4)
	before := s.memory()
	start := time.Now()
	c, err := gather(ctx, s, path, b.sleepers, 10, 10)
	if err != nil {
		return err
	}
	defer c.close()
	opened := time.Since(start)
	rest(ctx, b.still/2)
	memory := s.memory() - before
	used := s.cpu()
	rest(ctx, b.still)
	note := fmt.Sprintf("%d sessions on one log", b.sleepers)
	b.figure(s, "idle session", "KiB", note, float64(memory)/1024/float64(b.sleepers))
	b.figure(s, "idle sessions", "CPU ms/s", note, milliseconds(s.cpu()-used)/b.still.Seconds())
	b.figure(s, "sessions opened", "in a second", note, float64(b.sleepers)/opened.Seconds())
	if n := c.lost.Load(); n > 0 {
		return fmt.Errorf("%d sessions ended by themselves", n)
	}
	return ctx.Err()
}

// rest lets the servers alone for a while.
func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// slow measures the memory that a client costs that stops reading, and whether it gets everything when it goes on.
func (b *bench) slow(ctx context.Context, dir string) error {
	for _, s := range b.servers {
		if s.name == plainName {
			continue // Nothing but reading on would bring a client back that has no position.
		}
		if err := b.slowOf(ctx, s, filepath.Join(dir, "slow.log")); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (b *bench) slowOf(ctx context.Context, s *server, path string) error {
	defer os.Remove(path)
	l, err := createLog(path)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.write(1); err != nil {
		return err
	}
	first, resume := make(chan struct{}), make(chan struct{})
	got, done := int64(0), make(chan error, 1)
	total := b.stalled/lineLength + 1
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	take := func(content []byte) bool {
		n := int64(bytes.Count(content, at))
		if got == 0 && n > 0 {
			close(first)
			select {
			case <-resume:
			case <-ctx.Done():
			}
		}
		got += n
		return got < total
	}
	go func() { done <- follow(ctx, s, path, take) }() // Ends with the last line, or with ctx.
	select {
	case <-first:
	case err := <-done:
		return err
	}
	before, peak := s.memory(), int64(0)
	filled := make(chan error, 1)
	start := time.Now()
	go func() { // Ends when all is written.
		_, err := l.fill(b.stalled)
		filled <- err
	}()
	for time.Since(start) < b.stall {
		peak = max(peak, s.memory())
		rest(ctx, 50*time.Millisecond)
	}
	if err := <-filled; err != nil {
		return err
	}
	close(resume)
	if err := <-done; err != nil {
		return err
	}
	note := fmt.Sprintf("%d MiB written meanwhile", b.stalled>>20)
	b.figure(s, fmt.Sprintf("client that stops for %s", b.stall), grown, note, float64(peak-before)/(1<<20))
	b.figure(s, "lines lost by it", "lines", note, float64(total-got))
	return nil
}

// follow hands the content of a log to take until that returns false. For livetail.v1 it comes back when it was let go for being slow.
func follow(ctx context.Context, s *server, path string, take func([]byte) bool) error {
	if s.subprotocol == "" {
		v, err := dial(ctx, s, path, 1000, make([]byte, blockRead))
		if err != nil {
			return err
		}
		defer v.close()
		for more := true; more; {
			if err := v.next(func(content []byte) { more = take(content) && more }); err != nil {
				return err
			}
		}
		return nil
	}
	for e, err := range client.Follow(ctx, s.url(path, 1000), client.Options{}) {
		if err != nil {
			return err
		}
		if l, ok := e.(tail.Lines); ok && !take(l.Text) {
			return nil
		}
	}
	return errors.New("the server ended the log")
}
