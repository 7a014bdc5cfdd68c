package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	fanoutEvery = 10 * time.Millisecond
	fanoutLines = 20 // in each write: 2,000 lines a second
)

// fanout measures many clients on one log.
func (b *bench) fanout(ctx context.Context, dir string) error {
	share, p50, p99, cpu := map[string]float64{}, map[string]float64{}, map[string]float64{}, map[string]float64{}
	for _, s := range b.servers {
		if err := b.fanoutOf(ctx, s, filepath.Join(dir, "fanout.log"), share, p50, p99, cpu); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	note := fmt.Sprintf("%d clients, %d lines/s each", b.clients, fanoutLines*int(time.Second/fanoutEvery))
	b.add("fan-out delivered", "%", note, share)
	b.add("fan-out p50", "ms", note, p50)
	b.add("fan-out p99", "ms", note, p99)
	b.add("fan-out, server", "CPU ms/s", note, cpu)
	return nil
}

func (b *bench) fanoutOf(ctx context.Context, s *server, path string, share, p50, p99, cpu map[string]float64) error {
	defer os.Remove(path)
	l, err := createLog(path)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.write(1); err != nil {
		return err
	}
	var received atomic.Int64
	var mu sync.Mutex // guards took
	var took []time.Duration
	var viewers []*viewer
	var work sync.WaitGroup
	stop := func() {
		for _, v := range viewers {
			v.close()
		}
		work.Wait()
	}
	defer func() { stop() }()
	for range b.clients {
		v, err := dial(ctx, s, path, 1000)
		if err != nil {
			return err
		}
		viewers = append(viewers, v)
		if err := v.lines(1); err != nil {
			return err
		}
		work.Go(func() { // Ends when the connection does.
			own := make([]time.Duration, 0, 1000)
			for {
				content, err := v.next()
				if err != nil {
					break
				}
				if i := bytes.IndexByte(content, '@'); i >= 0 {
					if made, ok := lineTime(content[i:]); ok {
						own = append(own, time.Since(made))
					}
				}
				received.Add(int64(bytes.Count(content, at)))
			}
			mu.Lock()
			took = append(took, own...)
			mu.Unlock()
		})
	}
	before, start := s.cpu(), time.Now()
	written := int64(0)
	ticker := time.NewTicker(fanoutEvery)
	defer ticker.Stop()
	for time.Since(start) < time.Duration(b.seconds)*time.Second {
		<-ticker.C
		// A writer that was held up writes what it owes.
		for due := int64(time.Since(start)/fanoutEvery) * fanoutLines; written < due; written += fanoutLines {
			if err := l.write(fanoutLines); err != nil {
				return err
			}
		}
	}
	elapsed := time.Since(start)
	time.Sleep(200 * time.Millisecond) // What is on its way counts.
	got := received.Load()
	used := s.cpu() - before
	stop()
	stop = func() {}
	slices.Sort(took)
	share[s.name] = 100 * float64(got) / float64(written*int64(b.clients))
	p50[s.name], p99[s.name] = quantile(took, 0.5), quantile(took, 0.99)
	cpu[s.name] = float64(used.Milliseconds()) / elapsed.Seconds()
	return nil
}
