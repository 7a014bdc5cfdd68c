package rotate

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// transient are the errors that pass: somebody makes room, or raises a limit.
var transient = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.EINTR}

const (
	// retryEvery is how often a write that failed is tried again.
	retryEvery = 100 * time.Millisecond
	// warnEvery is how often the same trouble is told.
	warnEvery = 10 * time.Second
)

// Stats counts what a [Writer] did. What it counts is on disk.
type Stats struct {
	// Lines and Bytes are what was written; a torn line counts in Bytes alone.
	Lines, Bytes int64
	// Rotations counts rotations.
	Rotations int64
	// Torn counts lines of which only the beginning is on disk.
	Torn int64
	// Blocked is how long writing was impossible.
	Blocked time.Duration
}

// Writer writes whole lines to a [Log], rotates it where a line would make it larger than the limit, and waits while the disk is full.
type Writer struct {
	log    Log
	max    int64
	warn   func(error)
	stats  Stats
	warned time.Time
	// midLine is set while the last line on disk lacks its end.
	midLine bool
	// every is how often the log is rotated whatever its size, and rotated when that was done last.
	every   time.Duration
	rotated time.Time
}

// NewWriter returns a writer to log that rotates at max bytes. Warn is told about trouble that the writer waits out, at most once in
// 10 s; nil drops it. The caller closes log.
func NewWriter(log Log, max int64, warn func(error)) *Writer {
	if warn == nil {
		warn = func(error) {}
	}
	return &Writer{log: log, max: max, warn: warn, rotated: time.Now()}
}

// RotateEvery makes the writer rotate also before the first line that comes so long after the last rotation, if the file is not empty.
func (w *Writer) RotateEvery(every time.Duration) { w.every = every }

// Stats returns the counts up to now.
func (w *Writer) Stats() Stats {
	s := w.stats
	if w.midLine {
		s.Torn++
	}
	return s
}

// Write writes lines, which end with a newline. It returns early, with what went wrong, only if ctx is cancelled while it waits or
// if waiting does not help; [Writer.Stats] then tells how far it came.
func (w *Writer) Write(ctx context.Context, lines []byte) error {
	return w.write(ctx, text{b: lines})
}

// WriteEncoded is Write for lines in whatever encoding: ends says where in them each line ends, its line ending included.
func (w *Writer) WriteEncoded(ctx context.Context, lines []byte, ends []int) error {
	return w.write(ctx, text{b: lines, ends: ends, encoded: true})
}

func (w *Writer) write(ctx context.Context, lines text) error {
	for len(lines.b) > 0 {
		size, rotate := w.fit(lines)
		if rotate {
			done, err := w.log.Rotate()
			if err != nil {
				if err := w.wait(ctx, err); err != nil {
					return err
				}
				continue
			}
			if done {
				w.stats.Rotations++
				w.rotated = time.Now()
				size, rotate = w.fit(lines)
			}
			if !done || rotate {
				// Not now, or the writer has not switched yet: the file grows on.
				size = len(lines.b)
			}
		}
		n, err := w.log.Write(lines.b[:size])
		if n > 0 {
			w.stats.Bytes += int64(n)
			count, whole := lines.count(n)
			w.stats.Lines += count
			w.midLine = !whole
			lines = lines.after(n)
		}
		if err != nil {
			if err := w.wait(ctx, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// fit returns how many bytes of the lines still fit into the file. If none does, the log is to be rotated.
func (w *Writer) fit(lines text) (size int, rotate bool) {
	if w.every > 0 && time.Since(w.rotated) >= w.every && !w.midLine && w.log.Size() > 0 {
		return 0, true
	}
	room := w.max - w.log.Size()
	if int64(len(lines.b)) <= room {
		return len(lines.b), false
	}
	if room > 0 {
		if end := lines.lastEnd(int(room)); end > 0 {
			return end, false
		}
	}
	if w.midLine || w.log.Size() == 0 {
		// The rest of a line belongs where its beginning is, and a line larger than the limit has a file to itself.
		return lines.firstEnd(), false
	}
	return 0, true
}

// wait waits before the next attempt, if there is to be one.
func (w *Writer) wait(ctx context.Context, cause error) error {
	if !isTransient(cause) {
		return cause
	}
	if now := time.Now(); w.warned.IsZero() || now.Sub(w.warned) >= warnEvery {
		w.warned = now
		w.warn(fmt.Errorf("waiting until the log can be written: %w", cause))
	}
	start := time.Now()
	t := time.NewTimer(retryEvery)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	w.stats.Blocked += time.Since(start)
	return ctx.Err()
}

func isTransient(err error) bool {
	for _, e := range transient {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
