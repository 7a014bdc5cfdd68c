package watch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// queue is one inotify queue. Events are read and handed out under mu, so that whoever drains it gets them in the order of the kernel.
type queue struct {
	file *os.File // for waiting and closing
	fd   int
	rest time.Duration // see run

	mu        sync.Mutex // guards the rest and the reading of fd
	closed    bool
	listeners map[int32][]*listener
	buf       [16 << 10]byte
}

// listener gets the events of one watch, called with mu held.
type listener struct{ event func(Event) }

func newQueue(rest time.Duration) (*queue, error) {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make an inotify queue: %w", err)
	}
	return &queue{file: os.NewFile(uintptr(fd), "inotify"), fd: fd, rest: rest, listeners: make(map[int32][]*listener)}, nil
}

// add begins a watch, or joins the one that exists already on the same file.
func (q *queue) add(path string, mask uint32, l *listener) (int32, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, os.ErrClosed
	}
	n, err := unix.InotifyAddWatch(q.fd, path, mask)
	if err != nil {
		return 0, fmt.Errorf("watch: %w", err)
	}
	wd := int32(n)
	q.listeners[wd] = append(q.listeners[wd], l)
	return wd, nil
}

func (q *queue) remove(wd int32, l *listener) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	old := q.listeners[wd]
	rest := make([]*listener, 0, len(old)) // A new one: the old may be being walked.
	for _, o := range old {
		if o != l {
			rest = append(rest, o)
		}
	}
	switch {
	case len(rest) == len(old):
	case len(rest) > 0:
		q.listeners[wd] = rest
	default:
		delete(q.listeners, wd)
		_, _ = unix.InotifyRmWatch(q.fd, uint32(wd)) // It may be gone with its file.
	}
}

// run hands out events until the queue is closed. A writer that never rests costs a bounded number of wake-ups: when events come sooner
// than rest after one another, the next are read only after another rest, and the kernel merges what is equal. The first event after a
// pause is not delayed.
func (q *queue) run() {
	conn, err := q.file.SyscallConn()
	if err != nil {
		return
	}
	var last time.Time
	for {
		err := conn.Read(func(uintptr) bool { return q.drain() > 0 })
		if err != nil {
			return
		}
		if q.rest == 0 {
			continue
		}
		if time.Since(last) < q.rest {
			time.Sleep(q.rest)
		}
		last = time.Now()
	}
}

// drain hands out everything that is in the queue now, and returns how many events that was.
func (q *queue) drain() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	count := 0
	for !q.closed {
		n, err := unix.Read(q.fd, q.buf[:])
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || n <= 0 {
			break
		}
		count += q.handOut(q.buf[:n])
	}
	return count
}

// handOut parses what the kernel wrote: a header of wd, mask, cookie and length, then the name padded with NULs.
func (q *queue) handOut(b []byte) int {
	count := 0
	for len(b) >= unix.SizeofInotifyEvent {
		wd := int32(binary.NativeEndian.Uint32(b))
		e := Event{mask: binary.NativeEndian.Uint32(b[4:]), Cookie: binary.NativeEndian.Uint32(b[8:])}
		size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
		if size > len(b) {
			break
		}
		name := b[unix.SizeofInotifyEvent:size]
		for i, c := range name {
			if c == 0 {
				name = name[:i]
				break
			}
		}
		e.Name = string(name)
		b = b[size:]
		count++
		if e.mask&unix.IN_Q_OVERFLOW != 0 {
			for _, ls := range q.listeners {
				for _, l := range ls {
					l.event(e)
				}
			}
			continue
		}
		for _, l := range q.listeners[wd] {
			l.event(e)
		}
		if e.mask&unix.IN_IGNORED != 0 {
			delete(q.listeners, wd)
		}
	}
	return count
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.listeners = nil
	q.mu.Unlock()
	_ = q.file.Close()
}
