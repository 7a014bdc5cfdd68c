package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/plugin/tail"
)

// writer writes numbered lines into a log at a pace and rotates it as lumberjack does. It owns its file.
type writer struct {
	path    string
	rate    int   // lines per second
	maxSize int64 // at which it rotates
	keep    int   // rotated files

	mu      sync.Mutex // held for each batch of lines, so that others can do things to the file between two
	file    *os.File
	size    int64
	backups []string
	next    int64  // number of the next line
	rest    []byte // of what was to be written, and could not be yet
	times   *times // when lines were written; nil if nobody wants to know
	began   int64  // number of the first line of what stands in the file
	emptied []span // what stood in the file when it was emptied
}

// span is the lines from one number to before another.
type span struct{ from, to int64 }

const payload = " the quick brown fox jumps over the lazy dog 0123456789 0123456789 0123456789\n"

// run writes until ctx is cancelled. Where the file cannot be written for a while, it tries again.
func (w *writer) run(ctx context.Context) {
	const tick = 5 * time.Millisecond
	t := time.NewTicker(tick)
	defer t.Stop()
	begun, wrote := time.Now(), int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		due := int64(time.Since(begun).Seconds()*float64(w.rate)) - wrote
		if due > int64(w.rate) { // It was held up; it does not make up for more than a second.
			wrote += due - int64(w.rate)
			due = int64(w.rate)
		}
		w.mu.Lock()
		wrote += w.write(due)
		w.mu.Unlock()
	}
}

// write writes so many lines and returns how many it has written. w.mu is held.
func (w *writer) write(n int64) int64 {
	if n <= 0 {
		return 0
	}
	if w.file == nil {
		f, err := os.OpenFile(w.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
		if err != nil {
			return 0
		}
		w.file, w.size = f, 0
	}
	if w.size == 0 {
		w.began = w.next
	}
	var out bytes.Buffer
	if len(w.rest) > 0 {
		n = 0 // That first.
		out.Write(w.rest)
	}
	for i := range n {
		fmt.Fprintf(&out, "%012d%s", w.next+i, payload)
	}
	wrote, _ := w.file.Write(out.Bytes())
	if w.size += int64(wrote); wrote == 0 {
		return 0
	}
	// Where there is no room for all of it, it is for the next time, so that no line is torn.
	w.rest = bytes.Clone(out.Bytes()[wrote:])
	w.next += n
	w.times.note(w.next - 1)
	if w.size >= w.maxSize && len(w.rest) == 0 {
		w.rotate()
	}
	return n
}

// rotate begins a new file. w.mu is held.
func (w *writer) rotate() {
	if w.file == nil || len(w.rest) > 0 { // A line is not torn in two files.
		return
	}
	_ = w.file.Close()
	w.file = nil
	to := fmt.Sprintf("%s-%s.log", w.path[:len(w.path)-len(".log")], time.Now().UTC().Format("2006-01-02T15-04-05.000"))
	if _, err := os.Stat(to); err == nil { // Twice in a millisecond: lumberjack would overwrite, which is not what is tested here.
		time.Sleep(2 * time.Millisecond)
		to = fmt.Sprintf("%s-%s.log", w.path[:len(w.path)-len(".log")], time.Now().UTC().Format("2006-01-02T15-04-05.000"))
	}
	if os.Rename(w.path, to) == nil {
		w.backups = append(w.backups, to)
	}
	for len(w.backups) > w.keep {
		_ = os.Remove(w.backups[0])
		w.backups = w.backups[1:]
	}
	if f, err := os.OpenFile(w.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644); err == nil {
		w.file, w.size = f, 0
	}
}

// do does something to the log between two writes.
func (w *writer) do(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// empty truncates the file. w.mu is held.
func (w *writer) empty() {
	if w.size > 0 && os.Truncate(w.path, 0) == nil {
		w.emptied = append(w.emptied, span{w.began, w.next})
		w.size = 0
	}
}

// vanished reports whether the lines of s are all that stood in a file when it was emptied. If nobody had seen any of it, there is no trace of it: that is a
// limit that docs/guarantees.md names. Of what was seen in part, the rest has to be declared.
func (w *writer) vanished(s span) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.emptied, s)
}

func (w *writer) written() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next
}

// viewer follows a log with the Go client and holds every line to its number: each comes once, in order, or a gap says before that some are
// missing.
type viewer struct {
	id   int
	log  *writer
	slow atomic.Int64 // nanoseconds to rest after each event

	times      atomic.Pointer[times] // when lines came; nil if nobody wants to know
	last       atomic.Int64          // number of the last line; -1 before the first
	reconnects atomic.Int64
	declared   atomic.Int64 // lines that were declared missing
	unseen     atomic.Int64 // lines that were written and emptied before anybody saw one of them
	gaps       atomic.Int64

	mu      sync.Mutex // guards what follows
	err     error
	reasons map[string]int // why it was disconnected
}

func (v *viewer) fail(format string, a ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err == nil {
		v.err = fmt.Errorf("viewer %d of %s: %s", v.id, filepath.Base(v.log.path), fmt.Sprintf(format, a...))
	}
}

func (v *viewer) failed() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.err
}

