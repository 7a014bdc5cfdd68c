package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// crowd is many viewers of one log. A goroutine for each processor reads all that is ready, with one system call for each viewer, so that
// the crowd takes as little of the machine from the servers as it can.
type crowd struct {
	viewers []atomic.Pointer[viewer]
	shares  []*share
	work    sync.WaitGroup
	stop    atomic.Bool
	lines   atomic.Int64
	// lost counts connections that ended by themselves.
	lost atomic.Int64
}

// share is what one goroutine reads.
type share struct {
	c      *crowd
	epoll  int
	buf    []byte
	delays histogram
}

// gather connects n viewers to a log of which the last lines are asked for; each has got have lines when it returns. What comes after
// those is counted, and heartbeats are answered, from each viewer's first moment on.
func gather(ctx context.Context, s *server, path string, n, lines, have int) (c *crowd, err error) {
	c = &crowd{viewers: make([]atomic.Pointer[viewer], n)}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	for range runtime.GOMAXPROCS(0) {
		epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			return c, os.NewSyscallError("epoll_create1", err)
		}
		s := &share{c: c, epoll: epoll, buf: make([]byte, blockRead)}
		c.shares = append(c.shares, s)
		c.work.Go(s.run) // Ends with close.
	}
	const dialers = 4
	var next atomic.Int64
	var work sync.WaitGroup
	failed := make([]error, dialers)
	for d := range dialers {
		work.Go(func() { // Ends with the last viewer, or the first that fails.
			buf := make([]byte, blockRead)
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := c.join(ctx, s, path, i, lines, have, buf); err != nil {
					failed[d] = fmt.Errorf("viewer %d: %w", i+1, err)
					next.Store(int64(n))
				}
			}
		})
	}
	work.Wait()
	return c, errors.Join(failed...)
}

// join adds the i-th viewer.
func (c *crowd) join(ctx context.Context, s *server, path string, i, lines, have int, buf []byte) error {
	v, err := dial(ctx, s, path, lines, buf)
	if err != nil {
		return err
	}
	c.viewers[i].Store(v)
	if err := v.lines(have); err != nil {
		return err
	}
	v.buf = nil
	share := c.shares[i%len(c.shares)]
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(share.epoll, unix.EPOLL_CTL_ADD, v.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}))
}

func (s *share) run() {
	const look = 100 // Milliseconds, after which it is looked whether the crowd is to end.
	events := make([]unix.EpollEvent, 256)
	for !s.c.stop.Load() {
		n, err := unix.EpollWait(s.epoll, events, look)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		for _, e := range events[:max(n, 0)] {
			s.take(s.c.viewers[e.Fd].Load())
		}
	}
}

func (s *share) take(v *viewer) {
	n, err := v.read(s.buf)
	now := time.Now()
	count := 0
	if err == nil {
		var answer []byte
		answer, err = v.frames.feed(s.buf[:n], func(b []byte) { count += s.look(b, now) })
		if err == nil && len(answer) > 0 {
			err = v.write(answer)
		}
	}
	s.c.lines.Add(int64(count))
	if err != nil {
		s.c.lost.Add(1)
		_ = unix.EpollCtl(s.epoll, unix.EPOLL_CTL_DEL, v.fd, nil)
	}
}

// look counts the lines in b and notes how old they are.
func (s *share) look(b []byte, now time.Time) (count int) {
	for {
		i := bytes.IndexByte(b, '@')
		if i < 0 {
			return count
		}
		b = b[i:]
		count++
		if len(b) < lineHead {
			return count // Cut off here, so that its time is not known.
		}
		if made, ok := lineTime(b); ok {
			s.delays.add(now.Sub(made))
		}
		b = b[lineHead:]
	}
}

// close ends all connections and waits for the goroutines.
func (c *crowd) close() {
	c.stop.Store(true)
	c.work.Wait()
	for i := range c.viewers {
		if v := c.viewers[i].Swap(nil); v != nil {
			v.close()
		}
	}
	for _, s := range c.shares {
		if s.epoll >= 0 {
			_ = unix.Close(s.epoll)
			s.epoll = -1
		}
	}
}

// delays returns how old the lines were when they came. The crowd must be closed.
func (c *crowd) delays() *histogram {
	var all histogram
	for _, s := range c.shares {
		all.merge(&s.delays)
	}
	return &all
}
