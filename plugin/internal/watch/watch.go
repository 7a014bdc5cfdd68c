// Package watch says when it is worth looking at files and folders again. It carries hints, not truth: whoever uses it looks also from
// time to time without being told, and loses nothing but time when a hint is missing.
//
// A [Watcher] owns two inotify queues, because one queue for both would keep the kernel from merging equal events: one for names, which
// reports in strict order what happens to the entries of a folder ([Journal]), and one for data, which reports writing to an open file ([Mark]). A file is
// watched through its descriptor, so that it is the right one whatever its name is by now.
//
// Where inotify is missing or its limits are reached, New, Journal and Mark say so, and the caller does without.
package watch

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ErrOff is returned by a [Watcher] that has no events.
var ErrOff = errors.New("events are switched off")

// Watcher owns the two queues and a goroutine for each. It is safe for concurrent use. Its methods must not be called from a
// notification.
type Watcher struct {
	names, data *queue // nil: no events
	readers     sync.WaitGroup
}

// New returns a watcher. An error means that the system gives no events.
func New() (*Watcher, error) {
	names, err := newQueue(0) // A new file may be deleted at any moment: no rest.
	if err != nil {
		return nil, err
	}
	data, err := newQueue(dataRest)
	if err != nil {
		names.close()
		return nil, err
	}
	w := &Watcher{names: names, data: data}
	// Both end when close closes their queue.
	w.readers.Go(names.run)
	w.readers.Go(data.run)
	return w, nil
}

// dataRest is how soon after one another the data of files may be reported.
const dataRest = 500 * time.Microsecond

// Off returns a watcher without events: everything that is asked of it is refused with [ErrOff].
func Off() *Watcher { return &Watcher{} }

// On reports whether w gives events.
func (w *Watcher) On() bool { return w.names != nil }

// Close ends all watching and waits for the notifications under way.
func (w *Watcher) Close() {
	if !w.On() {
		return
	}
	w.names.close()
	w.data.close()
	w.readers.Wait()
}

// Mark is the watch of one open file.
type Mark struct {
	q  *queue
	wd int32
	l  *listener
}

// dataMask: what a reader of the content wants to know. Closing after writing is when a renamed file may be complete.
const dataMask = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_CLOSE_WRITE

// Mark calls notify when the file behind the descriptor fd is written, truncated, linked, unlinked or closed by a writer, one call for
// any number of these. notify runs on the watcher's goroutine and must be short.
func (w *Watcher) Mark(fd int, notify func()) (*Mark, error) {
	if !w.On() {
		return nil, ErrOff
	}
	l := &listener{event: func(Event) { notify() }}
	wd, err := w.data.add(fmt.Sprintf("/proc/self/fd/%d", fd), dataMask, l)
	if err != nil {
		return nil, err
	}
	return &Mark{w.data, wd, l}, nil
}

// Close ends the watch. No notification runs after it has returned. Closing a nil mark does nothing.
func (m *Mark) Close() {
	if m != nil {
		m.q.remove(m.wd, m.l)
	}
}