// follow follows until ctx is cancelled.
func (v *viewer) follow(ctx context.Context, url string) {
	gap, again := false, false
	options := client.Options{Wait: true, Attempts: 1000, OnStatus: func(s client.Status) {
		if d, ok := s.(client.Disconnected); ok {
			v.reconnects.Add(1)
			v.mu.Lock()
			defer v.mu.Unlock()
			if v.reasons == nil {
				v.reasons = map[string]int{}
			}
			v.reasons[d.Err.Error()]++
		}
	}}
	var part []byte
	for e, err := range client.Follow(ctx, url, options) {
		if err != nil {
			if ctx.Err() == nil {
				v.fail("it ended: %v", err)
			}
			return
		}
		switch e := e.(type) {
		case tail.Lines:
			for l := range bytes.Lines(e.Text) {
				if part = append(part, l...); part[len(part)-1] != '\n' {
					continue
				}
				v.line(part, &gap, &again)
				part = part[:0]
			}
			v.times.Load().note(v.last.Load())
		case tail.Gap:
			part = part[:0] // A line that was cut by it.
			gap = true
			v.gaps.Add(1)
			again = e.Cause == tail.CauseDown && e.Before.IsZero()
		case tail.Truncated:
			part = part[:0]
		}
		if d := v.slow.Load(); d > 0 {
			time.Sleep(time.Duration(d)) // It is how fast this viewer reads.
		}
	}
}

// line takes one line. gap: something was declared missing since the last one; again: what comes may have come before.
func (v *viewer) line(l []byte, gap, again *bool) {
	n, err := strconv.ParseInt(string(l[:min(12, len(l))]), 10, 64)
	last := v.last.Load()
	if err != nil || string(l[12:]) != payload {
		if !*gap {
			v.fail("after line %d there is no line: %.60q", last, l)
		}
		return // The rest of a line whose beginning is missing.
	}
	switch {
	case n == last+1:
	case n > last+1 && *gap:
		v.declared.Add(n - last - 1)
	case n > last+1 && v.log.vanished(span{last + 1, n}):
		v.unseen.Add(n - last - 1)
	case n > last+1:
		v.fail("lines %d to %d are missing, and nothing said so", last+1, n-1)
	case *again:
		return
	default:
		v.fail("line %d came after line %d", n, last)
	}
	*gap, *again = false, false
	v.last.Store(n)
}

// world is logs with writers, and viewers.
type world struct {
	t       *testing.T
	dir     string
	logs    []*writer
	viewers []*viewer
	cancel  context.CancelFunc // ends the viewers
	work    sync.WaitGroup
	quiet   context.CancelFunc // ends the writers
	writing sync.WaitGroup
}

// newWorld makes logs that are being written.
func newWorld(t *testing.T, logs, rate int, maxSize int64) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	ctx, quiet := context.WithCancel(context.Background())
	w.quiet = quiet
	for i := range logs {
		l := &writer{path: filepath.Join(w.dir, fmt.Sprintf("log%d.log", i)), rate: rate, maxSize: maxSize, keep: 250}
		w.logs = append(w.logs, l)
		w.writing.Go(func() { l.run(ctx) }) // Ends with ctx.
	}
	t.Cleanup(func() {
		w.quiet()
		w.writing.Wait()
		if w.cancel != nil {
			w.cancel()
		}
		w.work.Wait()
		for _, l := range w.logs {
			if l.file != nil {
				_ = l.file.Close()
			}
		}
	})
	return w
}

// watch has viewers follow the logs, in turn, through addr.
func (w *world) watch(viewers int, addr string) {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	for i := range viewers {
		v := &viewer{id: i, log: w.logs[i%len(w.logs)]}
		v.last.Store(-1) // Here, so that nobody takes it for one that has got line 0 before it has begun.
		w.viewers = append(w.viewers, v)
		w.work.Go(func() { v.follow(ctx, "ws://"+addr+v.log.path+"?from=beginning") }) // Ends with ctx.
	}
	getsThere(w.t, "every viewer has got lines", w.come, func() bool {
		w.check()
		return !slices.ContainsFunc(w.viewers, func(v *viewer) bool { return v.last.Load() < 0 })
	})
}

// reasons are those for which viewers were disconnected, and how often.
func (w *world) reasons() map[string]int {
	all := map[string]int{}
	for _, v := range w.viewers {
		v.mu.Lock()
		for reason, n := range v.reasons {
			all[reason] += n
		}
		v.mu.Unlock()
	}
	return all
}

// check fails the test if a viewer has seen something that must not be.
func (w *world) check() {
	w.t.Helper()
	for _, v := range w.viewers {
		if err := v.failed(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// come says how far the viewers have come, in lines.
func (w *world) come() (lines int64) {
	for _, v := range w.viewers {
		lines += v.last.Load()
	}
	return lines
}

// beyond waits until every viewer has got a line that was written after this call, and returns how long the last one took.
func (w *world) beyond() time.Duration {
	w.t.Helper()
	begun := time.Now()
	marks := map[*writer]int64{}
	for _, l := range w.logs {
		marks[l] = l.written()
	}
	getsThere(w.t, "every viewer goes on", w.come, func() bool {
		w.check()
		return !slices.ContainsFunc(w.viewers, func(v *viewer) bool { return v.last.Load() < marks[v.log] })
	})
	return time.Since(begun)
}

// finish stops the writers, waits until every viewer has got the last line, and returns what was counted.
func (w *world) finish() (lines, declared, reconnects int64) {
	w.t.Helper()
	w.quiet()
	w.writing.Wait()
	for _, l := range w.logs {
		l.do(func() { l.write(1) }) // So that what is missing at the very end is noticed, too.
	}
	getsThere(w.t, "every viewer has got the last line", w.come, func() bool {
		w.check()
		return !slices.ContainsFunc(w.viewers, func(v *viewer) bool { return v.last.Load() < v.log.written()-1 })
	})
	for _, v := range w.viewers {
		lines += v.last.Load() + 1
		declared += v.declared.Load()
		reconnects += v.reconnects.Load()
	}
	return lines, declared, reconnects
}
