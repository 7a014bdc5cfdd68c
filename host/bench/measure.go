package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/plugin/tail"
)

// one measures how fast one client gets what is written at once.
func (b *bench) one(ctx context.Context, dir string) error {
	speeds, cpus := map[string][]float64{}, map[string][]float64{}
	for round := range b.rounds {
		for _, s := range b.servers {
			speed, cpu, err := b.oneRound(ctx, s, filepath.Join(dir, fmt.Sprintf("one-%d.log", round)))
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			speeds[s.name] = append(speeds[s.name], speed)
			cpus[s.name] = append(cpus[s.name], cpu)
		}
	}
	note := fmt.Sprintf("%d MiB written at once", b.bytes>>20)
	b.add("one client", "MB/s", note, medians(speeds))
	b.add("one client, server", "CPU ms", note, medians(cpus))
	return nil
}

func (b *bench) oneRound(ctx context.Context, s *server, path string) (speed, cpu float64, err error) {
	defer os.Remove(path)
	l, err := createLog(path)
	if err != nil {
		return 0, 0, err
	}
	defer l.Close()
	// Formatting is not what is measured.
	var block []byte
	for range 1 << 20 / lineLength {
		block = appendLine(block, l.next, time.Now())
		l.next++
	}
	v, err := dialReady(ctx, s, l)
	if err != nil {
		return 0, 0, err
	}
	defer v.close()
	before, start := s.cpu(), time.Now()
	blocks := int(b.bytes) / len(block)
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
	if err := v.lines(blocks * len(block) / lineLength); err != nil {
		return 0, 0, err
	}
	took := time.Since(start)
	return float64(blocks*len(block)) / 1e6 / took.Seconds(), float64((s.cpu() - before).Milliseconds()), <-written
}

// dialReady connects to a log and returns when new lines arrive.
func dialReady(ctx context.Context, s *server, l *logFile) (*viewer, error) {
	v, err := dial(ctx, s, l.Name(), 1000)
	if err != nil {
		return nil, err
	}
	if err := l.write(1); err != nil {
		return nil, err
	}
	return v, v.lines(1)
}

// latency measures how long a line takes on an idle system.
func (b *bench) latency(ctx context.Context, dir string) error {
	p50, p99 := map[string]float64{}, map[string]float64{}
	for _, s := range b.servers {
		took, err := b.latencyOf(ctx, s, filepath.Join(dir, "latency.log"))
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		p50[s.name], p99[s.name] = quantile(took, 0.5), quantile(took, 0.99)
	}
	b.add("latency p50", "ms", "a line every 5 ms", p50)
	b.add("latency p99", "ms", "a line every 5 ms", p99)
	return nil
}

func (b *bench) latencyOf(ctx context.Context, s *server, path string) (took []time.Duration, err error) {
	defer os.Remove(path)
	l, err := createLog(path)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	v, err := dialReady(ctx, s, l)
	if err != nil {
		return nil, err
	}
	defer v.close()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for range b.samples {
		<-ticker.C
		if err := l.write(1); err != nil {
			return nil, err
		}
		for got := false; !got; {
			content, err := v.next()
			if err != nil {
				return nil, err
			}
			if i := bytes.IndexByte(content, '@'); i >= 0 {
				if made, ok := lineTime(content[i:]); ok {
					took, got = append(took, time.Since(made)), true
				}
			}
		}
	}
	slices.Sort(took)
	return took, nil
}

// last measures the time from dialing to the last of the last 1000 lines.
func (b *bench) last(ctx context.Context, dir string) error {
	for _, size := range []int64{10 << 20, b.big} {
		path := filepath.Join(dir, "last.log")
		l, err := createLog(path)
		if err != nil {
			return err
		}
		if _, err := l.fill(size); err != nil {
			return errors.Join(err, l.Close())
		}
		if err := l.Close(); err != nil {
			return err
		}
		took := map[string][]float64{}
		for range 30 {
			for _, s := range b.servers {
				start := time.Now()
				v, err := dial(ctx, s, path, 1000)
				if err != nil {
					return err
				}
				if err := v.lines(1000); err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				took[s.name] = append(took[s.name], float64(time.Since(start).Microseconds())/1000)
				v.close()
			}
		}
		b.add(fmt.Sprintf("last 1000 lines of %d MiB", size>>20), "ms", "from dial to last line, median of 30", medians(took))
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// idle measures what a session costs that nothing happens in.
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
	memory, cpu := map[string]float64{}, map[string]float64{}
	for _, s := range b.servers {
		if err := b.idleOf(ctx, s, l, memory, cpu); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	note := fmt.Sprintf("%d sessions on one log", b.clients)
	b.add("idle session", "KiB", note, memory)
	b.add("idle sessions", "CPU ms/s", note, cpu)
	return nil
}

func (b *bench) idleOf(ctx context.Context, s *server, l *logFile, memory, cpu map[string]float64) error {
	time.Sleep(time.Second) // What the measures before needed is given back by and by.
	before := s.memory()
	var viewers []*viewer
	var work sync.WaitGroup
	defer func() {
		for _, v := range viewers {
			v.close()
		}
		work.Wait()
	}()
	for range b.clients {
		v, err := dial(ctx, s, l.Name(), 10)
		if err != nil {
			return err
		}
		viewers = append(viewers, v)
		if err := v.lines(10); err != nil {
			return err
		}
		work.Go(func() { // Ends when the connection does.
			for {
				if _, err := v.next(); err != nil {
					return
				}
			}
		})
	}
	time.Sleep(2 * time.Second)
	memory[s.name] = float64(s.memory()-before) / 1024 / float64(b.clients)
	used := s.cpu()
	time.Sleep(4 * time.Second)
	cpu[s.name] = float64((s.cpu() - used).Milliseconds()) / 4
	return nil
}

// slow measures the memory that a client costs that stops reading, and whether it gets everything when it goes on.
func (b *bench) slow(ctx context.Context, dir string) error {
	memory, lost := map[string]float64{}, map[string]float64{}
	for _, s := range b.servers {
		if s.name == plainName {
			continue // Nothing but reading on would bring a client back that has no position.
		}
		if err := b.slowOf(ctx, s, filepath.Join(dir, "slow.log"), memory, lost); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	note := fmt.Sprintf("%d MiB written meanwhile", b.stalled>>20)
	b.add("client that stops for 8 s", "MiB grown", note, memory)
	b.add("lines lost by it", "lines", note, lost)
	return nil
}

func (b *bench) slowOf(ctx context.Context, s *server, path string, memory, lost map[string]float64) error {
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
		if got == 0 {
			close(first)
			<-resume
		}
		got += int64(bytes.Count(content, at))
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
	for time.Since(start) < 8*time.Second {
		peak = max(peak, s.memory())
		time.Sleep(50 * time.Millisecond)
	}
	if err := <-filled; err != nil {
		return err
	}
	close(resume)
	if err := <-done; err != nil {
		return err
	}
	memory[s.name] = float64(peak-before) / (1 << 20)
	lost[s.name] = float64(total - got)
	return nil
}

// follow hands the content of a log to take until that returns false. For livetail.v1 it comes back when it was let go for being slow.
func follow(ctx context.Context, s *server, path string, take func([]byte) bool) error {
	if s.subprotocol == "" {
		v, err := dial(ctx, s, path, 1000)
		if err != nil {
			return err
		}
		defer v.close()
		for {
			content, err := v.next()
			if err != nil || !take(content) {
				return err
			}
		}
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
